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
        planning.noticed(changes.ports)
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

    /// Looks now and then whether the devices of those are still there.
    func lookAtMisplaced() {
        if !misplaced.isEmpty, !isStopping { setOnce(.misplaced, in: .seconds(5)) }
    }

    /// On a thread that may be blocked.
    func lookAtMisplacedNow() {
        let (names, folder) = (misplaced.all.map(\.name), configuration.nicFolder)
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            Set(names.filter { NICHardware.exists($0, in: folder) })
        }.whenComplete { result in
            self.assumeIsolated { agent in
                if case .success(let devices) = result { agent.misplaced.look(atDevices: devices, now: .now()) }
                agent.keepMisplaced()
                agent.lookAtMisplaced()
            }
        }
    }

    /// Plans again when the next port's time is over.
    func awaitExpulsion() { set(.expulsion, at: quarantine.nextDue(after: .now())) }
}
