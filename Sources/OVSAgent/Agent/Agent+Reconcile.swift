import Logging
import NIOCore
import OVSDB

/// From the replica to a transaction, and what comes of it.
extension Agent {
    /// Plans, and commits what there is to commit. Only to be called when the reconciler says so.
    func reconcile() {
        guard let plan = withReplica(makePlan) else { return }
        meet(plan.obstacles)
        guard !plan.isEmpty else { return settled() }
        if cause == .drift { reportDrift(plan.changes) }
        for note in plan.notes { logger.notice("\(note)") }
        // What the journal tells of a repair, the log tells of the rest: nothing changes on a host without a word.
        let level: Logger.Level = cause == .drift ? .debug : .info
        for change in plan.changes { logger.log(level: level, "\(cause.rawValue): \(change)") }
        reconciler.committing()
        changesInFlight = 0
        let operations = plan.operations(lock: Self.lockName, comment: comment(for: plan))
        let noticedAt = self.noticedAt ?? .now()
        self.noticedAt = nil
        database.assumeIsolated { database in
            database.transact(operations) { result in
                self.assumeIsolated { $0.answered(result, noticedAt: noticedAt) }
            }
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
        for object in Set(former.map(\.object)).subtracting(objects).sorted() {
            report(.init(.applied, object: object, reason: "nothing stands in its way any more"))
        }
    }

    /// What differs now, under the layout at work.
    private func makePlan(_ replica: Replica) -> Plan {
        var planner = self.planner ?? RowPlanner(layout: active.layout, schema: replica.schema)
        let plan = planner.plan(replica, removal: removal, provenance: &provenance)
        self.planner = planner
        return plan
    }

    /// The database is as wanted: from now on every difference is somebody else's.
    private func settled() {
        reconciler.settled()
        cause = .settle
        // It was allowed for what stood there then.
        removal = .refused
        noticedAt = nil
        openDrifts = []
        refusal = nil
        followSwitches()
        serveChain()
        checkApplication()
    }

    private func answered(_ result: Result<[OperationResult], OVSDBError>, noticedAt: NIODeadline) {
        switch result {
        case .success(let results):
            committed(results, noticedAt: noticedAt)
            decide(reconciler.committed(now: .now()))
        case .failure(.transaction(let error)) where error.isStaleGuard || error.isNotOwner || changesInFlight > 0:
            // Names and references are guarded by the server itself: what came in between may have taken them.
            if self.noticedAt == nil { self.noticedAt = noticedAt }
            logger.debug("planning again: \(error)")
            decide(reconciler.refused(isStale: true, now: .now()))
        case .failure(.disconnected):
            // The session's end comes as an event of its own, and the next snapshot shows what happened.
            break
        case .failure(let error):
            let reason = "\(error)"
            if refusal != reason {
                report(.init(.applyFailed, reason: "the database refused a transaction: \(reason)"))
            }
            refusal = reason
            decide(reconciler.refused(isStale: false, now: .now()))
        }
    }

    private func committed(_ results: [OperationResult], noticedAt: NIODeadline) {
        let latency = Int((NIODeadline.now() - noticedAt).nanoseconds / 1000)
        refusal = nil
        // What is left to do after more changes than our own, somebody else did meanwhile.
        if cause != .drift, changesInFlight > 1 { cause = .drift }
        if case .rows(let rows) = results.last, let number = rows.first?["next_cfg"]?.integer {
            awaitedConfiguration = number
        }
        if !openDrifts.isEmpty {
            repairs.drifts += openDrifts.count
            repairs.transactions += 1
            latencies.record(microseconds: latency)
            for drift in openDrifts { report(.init(.repaired, drift, latencyMicroseconds: latency)) }
            openDrifts = []
        }
        expectApplication(of: awaitedConfiguration)
    }

    private func decide(_ decision: ReconcileStateMachine.Decision) {
        switch decision {
        case .planNow: reconcile()
        case .planAt(let time):
            retry?.cancel()
            retry = eventLoop.scheduleTask(deadline: time) {
                self.assumeIsolated { agent in
                    if agent.reconciler.resume(now: .now()) { agent.reconcile() }
                }
            }
        case .nothing: break
        }
    }

    /// A plan that is made again after a guard failed shows the same drifts; they are journalled once.
    private func reportDrift(_ changes: [Change]) {
        for change in changes where !change.followsStatus && !openDrifts.contains(change) {
            openDrifts.append(change)
            report(.init(.drift, change))
        }
    }

    /// What the database's log says of the transaction: who, why, and what first.
    private func comment(for plan: Plan) -> String {
        let listed = plan.changes.prefix(3).map { "\($0.object) \($0.column)" }.joined(separator: ", ")
        let more = plan.changes.count > 3 ? ", and \(plan.changes.count - 3) more" : ""
        return "ovs-agentd: \(cause.rawValue): \(listed)\(more)"
    }
}

extension Event.Report {
    fileprivate init(_ kind: Event.Kind, _ change: Change, latencyMicroseconds: Int? = nil) {
        self.init(
            kind,
            object: change.object,
            column: change.column,
            found: change.found,
            wanted: change.wanted,
            latencyMicroseconds: latencyMicroseconds
        )
    }
}
