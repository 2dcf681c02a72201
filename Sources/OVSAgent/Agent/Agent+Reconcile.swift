import JSONRPC
import Logging
import NIOCore
import OVSDB

/// From the replica to a transaction, and what comes of it.
extension Agent {
    /// Plans, and commits what there is to commit. Only to be called when the reconciler says so.
    func reconcile() {
        guard let whole = withReplica(makePlan) else { return }
        awaitExpulsion()
        meet(whole.obstacles)
        if !refusals.all.isEmpty { end(refusals.keep(Set(whole.changes.map(\.object)))) }
        guard !whole.isEmpty else { return settled() }
        let plan = whatNeedNotWait(of: whole)
        // Noted after the repair is on its way, and before its answer.
        let isDrift = cause == .drift
        defer {
            if isDrift { for drift in newDrifts(among: whole.changes) { reportSoon(.init(drift: drift)) } }
            keepFound()
        }
        guard !plan.isEmpty else { return wait(for: whole.changes) }
        let answers = isDrift ? plan.changes.filter { $0.answer?.reason != nil } : []
        for note in plan.notes { logger.notice("\(note)") }
        // What the journal tells of a repair, or of an answer to a VM port, the log tells of the rest: nothing changes on
        // a host without a word.
        let level: Logger.Level = isDrift || refusals.closure != nil ? .debug : .info
        if logger.logLevel <= level {
            for change in plan.changes { logger.log(level: level, "\(cause.rawValue): \(change)") }
        }
        reconciler.committing()
        changesInFlight = 0
        let operations = plan.operations(lock: Self.lockName, comment: comment(for: plan))
        let noticedAt = self.noticedAt ?? .now()
        self.noticedAt = nil
        database.assumeIsolated { database in
            database.transact(operations) { result in
                self.assumeIsolated { $0.answered(result, to: plan, answers, noticedAt: noticedAt) }
            }
        }
    }

    /// Leaves out what somebody fights over beyond its budget, and what the server refused a moment ago.
    private func whatNeedNotWait(of plan: Plan) -> Plan {
        let now = NIODeadline.now()
        if let closure = refusals.closure, closure.until > now {
            reconcile(at: closure.until)
            return plan.without(Set(plan.parts.flatMap(\.objects)))
        }
        let refused = refusals.held(now: now)
        // A plan may write what is not worth telling. Somebody can undo that again and again, too, so it is counted as well.
        let objects = plan.changes.isEmpty ? Set(plan.parts.flatMap(\.objects)) : Set(plan.changes.map(\.object))
        let verdict = contest.spend(on: objects.subtracting(refused.objects), now: now)
        for object in verdict.begun {
            repairs.contested += 1
            report(.init(.contested, object: object, reason: "somebody changes it again and again; repairs are paced"))
        }
        if !verdict.begun.isEmpty { awaitRelease() }
        let rest = plan.without(refused.objects.union(verdict.held.keys))
        if let until = (verdict.held.values + (refused.until.map { [$0] } ?? [])).min() { reconcile(at: until) }
        // Of a refusal that names nothing, each part by itself tells whose it is.
        return isolatesRefusal ? rest.parts.first?.plan ?? rest : rest
    }

    /// All that is left has to wait, and does. Whatever differs beyond it, somebody else did.
    private func wait(for changes: [Change]) {
        isolatesRefusal = false
        if cause != .drift {
            undone = Set(changes)
            cause = .settle
        }
        followSwitches()
        checkApplication()
    }

    /// Plans at this time, if not before.
    func reconcile(at time: NIODeadline) {
        if let retry, retry.time <= time { return }
        retry?.task.cancel()
        let task = eventLoop.scheduleTask(deadline: time) {
            self.assumeIsolated { agent in
                agent.retry = nil
                if agent.reconciler.changed() { agent.reconcile() }
            }
        }
        retry = (time, task)
    }

