import JSONRPC
import Logging
import NIOCore
import OVSDB

/// The lock that comes from another agent. While that one held it, an operator may have given it a layout or a pause, and
/// it saw VMs' ports: it kept all that in the state folder, and what it kept is what goes on.
///
/// An agent that was away and finds the lock free goes on as it was.
extension Agent {
    /// How long a disk may take before the agent goes on with what it knows: a host must not be without an agent.
    private static let patienceWithDisk = TimeAmount.seconds(1)

    /// Reads what is kept; until it is read, nothing is written to the database.
    func takeOver() {
        readKept(Word(term: authority.term, layout: active.digest, pause: pause))
    }

    private func readKept(_ here: Word) {
        let folder = configuration.stateFolder
        let timer = eventLoop.scheduleTask(in: Self.patienceWithDisk) {
            self.assumeIsolated { $0.goOn(here) }
        }
        fileWork.run("reading \(folder)") { KeptState.load(from: folder) }.whenComplete { result in
            timer.cancel()
            self.assumeIsolated { agent in
                switch result {
                case .success(let kept): agent.takenOver(kept, here)
                case .failure: agent.takeOverLater(here)
                }
            }
        }
    }

    /// What the agent was told when the lock came: what it is told after that counts for more than what was kept.
    private struct Word: Hashable, Sendable {
        var term: Int
        var layout: String
        var pause: Pause?
    }

    private func goOn(_ here: Word) {
        guard authority.isTakingOver, authority.tookOver(here.term) else { return }
        logger.warning("\(configuration.stateFolder) can't be read in time: what another agent kept counts once it is")
        beginIfReady()
    }

    /// What is kept could not be read: the agent goes on with what it knows, and reads it as soon as it can.
    private func takeOverLater(_ here: Word) {
        goOn(here)
        eventLoop.scheduleTask(in: Self.patienceWithDisk) {
            self.assumeIsolated { agent in
                guard here.term == agent.authority.term, agent.lock == .held, !agent.isStopping else { return }
                agent.readKept(here)
            }
        }
    }

    private func takenOver(_ kept: KeptState, _ here: Word) {
        guard authority.tookOver(here.term) else { return }
        adopt(kept, here)
        if pause != nil { stand() }
        if repair.isStanding { beginIfReady() } else { reconcileIfIdle() }
    }

    /// Takes what another agent has kept since this one last read or wrote it.
    private func adopt(_ kept: KeptState, _ here: Word) {
        meetDamages(of: kept)
        let keptPause = kept.pause(now: .now())
        if keptPause != files.pause.known ?? nil, pause == here.pause { adopt(keptPause) }
        files.pause.holds(keptPause)
        if let layout = kept.layout.value, layout.bytes != files.layout.known {
            if layout.digest != active.digest, active.digest == here.layout { adopt(layout) }
            files.layout.holds(layout.bytes)
        }
        adopt(kept.vmInterfaces.value ?? [])
        adopt(kept.misplaced.value ?? [])
        // Read late, it is older than what this agent has seen since it serves.
        if served.lanes == nil {
            adopt(kept.claims.value ?? Claims())
            activeMembers = kept.activeMembers.value ?? ActiveMembers()
        } else {
            files.claims.forget()
        }
        files.activeMembers.forget()
        adopt(kept.found)
        mendState()
    }

    private func adopt(_ kept: Pause?) {
        set(.pauseEnd, at: nil)
        let wasPaused = pause != nil
        authority.pause = kept?.remaining(now: .now()) == nil ? nil : kept
        if pause != nil {
            continuePause()
        } else if wasPaused {
            report(.init(.resumed, reason: "it was ended while another agent held the lock"))
        }
    }

    private func adopt(_ layout: ActiveLayout) {
        active = layout
        planning.beginAnew()
        planning.removal = .refused
        layoutError = nil
        files.troubles.isAsWanted(files.layout.file)
        repair.wantAnew()
        report(
            .init(
                .layoutLoaded,
                reason: "\(files.layout.file.path), digest \(layout.digest): what another agent accepted"
            )
        )
        lookAtNICs()
    }

    private func adopt(_ found: StateFile.Kept<FoundValues>) {
        // A save of one's own may be on its way that the other agent's word came before: it is written anew.
        files.found.forget()
        guard let value = found.value, value != planning.provenance.found else { return }
        planning.provenance.replace(found: value)
        planning.beginAnew()
    }

    private func adopt(_ kept: Claims) {
        served.inherit(kept)
        files.claims.holds(Versioned(kept, kept.version))
    }

    private func adopt(_ kept: [MisplacedVM]) {
        misplaced.saw(kept, now: .now())
        files.misplaced.holds(kept)
        lookAtMisplaced()
    }

    private func adopt(_ vmInterfaces: Set<UUID>) {
        quarantine.remember(vmInterfaces)
        if connection == .synced {
            let lanes = active.lanes
            withReplica { quarantine.lookAgain(of: lanes, in: $0, now: .now()) }
        }
        guard vmInterfaces == quarantine.vmInterfaces else { return files.vmInterfaces.forget() }
        files.vmInterfaces.holds(Versioned(vmInterfaces, quarantine.version))
        files.troubles.isAsWanted(files.vmInterfaces.file)
        keepVMInterfaces()
    }
}
