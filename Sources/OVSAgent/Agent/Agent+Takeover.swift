import Logging
import NIOCore
import OVSDB

/// The lock that comes. While another agent held it, an operator may have given that one a layout or a pause, and it
/// saw VMs' ports: all that it kept in the state folder, and what it kept is what goes on.
extension Agent {
    /// How long a disk may take before the agent goes on with what it knows: a host must not be without an agent.
    private static let patienceWithDisk = TimeAmount.seconds(1)

    /// Reads what is kept before anything is written to the database.
    func takeOver() {
        term += 1
        isTakingOver = true
        let (term, folder, logger) = (term, configuration.stateFolder, logger)
        let timer = eventLoop.scheduleTask(in: Self.patienceWithDisk) {
            self.assumeIsolated { $0.takenOver(nil, term) }
        }
        afterFileWork { KeptState.load(from: folder, logger) }.whenSuccess { kept in
            timer.cancel()
            self.assumeIsolated { $0.takenOver(kept, term) }
        }
    }

    private func takenOver(_ kept: KeptState?, _ term: Int) {
        // The lock may have gone, and come again since.
        guard isTakingOver, term == self.term, lock == .held else { return }
        isTakingOver = false
        if let kept {
            adopt(kept)
        } else {
            logger.warning("\(configuration.stateFolder) can't be read in time: the layout stays what it was")
        }
        beginIfReady()
    }

    /// Takes what somebody else has kept since this agent last read or wrote it. What it could not keep itself, it has
    /// not forgotten.
    private func adopt(_ kept: KeptState) {
        if kept.pause != known.pause { adopt(kept.pause) }
        if let layout = kept.layout, layout.digest != known.layout?.digest {
            if layout.digest != active.digest { adopt(layout) }
            known.layout = layout
        }
        known.pause = kept.pause
        adopt(kept.vmInterfaces)
    }

    private func adopt(_ kept: Pause?) {
        pauseTimer?.cancel()
        let wasPaused = pause != nil
        pause = kept?.remaining(now: .now()) == nil ? nil : kept
        if pause != nil {
            continuePause()
        } else if wasPaused {
            report(.init(.resumed, reason: "it was ended while another agent held the lock"))
        }
    }

    private func adopt(_ layout: ActiveLayout) {
        active = layout
        planner = nil
        removal = .refused
        layoutError = nil
        cause = .layout
        report(.init(.layoutLoaded, reason: "\(store.path), digest \(layout.digest): what another agent accepted"))
        lookAtNICs()
    }

    private func adopt(_ vmInterfaces: Set<UUID>) {
        quarantine.remember(vmInterfaces)
        if connection == .synced {
            let lanes = active.lanes
            withReplica { quarantine.lookAgain(of: lanes, in: $0, now: .now()) }
        }
        keptVMInterfaces = vmInterfaces == quarantine.vmInterfaces ? quarantine.version : nil
        keepVMInterfaces()
    }
}
