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

        /// What the journal tells of ovs-vswitchd where that was a restart.
        var report: Event.Report {
            .init(
                .switchRestarted,
                object: "ovs-vswitchd",
                latencyMicroseconds: Int(untilFlows.nanoseconds / 1000),
                reason: """
                    it was away for \(Latency.text(microseconds: Int(away.nanoseconds / 1000))), and from its first answer on \
                    until all bridges had their flows it took the time told
                    """
            )
        }
    }

    /// Bridges that are in reach.
    private var answering: Set<String> = []
    /// Bridges that have their flows.
    private var served: Set<String> = []
    /// Those that had them.
    private var lost: Set<String> = []
    private var wentAt: NIODeadline?
    private var cameAt: NIODeadline?
    /// Whether all were out of reach at once.
    private var isWhole = false

    mutating func lost(_ bridge: String, now: NIODeadline) {
        answering.remove(bridge)
        if served.remove(bridge) != nil {
            lost.insert(bridge)
            wentAt = wentAt ?? now
        }
        // Also where ovs-vswitchd ends once more before all have their flows.
        if !lost.isEmpty, answering.isEmpty { (isWhole, cameAt) = (true, nil) }
    }

    mutating func answers(_ bridge: String, now: NIODeadline) {
        answering.insert(bridge)
        if isWhole, lost.contains(bridge) { cameAt = cameAt ?? now }
    }

    /// A bridge has its flows. Says whether that ends the absence of them all.
    mutating func serves(_ bridge: String, now: NIODeadline) -> Ended? {
        answering.insert(bridge)
        served.insert(bridge)
        guard lost.remove(bridge) != nil, lost.isEmpty else { return nil }
        defer { (wentAt, cameAt, isWhole) = (nil, nil, false) }
        guard isWhole, let wentAt, let cameAt else { return nil }
        return Ended(away: cameAt - wentAt, untilFlows: now - cameAt)
    }

    /// A bridge is none of ours any more.
    mutating func forget(_ bridge: String) {
        answering.remove(bridge)
        served.remove(bridge)
        lost.remove(bridge)
        if lost.isEmpty { (wentAt, cameAt, isWhole) = (nil, nil, false) }
    }
}
