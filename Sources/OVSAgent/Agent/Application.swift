import NIOCore

/// Whether ovs-vswitchd has done what the database says, and for how long it has not: a pure machine on the caller's
/// clock (DESIGN, rule 1: a commit is a commit; *applied* is more).
struct Application: Sendable {
    enum State: Hashable, Sendable {
        /// Not yet, and it may take a moment.
        case waiting(until: NIODeadline)
        case applied
        /// Not within the time it may take.
        case failed
    }

    enum Transition: Hashable, Sendable {
        case applied
        case failed
        /// Look again at this time.
        case wait(until: NIODeadline)
    }

    /// How long ovs-vswitchd may take for a commit.
    static let patience = TimeAmount.seconds(5)
    /// How long a switch that did everything may be away, as for a bridge that is made again.
    static let absence = TimeAmount.seconds(1)

    private(set) var state: State
    /// Whether a commit is waited for, rather than a switch that went away.
    private var awaitsCommit = false
    /// The first configuration that ovs-vswitchd has yet to take of those committed since it was last seen following.
    private var oldest: Int64?

    init(now: NIODeadline) {
        state = .waiting(until: now + Self.patience)
    }

    /// A transaction was made that ovs-vswitchd has yet to follow; `configuration` is its `next_cfg`, where there is one.
    ///
    /// A commit gives no more time for an earlier one: who edits again and again must not hide that nothing is applied.
    mutating func committed(_ configuration: Int64?, now: NIODeadline) -> Transition? {
        // What failed before the commit goes on failing until it is seen applied.
        guard state != .failed else { return nil }
        oldest = oldest ?? configuration
        if case .waiting = state, awaitsCommit { return nil }
        return wait(now)
    }

    /// A session begins, of whose past nothing is known.
    mutating func began(now: NIODeadline) -> Transition? {
        oldest = nil
        return state == .failed ? nil : wait(now)
    }

    /// ovs-vswitchd has taken `configuration`, and is to reach `latest`. While it follows, what came later has its own
    /// time.
    mutating func reached(_ configuration: Int64, latest: Int64, now: NIODeadline) -> Transition? {
        guard let oldest, configuration >= oldest else { return nil }
        self.oldest = latest > configuration ? latest : nil
        guard case .waiting = state, latest > configuration else { return nil }
        return wait(now)
    }

    private mutating func wait(_ now: NIODeadline) -> Transition {
        let until = now + Self.patience
        awaitsCommit = true
        state = .waiting(until: until)
        return .wait(until: until)
    }

    /// What is seen now; call it for every change of what `isApplied` follows from, and when a wait is over.
    mutating func observe(isApplied: Bool, now: NIODeadline) -> Transition? {
        switch (state, isApplied) {
        case (.applied, true), (.failed, false): return nil
        case (_, true):
            state = .applied
            awaitsCommit = false
            oldest = nil
            return .applied
        case (.applied, false):
            state = .waiting(until: now + Self.absence)
            return .wait(until: now + Self.absence)
        case (.waiting(let until), false):
            guard now >= until else { return nil }
            state = .failed
            return .failed
        }
    }
}
