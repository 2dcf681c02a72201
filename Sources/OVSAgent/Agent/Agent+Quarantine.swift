import Logging
import NIOCore
import OVSDB

/// Ports on a brN.local that are no VM's: when they are looked at, and when they go.
extension Agent {
    /// What stands on the layout's local bridges now.
    func examineLocalBridges() {
        let lanes = active.lanes
        withReplica { quarantine.lookAtAll(of: lanes, in: $0, now: .now()) }
        keepFormerVMs()
    }

    /// Ports that may be a VM's came, changed or went.
    func noticed(_ changes: VMPortChanges, in replica: Replica) {
        planner?.noticed(changes.ports)
        quarantine.look(at: changes, of: active.lanes, in: replica, now: .now())
        keepFormerVMs()
    }

    /// Plans again when the next port's time is over. That it stands there is somebody else's doing.
    func awaitExpulsion() {
        expulsion?.cancel()
        expulsion = nil
        guard let time = quarantine.nextDue(after: .now()) else { return }
        expulsion = eventLoop.scheduleTask(deadline: time) {
            self.assumeIsolated { agent in
                if agent.cause == .settle { agent.cause = .drift }
                if agent.reconciler.changed() { agent.reconcile() }
            }
        }
    }

    /// An agent that is started anew sees a former VM's port only as one that nobody answers for.
    private func keepFormerVMs() {
        let former = quarantine.formerVMs
        guard lock == .held, former != keptFormerVMs else { return }
        keptFormerVMs = former
        let (file, logger) = (formerVMsFile, logger)
        afterFileWork {
            if former.isEmpty { try file.remove() } else { try file.save(Quarantine.bytes(of: former)) }
        }.whenFailure { error in
            logger.error("what was a VM's port could not be kept for a restart: \(error)")
        }
    }
}
