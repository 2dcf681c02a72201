import NIOCore

/// Follows whether all bridges are out of reach at once, as when ovs-vswitchd ends, and when all have their flows again: a
/// pure value on the caller's clock.
struct SwitchAbsence: Hashable, Sendable {
    /// What came to its end.
    struct Ended: Hashable, Sendable {
        /// From the loss of the first bridge until the first answered again.
        var away: TimeAmount
        /// From that answer until the last bridge had its flows.
        var untilFlows: TimeAmount
    }

    /// Bridges that have their flows.
    private var served: Set<String> = []
    /// Those that had them.
    private var lost: Set<String> = []
    private var wentAt: NIODeadline?
    private var cameAt: NIODeadline?
    /// Whether all were out of reach at once.
    private var isWhole = false

    mutating func lost(_ bridge: String, now: NIODeadline) {
        guard served.remove(bridge) != nil else { return }
        lost.insert(bridge)
        wentAt = wentAt ?? now
        if served.isEmpty { (isWhole, cameAt) = (true, nil) }
    }

    mutating func answers(_ bridge: String, now: NIODeadline) {
        if isWhole, lost.contains(bridge) { cameAt = cameAt ?? now }
    }

    /// A bridge has its flows. Says whether that ends the absence of them all.
    mutating func serves(_ bridge: String, now: NIODeadline) -> Ended? {
        served.insert(bridge)
        guard lost.remove(bridge) != nil, lost.isEmpty else { return nil }
        defer { (wentAt, cameAt, isWhole) = (nil, nil, false) }
        guard isWhole, let wentAt, let cameAt else { return nil }
        return Ended(away: cameAt - wentAt, untilFlows: now - cameAt)
    }

    /// A bridge is none of ours any more.
    mutating func forget(_ bridge: String) {
        served.remove(bridge)
        lost.remove(bridge)
        if lost.isEmpty { (wentAt, cameAt, isWhole) = (nil, nil, false) }
    }
}
