import JSONRPC
import Logging
import NIOCore
import OVSDB

/// From the replica to a transaction, and what comes of it: what ``RepairStateMachine`` decides is done here.
extension Agent {
    /// Does what the machine says, and has it go on when its time comes.
    func run(_ actions: [RepairStateMachine.Action]) {
        for action in actions {
            switch action {
            case .plan: reconcile()
            case .commit(let commit): send(commit)
            case .committed(let results): committed(results)
            case .settle: settled()
            case .wait:
                followSwitches()
                checkApplication()
            case .tell(let news): tell(news)
            }
        }
        set(.repair, at: repair.deadline)
    }

    /// Plans now, or else by itself in time.
    func reconcileIfIdle() {
        if repair.mayPlan { reconcile() }
    }

    /// Plans at this time, if not before.
    func reconcile(at time: NIODeadline) {
        repair.plan(at: time)
        set(.repair, at: repair.deadline)
    }

    private func reconcile() {
        guard let plan = withReplica(makePlan) else { return }
        awaitExpulsion()
        run(repair.planned(plan, now: .now()))
        keepFound()
    }

    /// What differs now, under the layout at work.
    private func makePlan(_ replica: Replica) -> Plan {
        let expelled = quarantine.due(in: replica, now: .now())
        let plan = planning.plan(replica, under: active.layout, expelled: expelled)
        if !plan.misplaced.isEmpty { sawMisplaced(plan.misplaced) }
        return plan
    }

    private func send(_ commit: RepairStateMachine.Commit) {
        let plan = commit.plan
        for note in plan.notes { logger.notice("\(note)") }
        // What the journal tells of a repair, or of an answer to a VM port, the log tells of the rest: nothing changes on
        // a host without a word.
        let level: Logger.Level = commit.isUntold ? .info : .debug
        if logger.logLevel <= level {
            for change in plan.changes { logger.log(level: level, "\(commit.cause.rawValue): \(change)") }
        }
        let operations = plan.operations(lock: Self.lockName, comment: commit.comment)
        database.assumeIsolated { database in
            database.transact(operations) { result in
                self.assumeIsolated { agent in
                    if case .failure(let error) = result { agent.logger.debug("a transaction was not made: \(error)") }
                    agent.run(agent.repair.answered(result, to: commit, now: .now()))
                }
            }
        }
    }

    private func committed(_ results: [OperationResult]) {
        if case .rows(let rows) = results.last, let number = rows.first?[OpenVSwitch.nextCfg.name]?.integer {
            switches.awaitedConfiguration = number
        }
        expectApplication(of: switches.awaitedConfiguration)
    }

    func tell(_ news: RepairStateMachine.News) {
        switch news {
        case .drift(let change): reportSoon(.init(drift: change))
        case .repaired(let change, let latency):
            reportSoon(.init(.repaired, change, latencyMicroseconds: latency))
        case .answered(let change): reportAnswer(change)
        case .obstacle(let obstacle): report(.init(.applyFailed, object: obstacle.object, reason: obstacle.reason))
        case .cleared(let object):
            report(.init(.applied, object: object, reason: "nothing stands in its way any more"))
        case .contested(let object):
            report(.init(.contested, object: object, reason: "somebody changes it again and again; repairs are paced"))
        case .released(let fight):
            let reason = "nobody changes it any more; it was repaired \(fight.repairs) times meanwhile"
            report(.init(.released, object: fight.object, reason: reason))
        case .refused(let objects, let reason):
            let object = objects.sortedNaturally().joined(separator: ", ")
            report(.init(.applyFailed, object: object, reason: "the database refused a transaction: \(reason)"))
        case .accepted(let refusal):
            report(.init(.applied, object: refusal.object, reason: "the database refuses it no more"))
        case .closed(let refusal):
            let reason = refusal.reason(at: "\(database.assumeIsolated { $0.remote })")
            report(.init(.applyFailed, object: "Database", reason: reason.line))
        case .opened: report(.init(.applied, object: "Database", reason: "it takes transactions now"))
        }
    }

    /// The database is as wanted.
    private func settled() {
        keepFound()
        tell()
        planning.settled()
        followSwitches()
        serveChain()
        checkApplication()
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
}

extension RepairStateMachine.Commit {
    /// What the database's log says of the transaction: who, why, and what first.
    fileprivate var comment: String {
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
