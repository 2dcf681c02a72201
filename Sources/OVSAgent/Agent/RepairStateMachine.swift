import NIOCore
import OVSDB

/// What differs from what is wanted, and when it is put right: a pure machine over notifications, plans and the server's
/// answers, on the caller's clock. Whoever owns it performs the actions in their order.
///
/// A notification is acted on at once. At most one transaction is in flight, and what comes meanwhile is planned when it is
/// over. What somebody fights over, and what the server refused, waits alone.
struct RepairStateMachine: Sendable {
    /// How long what is left to do after a repair waits for those who follow the database.
    static let moment = TimeAmount.milliseconds(1)

    /// Why the next plan is made, which tells a foreign edit from our own doing.
    enum Cause: String, Hashable, Sendable {
        /// The agent begins.
        case start
        /// The layout changed.
        case layout
        /// All was in sync; only ovs-vswitchd's word can have changed what is wanted.
        case settle
        /// All was in sync, and then somebody changed the database.
        case drift = "repair"
    }

    enum Action: Sendable {
        /// Make a plan and give it to ``planned(_:now:)``.
        case plan
        /// Send it, and give the answer to ``answered(_:to:now:)``.
        case commit(Commit)
        /// The server made a transaction of ours.
        case committed([OperationResult])
        /// Nothing differs: from now on every difference is somebody else's.
        case settle
        /// All that differs has to wait.
        case wait
        case tell(News)
    }

    /// What happened, for the journal.
    enum News: Sendable {
        case drift(Change)
        case repaired(Change, latencyMicroseconds: Int)
        /// A VM port has got what it asked for, or has it no more.
        case answered(Change)
        /// Something stands in the way of what is wanted.
        case obstacle(Obstacle)
        /// Nothing stands in an object's way any more.
        case cleared(String)
        /// Somebody changes an object again and again.
        case contested(String)
        case released(Contest.Fight)
        case refused(Set<String>, reason: String)
        /// What was refused stands, or is wanted no more.
        case accepted(Refusals.Refusal)
        /// The server takes nothing at all.
        case closed(ServerRefusal)
        case opened
    }

    /// A plan on its way to the server.
    struct Commit: Sendable {
        var plan: Plan
        var cause: Cause
        /// What of it answers a VM port, where nobody had undone anything.
        var answers: [Change] = []
        /// When the first notification came that it answers.
        var noticedAt: NIODeadline
        /// Whether the journal says nothing of it.
        var isUntold: Bool
        fileprivate var number: Int
    }

    private enum State: Hashable, Sendable {
        /// No snapshot, no lock, or a pause: nothing may be written.
        case standing
        case idle
        /// - changes: notifications of changed configuration since it was sent: one is its own.
        case committing(number: Int, changes: Int)
    }

    private var state = State.standing
    private var cause = Cause.start
    /// When the first notification came that the next plan answers.
    private var noticedAt: NIODeadline?
    /// Drifts that are journalled and not yet repaired.
    private var openDrifts: Set<Change> = []
    /// What the agent itself wanted to change and could not yet: no drift.
    private var undone: Set<Change> = []
    private(set) var obstacles: [Obstacle] = []
    /// What somebody rewrites again and again.
    private(set) var contest: Contest
    private(set) var refusals = Refusals()
    /// Whether parts of a plan are sent one by one, because the server refused them together and named none.
    private var isolatesRefusal = false
    /// When what has to wait is planned again.
    private var retryAt: NIODeadline?
    /// When a fight may be over.
    private var releaseAt: NIODeadline?
    private var commits = 0
    /// What was put right since the daemon started.
    var tally = RepairTally()

    init(_ limits: Contest.Limits = .init()) { contest = Contest(limits) }

    /// Whether nothing may be written.
    var isStanding: Bool { state == .standing }

    /// Whether a plan may be made now. Otherwise one comes by itself in time.
    var mayPlan: Bool { state == .idle }

    /// Whether a transaction is in flight.
    var isBusy: Bool { if case .committing = state { true } else { false } }

    /// Whether nothing is left to do, as far as is known.
    var isSettled: Bool { cause == .settle && undone.isEmpty && !isBusy }

    /// When to call ``rang(now:)``; `nil` while there is nothing to wait for.
    var deadline: NIODeadline? { retryAt.map { min($0, releaseAt ?? $0) } ?? releaseAt }

