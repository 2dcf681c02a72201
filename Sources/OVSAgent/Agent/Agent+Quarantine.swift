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

    /// Once such a port is taken off, a restarted agent has nothing else to know of it by.
    func keepMisplaced() {
        let vms = misplaced.all
        guard lock == .held, vms != keptMisplaced else { return }
        keptMisplaced = vms
        let file = misplacedFile
        fileWork.run("saving \(file.path)") {
            if vms.isEmpty { try file.remove() } else { try file.save(MisplacedVM.bytes(of: vms)) }
        }.whenComplete { result in
            self.assumeIsolated { agent in
                guard case .failure(let error) = result else { return agent.stateTroubles.saved(file, now: .now()) }
                agent.failed(file, "which VM ports were taken off the chain could not be kept for a restart: \(error)")
                agent.keptMisplaced = nil
            }
        }
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

    /// Where a VM's port loses its mark while no agent runs, the next one has to know whose it was. Many VMs that come
    /// together are one save.
    func keepVMInterfaces(in time: TimeAmount = .milliseconds(100)) {
        guard lock == .held, quarantine.version != keptVMInterfaces, keeping == nil else { return }
        keeping = eventLoop.scheduleTask(in: time) {
            self.assumeIsolated { agent in
                agent.keeping = nil
                agent.saveVMInterfaces()
            }
        }
    }

    /// Saves them as they are now, if that is not done. Without the lock they are somebody else's to save.
    func saveVMInterfaces() {
        keeping?.cancel()
        keeping = nil
        guard lock == .held, quarantine.version != keptVMInterfaces else { return }
        keptVMInterfaces = quarantine.version
        let (rows, file) = (quarantine.vmInterfaces, vmInterfacesFile)
        fileWork.run("saving \(file.path)") {
            if rows.isEmpty { try file.remove() } else { try file.save(Quarantine.bytes(of: rows)) }
        }.whenComplete { result in self.assumeIsolated { $0.savedVMInterfaces(result) } }
    }

    /// A disk that is full may not be a while later. Until then the status tells it, and the log once.
    private func savedVMInterfaces(_ result: Result<Void, any Error>) {
        guard case .failure(let error) = result else {
            stateTroubles.saved(vmInterfacesFile, now: .now())
            return
        }
        failed(vmInterfacesFile, "which ports are VMs' could not be kept for a restart: \(error)")
        keptVMInterfaces = nil
    }
}
