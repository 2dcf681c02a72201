import JSONRPC
import Logging
import NIOCore
import OVSDB

/// What the agent found on the host: kept on disk as soon as it is known, and changed by an operator's word only.
extension Agent {
    /// Takes what stands now for what was found, on one object or on all; answers once that would be found after a
    /// restart, too, or once it is known that it would not.
    nonisolated func adopt(_ object: String?) -> EventLoopFuture<Answer> {
        eventLoop.flatSubmit {
            self.assumeIsolated { agent in
                do throws(CommandFailure) {
                    try agent.checkThatItEnforces("adopt")
                    return agent.adopt(try agent.adoption(of: object))
                } catch {
                    return agent.eventLoop.makeFailedFuture(error)
                }
            }
        }
    }

    private func adoption(of object: String?) throws(CommandFailure) -> Adoption {
        guard connection == .synced else { throw CommandFailure("adopt: there is no connection to the database") }
        guard lock == .held else { throw CommandFailure("adopt: the lock was taken away, so another agent may write") }
        let result = withReplica { replica in
            // While the agent is paused there may be no plan yet.
            var planner = planning.planner ?? RowPlanner(layout: active.layout, schema: replica.schema)
            var provenance = planning.provenance
            if planner.desired == nil { _ = planner.plan(replica, provenance: &provenance) }
            return Result { () throws(Adoption.Refusal) in
                try Adoption(
                    of: object,
                    desired: planner.desired ?? DesiredState(),
                    replica: replica,
                    provenance: planning.provenance
                )
            }
        }
        switch result {
        case nil: throw CommandFailure("adopt: there is no snapshot of the database")
        case .failure(let refusal): throw CommandFailure("\(refusal)")
        case .success(let adoption): return adoption
        }
    }

    private func adopt(_ adoption: Adoption) -> EventLoopFuture<Answer> {
        for (object, row) in adoption.rows { planning.provenance.adopt(row, for: object) }
        planning.beginAnew()
        for change in adoption.changes {
            let former = change.found.isEmpty ? "where nothing was" : "and no longer \(change.found)"
            let reason = "as found from now on, \(former)"
            report(
                .init(.adopted, object: change.object, column: change.column, found: change.wanted, reason: reason)
            )
        }
        reconcileIfIdle()
        let lines =
            adoption.changes.isEmpty
            ? ["nothing to adopt: all stands as it was found, or as the layout says"]
            : adoption.changes.map { "adopted \($0)" }
        let changes = adoption.changes.map(\.json)
        return keep(planning.provenance.found, in: \.found, isOrdered: true).map { failure in
            Answer(
                lines: lines + (failure.map { [$0] } ?? []),
                json: ["adopted": .array(changes), "kept": .boolean(failure == nil)]
            )
        }
    }
}