    /// There is a complete snapshot and the agent may write.
    mutating func begin(now: NIODeadline) -> [Action] {
        // Whatever is not as it was when all was in sync, somebody else changed while we were away.
        expectDrift()
        state = .idle
        noticedAt = now
        return [.plan]
    }

    /// The snapshot or the leave to write is gone. What is in flight is not known to have happened.
    mutating func stand() {
        state = .standing
        (noticedAt, retryAt) = (nil, nil)
        refusals = Refusals()
        isolatesRefusal = false
    }

    /// Something else is wanted.
    mutating func wantAnew() { cause = .layout }

    /// Whatever differs from what was in sync, somebody else did.
    mutating func expectDrift() {
        if cause == .settle { cause = .drift }
    }

    /// Rows changed that a plan follows from.
    mutating func noticed(isConfiguration: Bool, now: NIODeadline) {
        if noticedAt == nil { noticedAt = now }
        guard isConfiguration else { return }
        if case .committing(let number, let changes) = state {
            state = .committing(number: number, changes: changes + 1)
        }
        expectDrift()
    }

    /// Plan at this time, if not before.
    mutating func plan(at time: NIODeadline) { retryAt = min(retryAt ?? time, time) }

    /// The ``deadline`` has come.
    mutating func rang(now: NIODeadline) -> [Action] {
        var actions: [Action] = []
        if let releaseAt, releaseAt <= now {
            actions = contest.release(now: now).map { .tell(.released($0)) }
            self.releaseAt = contest.nextRelease
        }
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            if mayPlan { actions.append(.plan) }
        }
        return actions
    }
}

/// From a plan to a transaction, and what comes of it.
extension RepairStateMachine {
    /// This is what differs now. Only to be called while ``mayPlan``.
    mutating func planned(_ whole: Plan, now: NIODeadline) -> [Action] {
        var actions = meet(whole.obstacles)
        if !refusals.all.isEmpty {
            actions += refusals.keep(Set(whole.changes.map(\.object))).map { .tell(.accepted($0)) }
        }
        guard !whole.isEmpty else {
            cause = .settle
            noticedAt = nil
            (openDrifts, undone) = ([], [])
            isolatesRefusal = false
            return actions + [.settle]
        }
        let isDrift = cause == .drift
        let plan = whatNeedNotWait(of: whole, now: now, &actions)
        actions.append(plan.isEmpty ? wait(for: whole.changes) : .commit(commit(plan, now: now)))
        // Told once the repair is on its way, and before its answer.
        if isDrift { actions += newDrifts(among: whole.changes).map { .tell(.drift($0)) } }
        return actions
    }

    private mutating func commit(_ plan: Plan, now: NIODeadline) -> Commit {
        commits += 1
        state = .committing(number: commits, changes: 0)
        defer { noticedAt = nil }
        return Commit(
            plan: plan,
            cause: cause,
            answers: cause == .drift ? plan.changes.filter { $0.answer?.reason != nil } : [],
            noticedAt: noticedAt ?? now,
            isUntold: cause != .drift && refusals.closure == nil,
            number: commits
        )
    }

    /// All that is left has to wait, and does. Whatever differs beyond it, somebody else did.
    private mutating func wait(for changes: [Change]) -> Action {
        isolatesRefusal = false
        if cause != .drift {
            undone = Set(changes)
            cause = .settle
        }
        return .wait
    }

    /// Leaves out what somebody fights over beyond its budget, and what the server refused a moment ago.
    private mutating func whatNeedNotWait(of plan: Plan, now: NIODeadline, _ actions: inout [Action]) -> Plan {
        if let closure = refusals.closure, closure.until > now {
            self.plan(at: closure.until)
            return plan.without(Set(plan.parts.flatMap(\.objects)))
        }
        let refused = refusals.held(now: now)
        // A plan may write what is not worth telling. Somebody can undo that again and again, too, so it is counted as well.
        let objects = plan.changes.isEmpty ? Set(plan.parts.flatMap(\.objects)) : Set(plan.changes.map(\.object))
        let verdict = contest.spend(on: objects.subtracting(refused.objects), now: now)
        if !verdict.begun.isEmpty {
            tally.contested += verdict.begun.count
            actions += verdict.begun.map { .tell(.contested($0)) }
            releaseAt = contest.nextRelease
        }
        let rest = plan.without(refused.objects.union(verdict.held.keys))
        if let until = (verdict.held.values + (refused.until.map { [$0] } ?? [])).min() { self.plan(at: until) }
        // Of a refusal that names nothing, each part by itself tells whose it is.
        return isolatesRefusal ? rest.parts.first?.plan ?? rest : rest
    }