    /// Looks for fights that are over, when one may be.
    private func awaitRelease() {
        release?.cancel()
        guard let time = contest.nextRelease else { return }
        release = eventLoop.scheduleTask(deadline: time) {
            self.assumeIsolated { agent in
                for fight in agent.contest.release(now: .now()) {
                    let reason = "nobody changes it any more; it was repaired \(fight.repairs) times meanwhile"
                    agent.report(.init(.released, object: fight.object, reason: reason))
                }
                agent.awaitRelease()
            }
        }
    }

    private func end(_ refusals: [Refusals.Refusal]) {
        for refusal in refusals {
            report(.init(.applied, object: refusal.object, reason: "the database refuses it no more"))
        }
    }

    /// Tells of each obstacle when it comes and when it goes: both change the agent's state, often without a repair.
    private func meet(_ found: [Obstacle]) {
        guard found != obstacles else { return }
        let former = obstacles
        obstacles = found
        for obstacle in found where !former.contains(obstacle) {
            report(.init(.applyFailed, object: obstacle.object, reason: obstacle.reason))
        }
        let objects = Set(found.map(\.object))
        for object in Set(former.map(\.object)).subtracting(objects).sortedNaturally() {
            report(.init(.applied, object: object, reason: "nothing stands in its way any more"))
        }
    }

    /// What differs now, under the layout at work.
    private func makePlan(_ replica: Replica) -> Plan {
        var planner = self.planner ?? RowPlanner(layout: active.layout, schema: replica.schema)
        let expelled = quarantine.due(in: replica, now: .now())
        let plan = planner.plan(replica, removal: removal, expelled: expelled, provenance: &provenance)
        self.planner = planner
        if !plan.misplaced.isEmpty { sawMisplaced(plan.misplaced) }
        return plan
    }

    /// The database is as wanted: from now on every difference is somebody else's.
    private func settled() {
        cause = .settle
        keepFound()
        tell()
        // It was allowed for what stood there then.
        removal = .refused
        noticedAt = nil
        openDrifts = []
        undone = []
        isolatesRefusal = false
        followSwitches()
        serveChain()
        checkApplication()
    }

    private func answered(
        _ result: Result<[OperationResult], OVSDBError>,
        to plan: Plan,
        _ answers: [Change],
        noticedAt: NIODeadline
    ) {
        switch result {
        case .success(let results):
            committed(results, plan, noticedAt: noticedAt)
            for change in answers { reportAnswer(change) }
        case .failure(.transaction(let error)) where ServerRefusal(error) != nil:
            if self.noticedAt == nil { self.noticedAt = noticedAt }
            // Whose lock was taken away has heard of that before the answer.
            if lock == .held, let reason = ServerRefusal(error) { refusedAll(reason) }
        case .failure(.transaction(let error)) where error.isStaleGuard || changesInFlight > 0:
            // Names and references are guarded by the server itself: what came in between may have taken them.
            if self.noticedAt == nil { self.noticedAt = noticedAt }
            logger.debug("planning again: \(error)")
        case .failure(.disconnected):
            // The session's end comes as an event of its own, and the next snapshot shows what happened.
            return
        case .failure(let error):
            if self.noticedAt == nil { self.noticedAt = noticedAt }
            refused(plan, error)
        }
        guard reconciler.answered() else { return }
        if case .success = result, cause == .drift, changesInFlight <= 1, !plan.isToLearnFrom, !isolatesRefusal {
            // All was sent, and nobody came in between. To see that nothing is left can wait for those who follow the
            // database; whatever else happens is seen to at once.
            self.noticedAt = nil
            reconcile(at: .now() + Self.moment)
        } else {
            reconcile()
        }
    }

    private func refusedAll(_ refusal: ServerRefusal) {
        guard refusals.refusedAll(refusal, now: .now()) else { return }
        let reason = refusal.reason(at: "\(database.assumeIsolated { $0.remote })")
        report(.init(.applyFailed, object: "Database", reason: reason.line))
    }

