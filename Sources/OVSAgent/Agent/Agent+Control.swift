import Glibc
import JSONRPC
import Logging
import NIOCore
import NIOPosix
import OVSDB

/// What the control socket asks. The server calls on the event loop, which is this actor's executor.
extension Agent: ControlTarget {
    nonisolated func status() -> Status { assumeIsolated { $0.makeStatus() } }

    nonisolated func topology() -> Topology {
        assumeIsolated { agent in
            let (layout, chain) = (agent.active.layout, agent.chainStanding)
            let known = agent.withReplica { Topology(replica: $0, layout: layout, chain: chain) }
            var topology = known ?? Topology(replica: .unknown, layout: layout, chain: chain)
            if let desired = agent.planning.desired { topology.showAsFound(desired) }
            topology.isKnown = known != nil
            topology.isCurrent = agent.connection == .synced
            return topology
        }
    }

    nonisolated func vms() -> VMListing {
        assumeIsolated { agent in
            let (layout, chain) = (agent.active.layout, agent.chainStanding)
            var listing =
                agent.withReplica { VMListing(replica: $0, layout: layout, chain: chain) } ?? VMListing(isKnown: false)
            listing.isCurrent = agent.connection == .synced
            return listing
        }
    }

    nonisolated func events(since id: Int) -> Journal.Excerpt {
        assumeIsolated { agent in
            agent.tell()
            return agent.journal.excerpt(since: id)
        }
    }

    nonisolated func plan(for file: NamedFile?) -> EventLoopFuture<PlanAnswer> {
        guard let file else {
            return eventLoop.submit { try self.assumeIsolated { try $0.answerPlan(under: nil) } }
        }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            Result { () throws(LayoutRejection) in try ActiveLayout(Array(file.contents.utf8), file: file.name) }
        }.flatMapThrowing { result in
            do {
                let layout = try result.get().layout
                return try self.assumeIsolated { try $0.answerPlan(under: layout) }
            } catch let rejection as LayoutRejection {
                throw CommandFailure(rejection)
            }
        }
    }

    nonisolated func controlSocket(at path: String, _ news: ControlListener.News) {
        assumeIsolated { agent in
            switch news {
            case .lost(let reason): agent.report(.init(.applyFailed, object: "Socket \(path)", reason: reason))
            case .restored: agent.report(.init(.applied, object: "Socket \(path)", reason: "it is there again"))
            }
        }
    }

    nonisolated func exit() { requestEnd() }

    nonisolated func setLogLevel(_ level: Logger.Level) { logLevel.current = level }

    private func makeStatus() -> Status {
        let (standing, rows) = (self.standing, lookAtRows())
        return Status(
            state: standing.state,
            reasons: standing.reasons,
            warnings: active.warnings + active.layout.unmanaged + warningsOfState + (rows?.warnings ?? [])
                + warningsOfChain + warningsOfProfiles + quarantine.warnings + schemaFindings.unknown,
            pid: getpid(),
            database: .init(
                remote: "\(database.assumeIsolated { $0.remote })",
                connected: connection == .opening || connection == .synced,
                lock: standing.lock
            ),
            layout: .init(path: configuration.layoutPath, digest: active.digest, error: layoutError),
            repairs: repair.tally.repairs,
            isKnown: rows != nil,
            virtualSwitches: rows?.virtualSwitches
                ?? active.layout.virtualSwitches.map { Status.VirtualSwitch($0, in: .unknown) },
            chain: rows?.chain ?? Status.ChainBridge.all(in: .unknown, flows: switches.flows)
        )
    }

    /// What the rows tell, made anew only where something changed; `nil` before they are known.
    private func lookAtRows() -> RowsStatus? {
        let source = RowsStatus.Source(
            revision: database.assumeIsolated { $0.revision },
            layout: active,
            hardware: devices.nics,
            flows: switches.flows,
            claims: served.claims
        )
        if rowsStatus?.follows(from: source) != true { rowsStatus = withReplica { RowsStatus(source, in: $0) } }
        return rowsStatus
    }

    private var standing: Standing {
        Standing(
            connection: connection,
            lock: lock.map(Status.Database.Lock.init),
            layoutError: layoutError,
            obstacles: repair.obstacles,
            refusals: repair.refusals.all,
            closure: repair.refusals.closure?.reason.reason(at: "\(database.assumeIsolated { $0.remote })"),
            fights: repair.contest.fights + served.fights,
            pause: pause,
            application: switches.application.state,
            unapplied: switches.application.state == .applied ? [] : unapplied,
            blockages: devices.blockages,
            isSettled: repair.isSettled
        )
    }

    private func answerPlan(under layout: Layout?) throws(CommandFailure) -> PlanAnswer {
        guard connection == .synced else { throw CommandFailure("there is no connection to the database") }
        let wanted = layout ?? active.layout
        // What a layout given here takes away is shown as if it were allowed, with a word that it must be.
        let forbidden = wanted.removal(from: active.layout)
        let plan = withReplica { replica in
            var planner = RowPlanner(layout: wanted, schema: replica.schema)
            var (provenance, quarantine) = (planning.provenance, self.quarantine)
            return planner.plan(
                replica,
                removal: layout == nil ? planning.removal : .allowed,
                expelled: quarantine.due(in: replica, now: .now()),
                provenance: &provenance
            )
        }
        guard let plan else { throw CommandFailure("there is no snapshot of the database") }
        return PlanAnswer(
            lines: plan.changes.map(\.description),
            changes: plan.changes.map(\.json),
            notes: plan.notes + plan.obstacles.map(\.description) + wanted.unmanaged
                + (forbidden.map { ["reload needs --allow-removal: \($0)"] } ?? [])
        )
    }
}

extension Change {
    var json: JSON {
        [
            "kind": .string(kind.rawValue), "object": .string(object), "column": .string(column),
            "found": .string(found), "wanted": .string(wanted), "asFound": .boolean(isAsFound),
        ]
    }
}

extension Replica {
    /// Before the first snapshot nothing is known of any row.
    fileprivate static let unknown = Replica(schema: DatabaseSchema(name: "", version: "", tables: [:]))
}

extension Status.Database.Lock {
    fileprivate init(_ state: LockState) {
        self =
            switch state {
            case .held: .held
            case .waiting: .waiting
            case .lost: .lost
            }
    }
}
