/// From what the agent knows to the one word of its status and the reasons for it: a pure function.
struct Standing: Hashable, Sendable {
    var connection: Agent.Connection
    var lock: Status.Database.Lock?
    var layoutError: String?
    var obstacles: [Obstacle]
    /// The server's words when it refused the last transaction.
    var refusal: String?
    var application: Application.State
    var unapplied: [Status.Reason]
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
        if layoutError != nil || !obstacles.isEmpty || refusal != nil || application == .failed { return .degraded }
        return lock == .held && isSettled && application == .applied ? .inSync : .reconciling
    }

    var reasons: [Status.Reason] {
        var reasons: [Status.Reason] = []
        switch connection {
        case .lost(let reason): reasons.append(.init(reason, remedy: "look whether ovsdb-server runs"))
        case .none: reasons.append("the database has not answered yet")
        case .opening: reasons.append("the database has answered, and its rows have not come yet")
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
        if let layoutError {
            reasons.append(
                .init("the layout file was not taken: \(layoutError)", remedy: "mend it and run ovs-agentctl reload")
            )
        }
        reasons += obstacles.map { Status.Reason("\($0)") }
        if let refusal { reasons.append(.init("the database refused a transaction: \(refusal)")) }
        if connection == .synced, lock == .held, application != .applied { reasons += unapplied }
        return reasons
    }
}