    private func refused(_ plan: Plan, _ error: OVSDBError) {
        var culprit: Set<String>?
        var reason = "\(error)"
        if case .transaction(let error) = error {
            culprit = error.operation.flatMap { plan.objects(ofOperation: $0, lock: Self.lockName) }
            // Which of the operations it was says nothing to people.
            reason = error.details.map { "\(error.name): \($0)" } ?? error.name
        }
        let parts = plan.parts
        if parts.count <= 1 { culprit = culprit ?? parts.first?.objects ?? [] }
        guard let culprit else {
            isolatesRefusal = true
            return
        }
        if refusals.refused(culprit, reason: reason, now: .now()) {
            let object = culprit.sortedNaturally().joined(separator: ", ")
            report(.init(.applyFailed, object: object, reason: "the database refused a transaction: \(reason)"))
        }
    }

    private func committed(_ results: [OperationResult], _ plan: Plan, noticedAt: NIODeadline) {
        let latency = Int((NIODeadline.now() - noticedAt).nanoseconds / 1000)
        if refusals.taken() { report(.init(.applied, object: "Database", reason: "it takes transactions now")) }
        // What is left to do after more changes than our own, somebody else did meanwhile.
        if cause != .drift, changesInFlight > 1 { cause = .drift }
        if case .rows(let rows) = results.last, let number = rows.first?["next_cfg"]?.integer {
            switches.awaitedConfiguration = number
        }
        let repaired = plan.changes.filter(openDrifts.contains)
        if !repaired.isEmpty {
            repairs.drifts += repaired.count
            repairs.transactions += 1
            latencies.record(microseconds: latency)
            for drift in repaired where !contest.isContested(drift.object) {
                reportSoon(.init(.repaired, drift, latencyMicroseconds: latency))
            }
            openDrifts.subtract(repaired)
        }
        expectApplication(of: switches.awaitedConfiguration)
    }

    /// A plan that is made again after a guard failed shows the same drifts; they are journalled once.
    private func newDrifts(among changes: [Change]) -> [Change] {
        let found = changes.filter { $0.answer == nil && !undone.contains($0) }
        // Of a fight the journal tells that it goes on, not every blow.
        let new = found.filter { !openDrifts.contains($0) && !contest.isContested($0.object) }
        openDrifts = Set(found)
        return new
    }

    /// What was done because a VM port asked for it, and nobody had undone anything.
    private func reportAnswer(_ change: Change) {
        let isGiven =
            switch change.answer {
            case .network, .hostVLAN: true
            case .status, .released, nil: false
            }
        var report = Event.Report(isGiven ? .assigned : .released, change)
        report.reason = change.answer?.reason
        self.report(report)
    }

    /// What the database's log says of the transaction: who, why, and what first.
    private func comment(for plan: Plan) -> String {
        var comment = "ovs-agentd: \(cause.rawValue): "
        for (index, change) in plan.changes.prefix(3).enumerated() {
            if index > 0 { comment += ", " }
            comment += change.object
            comment += " "
            comment += change.column
        }
        if plan.changes.count > 3 { comment += ", and \(plan.changes.count - 3) more" }
        return comment.onOneLine
    }
}

extension Event.Report {
    /// Where no layout says what is wanted, the operator has another road to have it changed.
    fileprivate init(drift change: Change) {
        self.init(.drift, change)
        guard change.isAsFound else { return }
        reason = """
            as found, which the layout leaves so; to keep another value: ovs-agentctl pause --for 600 --reason TEXT, set it, \
            ovs-agentctl adopt \(change.object), ovs-agentctl resume
            """
    }

    fileprivate init(_ kind: Event.Kind, _ change: Change, latencyMicroseconds: Int? = nil) {
        self.init(
            kind,
            object: change.object,
            column: change.column,
            found: change.found,
            wanted: change.wanted,
            latencyMicroseconds: latencyMicroseconds,
            reason: change.note
        )
    }
}
