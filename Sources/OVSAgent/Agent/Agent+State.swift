import Logging
import NIOCore
import OVSDB

/// The state folder when something is wrong with it: what was kept never becomes nothing without a word.
extension Agent {
    /// Tells of each file that is damaged, and does what is safe without it.
    func meetDamages(of kept: KeptState) {
        for (damage, consequence) in kept.damages
        where stateTroubles.found(damage, consequence, now: .now()) {
            report(.init(.stateDamaged, object: "File \(damage.path)", reason: "\(damage.reason); \(consequence)"))
        }
        for file in kept.lackingCopies {
            stateTroubles.lacksCopy(file)
            if file == foundFile { keptFound = nil }
        }
        // Nobody must be cut off because it is forgotten that he was one.
        if kept.vmInterfaces.damage != nil { quarantine.presumeVMs() }
    }

    /// A file could not be saved. Until it is, the status tells it, and the log once.
    func failed(_ file: StateFile, _ failure: String) {
        if stateTroubles.failed(file, failure) { logger.error("\(failure)") }
        saveAgain()
    }

    private func saveAgain() {
        guard savingAgain == nil, !isStopping else { return }
        // A disk that is full, or does not answer, may be well a while later.
        savingAgain = eventLoop.scheduleTask(in: .seconds(5)) {
            self.assumeIsolated { agent in
                agent.savingAgain = nil
                // One that hangs is not given more to do until it answers.
                guard agent.fileWork.hanging.isEmpty else { return agent.saveAgain() }
                if agent.lock == .held { agent.mendState() }
            }
        }
    }

    /// What is wrong with the disk, a line each.
    var warningsOfState: [String] {
        stateTroubles.warnings(now: .now()) + Set(fileWork.hanging.map(\.description)).sorted()
    }

    /// Writes down what waited for the lock, and anew what is damaged or could not be saved. Only who holds the lock may.
    func mendState() {
        if let unkept {
            keep(unkept)
        } else if stateTroubles.isDamaged(store) || stateTroubles.isUnsaved(store) {
            keep(active.bytes)
        }
        forgetEndedPause()
        mendPause()
        if stateTroubles.isDamaged(vmInterfacesFile) { keptVMInterfaces = nil }
        keepVMInterfaces()
        if stateTroubles.isDamaged(claimsFile) { keptClaims = nil }
        keepClaims()
        if stateTroubles.isDamaged(misplacedFile) { keptMisplaced = nil }
        keepMisplaced()
        if stateTroubles.isDamaged(activeMembersFile) { keptActiveMembers = nil }
        keepActiveMembers()
        keepFound()
    }
}
