import NIOCore

/// When to plan: at most one transaction is in flight, a notification is acted on at once, a guard that failed is
/// planned anew, and a transaction that the server refuses for another reason is tried again with growing pauses. So is
/// one whose effect does not last: whatever undoes it, the agent must not turn in a circle at full speed.
///
/// A pure machine on the caller's clock. Where a method says so, plan now and call ``committing()`` if there was
/// anything to commit.
struct ReconcileStateMachine: Sendable {
    private enum State: Hashable, Sendable {
        /// No snapshot, or no lock: nothing may be written.
        case standing
        case idle
        case committing
        case backingOff(until: NIODeadline)
    }

    /// What to do after a transaction.
    enum Decision: Hashable, Sendable {
        case planNow
        case planAt(NIODeadline)
        case nothing
    }

    /// Guards fail, or commits leave something to do, at most this often in a row before the next plan waits a moment.
    static let roundLimit = 20
    static let shortestPause = TimeAmount.milliseconds(100)
    static let longestPause = TimeAmount.seconds(8)

    private var state = State.standing
    /// Transactions since all was as wanted.
    private var rounds = 0
    private var pause = TimeAmount.zero

    /// Whether a transaction is in flight or waited with.
    var isBusy: Bool {
        switch state {
        case .standing, .idle: false
        case .committing, .backingOff: true
        }
    }

    /// There is a complete snapshot and the lock is ours: plan now.
    mutating func begin() { settled() }

    /// A plan came out empty.
    mutating func settled() {
        state = .idle
        rounds = 0
        pause = .zero
    }

    /// The snapshot or the lock is gone. What is in flight is not known to have happened.
    mutating func stand() { state = .standing }

    /// The database changed, or the layout did; whether to plan now. Otherwise a plan comes by itself in time.
    func changed() -> Bool { state == .idle }

    /// A plan has been sent.
    mutating func committing() { state = .committing }

    /// The transaction was made: plan again, for what came meanwhile.
    mutating func committed(now: NIODeadline) -> Decision {
        guard state == .committing else { return .nothing }
        return planAgain(now: now)
    }

    /// The transaction was undone. `isStale`: because a guard found the database changed, as the replica now shows.
    mutating func refused(isStale: Bool, now: NIODeadline) -> Decision {
        guard state == .committing else { return .nothing }
        return isStale ? planAgain(now: now) : backOff(now: now)
    }

    /// The time of a ``Decision/planAt(_:)`` has come; whether to plan now.
    mutating func resume(now: NIODeadline) -> Bool {
        guard case .backingOff(let until) = state, now >= until else { return false }
        state = .idle
        return true
    }

    private mutating func planAgain(now: NIODeadline) -> Decision {
        rounds += 1
        guard rounds > Self.roundLimit else {
            state = .idle
            return .planNow
        }
        rounds = 0
        state = .backingOff(until: now + Self.shortestPause)
        return .planAt(now + Self.shortestPause)
    }

    private mutating func backOff(now: NIODeadline) -> Decision {
        pause = min(max(Self.shortestPause, pause * 2), Self.longestPause)
        state = .backingOff(until: now + pause)
        return .planAt(now + pause)
    }
}
