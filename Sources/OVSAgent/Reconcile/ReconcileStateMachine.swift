/// When to plan: a notification is acted on at once, at most one transaction is in flight, and what came meanwhile is
/// planned when it is over. What a plan may hold at that time, ``Contest`` and ``Refusals`` say.
///
/// A pure machine. Where a method says so, plan now and call ``committing()`` if there was anything to commit.
struct ReconcileStateMachine: Sendable {
    private enum State: Hashable, Sendable {
        /// No snapshot, or no lock: nothing may be written.
        case standing
        case idle
        case committing
    }

    private var state = State.standing

    /// Whether nothing may be written.
    var isStanding: Bool { state == .standing }

    /// Whether a transaction is in flight.
    var isBusy: Bool { state == .committing }

    /// There is a complete snapshot and the lock is ours: plan now.
    mutating func begin() { state = .idle }

    /// The snapshot or the lock is gone. What is in flight is not known to have happened.
    mutating func stand() { state = .standing }

    /// The database changed, or the layout did, or what had to wait need not any more; whether to plan now. Otherwise a
    /// plan comes by itself in time.
    func changed() -> Bool { state == .idle }

    /// A plan has been sent.
    mutating func committing() { state = .committing }

    /// The transaction was made or undone; whether to plan again now, for what came meanwhile and what is left to do.
    mutating func answered() -> Bool {
        guard state == .committing else { return false }
        state = .idle
        return true
    }
}
