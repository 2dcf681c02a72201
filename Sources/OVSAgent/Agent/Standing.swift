/// From what the agent knows to the one word of its status and the reasons for it: a pure function.
struct Standing: Hashable, Sendable {
    var connection: Authority.Connection
    var lock: Status.Database.Lock?
    var layoutError: String?
    var obstacles: [Obstacle]
    /// What the server does not take.
    var refusals: [Refusals.Refusal] = []
    /// Why the server takes nothing at all.
    var closure: Reason?
    /// What somebody rewrites again and again.
    var fights: [Contest.Fight] = []
    /// The operator's word that nothing is to be written.
    var pause: Pause?
    var application: Application.State
    var unapplied: [Reason]
    /// What stops frames though all is as wanted.
    var blockages: [Blockage] = []
    /// Whether the database is as wanted, as far as the last plan showed.
    var isSettled: Bool

    /// The first that holds, most urgent first; ``reasons`` lists all that is wrong.
    var state: Status.State {
        guard connection == .synced else { return .disconnected }
        switch lock {
        case .waiting: return .standby
        case .lost: return .degraded
        case .held, nil: break
        }
        if pause != nil { return .paused }
        if layoutError != nil || !obstacles.isEmpty || !refusals.isEmpty || closure != nil { return .degraded }
        if application == .failed { return .degraded }
        if !fights.isEmpty { return .contested }
        if !blockages.isEmpty, application == .applied { return .degraded }
        return lock == .held && isSettled && application == .applied ? .inSync : .reconciling
    }

    var reasons: [Reason] {
        var reasons: [Reason] = []
        switch connection {
        case .lost(let reason, let remedy): reasons.append(.init(reason, remedy: remedy))
        case .none: reasons.append("the database has not answered yet")
        case .opening: reasons.append("the connection to the database stands, and its rows have not come yet")
        case .synced: break
        }
        switch lock {
        case .waiting:
            reasons.append("another agent of this host holds the lock; this one takes over when that one ends")
        case .lost:
            reasons.append(
                .init("the lock was taken away: nothing is written", remedy: "look who else runs on this host")
            )
        case .held, nil: break
        }
        if let pause {
            reasons.append(
                .init(
                    "enforcement stands still until \(pause.until): \(pause.reason)",
                    remedy: "run ovs-agentctl resume"
                )
            )
        }
        if let layoutError {
            // A finding a line.
            let findings = layoutError.split(separator: "\n").map(String.init)
            reasons.append(
                .init(
                    "the layout file was not taken: \(findings.first ?? "")",
                    details: Array(findings.dropFirst()),
                    remedy: "mend it and run ovs-agentctl reload"
                )
            )
        }
        if let closure { reasons.append(closure) }
        reasons += obstacles.map { Reason("\($0)") }
        reasons += refusals.map { .init("\($0.object): the database refused a transaction: \($0.reason)") }
        reasons += fights.map {
            .init(
                "\($0.object): somebody changes it again and again, \($0.repairs) repairs since it is contested",
                remedy: "find who does: ovsdb-tool -mm show-log tells what was written when"
            )
        }
        if connection == .synced, lock == .held, application != .applied { reasons += unapplied }
        if connection == .synced, lock == .held { reasons += blockages.map(\.reason) }
        return reasons
    }
}
