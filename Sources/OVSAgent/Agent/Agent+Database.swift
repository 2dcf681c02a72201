import Logging
import NIOCore
import OVSDB

/// What the database session tells, as it comes.
extension Agent {
    func happened(_ event: OVSDBClient.Event) {
        switch event {
        case .connected(let remote):
            authority.connected(to: remote)
        case .learned(let schema):
            let found = SchemaFindings(schema)
            for line in found.news(since: schemaFindings) { logger.notice("\(line)") }
            schemaFindings = found
        case .synced:
            planning.beginAnew()
            // A database that was put in place of another counts its configurations anew.
            switches.awaitedConfiguration = nil
            run(authority.synced())
            // Whose ports they are is noted in any case: a mark may go before we begin.
            if !authority.mayWrite { examineLocalBridges() }
        case .changed(let changes):
            changed(changes)
        case .filtered:
            // The agent follows whole tables.
            break
        case .lock(let state): run(authority.lockChanged(to: state))
        case .disconnected(let error): run(authority.disconnected(error.loss))
        }
    }

    /// Does what follows from a change of who may write.
    func run(_ actions: [Authority.Action]) {
        for action in actions {
            switch action {
            case .tellConnected(let remote): report(.init(.connected, reason: "\(remote)"))
            case .tellDisconnected(let loss): report(.init(.disconnected, reason: loss.line))
            case .tellLock(let state, let former): tellLock(state, former: former)
            case .stand: stand()
            case .readKept: takeOver()
            case .mendState: mendState()
            case .forgetOwn:
                planning.forgetOwn()
                activeMembers = ActiveMembers()
            case .begin: begin()
            }
        }
    }

    /// Whoever stands by from the start is told by the status.
    private func tellLock(_ state: LockState, former: LockState?) {
        logger.info("lock \(Self.lockName): \(state.rawValue)")
        let object = "Lock \(Self.lockName)"
        switch (former, state) {
        case (.held, .lost):
            report(.init(.applyFailed, object: object, found: "lost", wanted: "held", reason: "somebody took it away"))
        case (.lost, .held):
            report(.init(.applied, object: object, found: "held", wanted: "held", reason: "it is ours again"))
        default: break
        }
    }

    /// Writes nothing from now on.
    func stand() {
        repair.stand()
        leaveChain()
        set(.repair, at: repair.deadline)
        set(.expulsion, at: nil)
    }

    /// Enforces from now on.
    private func begin() {
        let actions = repair.begin(now: .now())
        // What stood before the snapshot says nothing of what stands now.
        leaveChain()
        examineLocalBridges()
        expectApplication()
        run(actions)
    }

    /// Does so where nothing speaks against it any more.
    func beginIfReady() {
        if authority.mayWrite { begin() }
    }

    private func changed(_ changes: [RowChange]) {
        guard connection == .synced else { return }
        let (news, vmPorts) = withReplica { look(at: changes, in: $0) } ?? (.nothing, nil)
        // First, and at once: ovs-vswitchd hears of it now, too, and may give the number of a port that went to one that
        // came, which has the former's flows until the keeper's bundle is in. A VM port's flows follow from more of it
        // than its tag, over which somebody may fight.
        if let vmPorts { updateChain(vmPorts) }
        if news != .nothing {
            let pauseEnd = endOfPause(for: changes)
            if let pauseEnd { reconcile(at: pauseEnd) } else { reconcileIfIdle() }
            if pauseEnd != nil { return }
        }
        // The answer to what is in flight is followed by a look of its own.
        if !repair.isBusy { checkApplication() }
    }

    /// Notes what the next plan has to look at; gives what the changes mean, and what of them concerns VM ports.
    private func look(at changes: [RowChange], in replica: Replica) -> (News, VMPortChanges?) {
        let news = News(changes, in: replica.schema)
        let vmPorts = VMPortChanges(changes, in: replica)
        guard news != .nothing else { return (.nothing, vmPorts) }
        repair.noticed(isConfiguration: news == .configuration, now: .now())
        switches.noteFlushed(changes.compactMap { $0.flushedBridge(in: replica) })
        planning.noticed(changes, in: replica)
        guard !vmPorts.isEmpty else { return (news, nil) }
        noticed(vmPorts, in: replica)
        return (news, vmPorts)
    }

    /// When the first of the changed objects may be repaired, where changes do no more than go on with fights that all
    /// have a pause now. Those who fight each other, too, may be much faster than a plan is made.
    private func endOfPause(for changes: [RowChange]) -> NIODeadline? {
        if repair.contest.isPeaceful { return nil }
        let now = NIODeadline.now()
        let ends = withReplica { replica in
            changes.map { change -> NIODeadline? in
                guard case .modified = change.kind, let row = replica[change.table][change.uuid] else { return nil }
                return repair.contest.pauseEnd(of: "\(change.table) \(row.name)", now: now)
            }
        }
        guard let ends, ends.allSatisfy({ $0 != nil }) else { return nil }
        return ends.compactMap { $0 }.min()
    }
}

extension RowChange {
    /// The bridge whose flows ovs-vswitchd forgets for this change: with its controllers and its fail mode it makes the
    /// tables anew (ovs-vswitchd.conf.db(5), `fail_mode`).
    fileprivate func flushedBridge(in replica: Replica) -> String? {
        guard table == Bridge.table.name, case .modified(let columns) = kind, let schema = replica.schema.tables[table],
            columns.contains(where: {
                [Bridge.controller, Bridge.failMode].compactMap(schema.position).contains($0.position)
            })
        else { return nil }
        return replica[table][uuid]?.name
    }
}

/// What a notification can mean for a plan.
private enum News: Hashable {
    /// Status that is only shown.
    case nothing
    /// Status that the desired state follows from.
    case status
    case configuration

    init(_ changes: [RowChange], in schema: DatabaseSchema) {
        self = .nothing
        for change in changes {
            guard case .modified(let columns) = change.kind, let table = schema.tables[change.table] else {
                self = .configuration
                return
            }
            for change in columns {
                let column = table.columns[change.position].name
                guard ReplicaColumns.isStatus(column, of: table.name) else {
                    self = .configuration
                    return
                }
                if column == Interface.macInUse.name { self = .status }
            }
        }
    }
}

extension OVSDBError {
    /// Why there is no session, as far as the server says it, and what to do; without a remedy where nobody answers.
    fileprivate var loss: Reason {
        switch self {
        case .refused(method: "lock", let error) where error.contains("read only"):
            Reason(
                "the database server takes no writers at this remote, it is read-only: \(error)",
                remedy: "give --db a remote of the server that is not, or have the backup server take over"
            )
        case .disconnected(let reason) where reason == ServerFitness.noQuorum:
            Reason(
                "\(reason), which has lost its quorum or this server: nothing can be written",
                remedy: """
                    look at ovs-appctl -t ovsdb-server cluster/status Open_vSwitch on each of its servers: more than half \
                    must run and reach each other
                    """
            )
        case .disconnected(let reason) where reason == ServerFitness.noSource:
            Reason(
                "\(reason): it is a relay",
                remedy: "give --db the server that it relays; a relay is for those who only read"
            )
        default: Reason("\(self)")
        }
    }
}
