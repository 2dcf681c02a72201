import NIOCore
import NIOPosix
import OVSDB

/// Ports on a brN.local that are no VM's: when they are looked at, and when they go.
extension Agent {
    /// What stands on the layout's local bridges now.
    func examineLocalBridges() {
        let lanes = active.lanes
        withReplica { replica in
            quarantine.lookAtAll(of: lanes, in: replica, now: .now())
            misplaced.lookAtAll(in: replica)
        }
        keepVMInterfaces()
        keepMisplaced()
    }

    /// Ports that may be a VM's came, changed or went.
    func noticed(_ changes: VMPortChanges, in replica: Replica) {
        planner?.noticed(changes.ports)
        quarantine.look(at: changes, of: active.lanes, in: replica, now: .now())
        misplaced.look(at: changes, in: replica)
        keepVMInterfaces()
        keepMisplaced()
    }

    /// VM ports stood on a bridge of the chain: they are named for as long as the host shows their devices.
    func sawMisplaced(_ vms: [MisplacedVM]) {
        misplaced.saw(vms, now: .now())
        keepMisplaced()
        lookAtMisplaced()
    }

    /// Looks now and then whether the devices of those are still there, on a thread that may be blocked.
    func lookAtMisplaced() {
        guard misplacedLook == nil, !misplaced.isEmpty, !isStopping else { return }
        misplacedLook = eventLoop.scheduleTask(in: .seconds(5)) {
            self.assumeIsolated { agent in
                let (names, folder) = (agent.misplaced.all.map(\.name), agent.configuration.nicFolder)
                NIOThreadPool.singleton.runIfActive(eventLoop: agent.eventLoop) {
                    Set(names.filter { NICHardware.exists($0, in: folder) })
                }.whenComplete { result in
                    self.assumeIsolated { agent in
                        agent.misplacedLook = nil
                        if case .success(let devices) = result { agent.misplaced.look(atDevices: devices, now: .now()) }
                        agent.keepMisplaced()
                        agent.lookAtMisplaced()
                    }
                }
            }
        }
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
}