    /// Each obstacle is told of when it comes and when it goes: both change the agent's state, often without a repair.
    private mutating func meet(_ found: [Obstacle]) -> [Action] {
        guard found != obstacles else { return [] }
        let former = obstacles
        obstacles = found
        let gone = Set(former.map(\.object)).subtracting(found.map(\.object))
        return found.filter { !former.contains($0) }.map { .tell(.obstacle($0)) }
            + gone.sortedNaturally().map { .tell(.cleared($0)) }
    }

    /// A plan that is made again after a guard failed shows the same drifts; they are journalled once.
    private mutating func newDrifts(among changes: [Change]) -> [Change] {
        let found = changes.filter { $0.answer == nil && !undone.contains($0) }
        // Of a fight the journal tells that it goes on, not every blow.
        let new = found.filter { !openDrifts.contains($0) && !contest.isContested($0.object) }
        openDrifts = Set(found)
        return new
    }

    /// The server's answer. One to what was in flight when the agent had to stand only tells what was done.
    mutating func answered(
        _ result: Result<[OperationResult], OVSDBError>,
        to commit: Commit,
        now: NIODeadline
    ) -> [Action] {
        var changes: Int?
        if case .committing(commit.number, let count) = state { changes = count }
        var actions: [Action] = []
        switch result {
        case .success(let results):
            actions = made(commit, results, isOvertaken: (changes ?? 0) > 1, now: now)
        // The session's end comes as an event of its own, and the next snapshot shows what happened.
        case .failure(.disconnected): return []
        case .failure(let error):
            // Whoever lost the leave to write has no plan to make.
            guard let changes else { return [] }
            if noticedAt == nil { noticedAt = commit.noticedAt }
            actions = failed(commit.plan, error, isOvertaken: changes > 0, now: now)
        }
        guard let changes else { return actions }
        state = .idle
        if case .success = result, cause == .drift, changes <= 1, !commit.plan.isToLearnFrom, !isolatesRefusal {
            // All was sent, and nobody came in between. To see that nothing is left can wait for those who follow the
            // database; whatever else happens is seen to at once.
            noticedAt = nil
            plan(at: now + Self.moment)
            return actions
        }
        return actions + [.plan]
    }

    private mutating func made(
        _ commit: Commit,
        _ results: [OperationResult],
        isOvertaken: Bool,
        now: NIODeadline
    ) -> [Action] {
        var actions: [Action] = refusals.taken() ? [.tell(.opened)] : []
        // What is left to do after more changes than our own, somebody else did meanwhile.
        if cause != .drift, isOvertaken { cause = .drift }
        let latency = Int((now - commit.noticedAt).nanoseconds / 1000)
        let repaired = commit.plan.changes.filter(openDrifts.contains)
        if !repaired.isEmpty {
            openDrifts.subtract(repaired)
            tally.record(drifts: repaired.count, latencyMicroseconds: latency)
            for drift in repaired where !contest.isContested(drift.object) {
                actions.append(.tell(.repaired(drift, latencyMicroseconds: latency)))
            }
        }
        actions.append(.committed(results))
        return actions + commit.answers.map { .tell(.answered($0)) }
    }

    private mutating func failed(
        _ plan: Plan,
        _ error: OVSDBError,
        isOvertaken: Bool,
        now: NIODeadline
    ) -> [Action] {
        var (culprit, reason) = (Set<String>?.none, "\(error)")
        if case .transaction(let error) = error {
            if let refusal = ServerRefusal(error) {
                return refusals.refusedAll(refusal, now: now) ? [.tell(.closed(refusal))] : []
            }
            // Names and references are guarded by the server itself: what came in between may have taken them.
            if error.isStaleGuard || isOvertaken { return [] }
            culprit = error.operation.flatMap { plan.objects(ofOperation: $0, lock: Agent.lockName) }
            // Which of the operations it was says nothing to people.
            reason = error.details.map { "\(error.name): \($0)" } ?? error.name
        }
        let parts = plan.parts
        if parts.count <= 1 { culprit = culprit ?? parts.first?.objects ?? [] }
        guard let culprit else {
            isolatesRefusal = true
            return []
        }
        return refusals.refused(culprit, reason: reason, now: now) ? [.tell(.refused(culprit, reason: reason))] : []
    }
}
