import JSONRPC
import Logging
import NIOCore
import OVSDB

/// The state folder: everything in it is written by ``keep(_:in:isOrdered:)``, one thing after another, and what was kept
/// never becomes nothing without a word.
extension Agent {
    /// Where a kind of value is kept.
    typealias Place<Value: Equatable & Sendable> = WritableKeyPath<KeptFiles, KeptFile<Value>> & Sendable

    /// Has a file hold this, if it does not. Answers once it is on the disk, or with why it is not.
    ///
    /// - Parameter isOrdered: as in ``KeptFile/want(_:isOrdered:)``.
    @discardableResult
    func keep<Value>(_ value: Value, in place: any Place<Value>, isOrdered: Bool = false) -> EventLoopFuture<String?> {
        guard let save = files[keyPath: place].want(value, isOrdered: isOrdered) else {
            return eventLoop.makeSucceededFuture(nil)
        }
        return perform(save, in: place)
    }

    private func perform<Value>(_ save: KeptFile<Value>.Save, in place: any Place<Value>) -> EventLoopFuture<String?> {
        fileWork.run("saving \(save.file.path)") { try save.perform() }.map { _ -> (any Error)? in
            nil
        }.flatMapErrorThrowing { $0 }.map { error in
            self.assumeIsolated { $0.ended(save, in: place, error) }
        }
    }

    private func ended<Value>(
        _ save: KeptFile<Value>.Save,
        in place: any Place<Value>,
        _ error: (any Error)?
    ) -> String? {
        let failure = error.map { "\(save.complaint): \($0)" }
        if let failure {
            // Until it is saved the status tells it, and the log once.
            if files.troubles.failed(save.file, failure) { logger.error("\(failure)") }
            saveAgain()
        } else {
            files.troubles.saved(save.file, now: .now())
        }
        // Whoever holds the lock by now has written there.
        if lock != .held { files[keyPath: place].drop() }
        if let next = files[keyPath: place].ended(save, isSaved: failure == nil) { _ = perform(next, in: place) }
        return failure
    }

    private func saveAgain() {
        // A disk that is full, or does not answer, may be well a while later.
        if !isStopping { setOnce(.saving, in: .seconds(5)) }
    }

    func saveAgainNow() {
        // One that hangs is not given more to do until it answers.
        guard fileWork.hanging.isEmpty else { return saveAgain() }
        if lock == .held { mendState() }
    }

    /// Tells of each file that is damaged, and does what is safe without it.
    func meetDamages(of kept: KeptState) {
        for (damage, consequence) in kept.damages
        where files.troubles.found(damage, consequence, now: .now()) {
            report(.init(.stateDamaged, object: "File \(damage.path)", reason: "\(damage.reason); \(consequence)"))
        }
        for file in kept.lackingCopies { files.troubles.lacksCopy(file) }
        files.forgetUnsound()
        // Nobody must be cut off because it is forgotten that he was one.
        if kept.vmInterfaces.damage != nil { quarantine.presumeVMs() }
    }

    /// What is wrong with the disk, a line each.
    var warningsOfState: [String] {
        files.troubles.warnings(now: .now()) + Set(fileWork.hanging.map(\.description)).sorted()
    }

    /// Writes down what waited for the lock, and anew what is damaged or could not be saved. Only who holds the lock may.
    func mendState() {
        files.unblock()
        files.forgetUnsound()
        keep(active.bytes, in: \.layout)
        keep(pause, in: \.pause)
        keepVMInterfaces()
        keepClaims()
        keepMisplaced()
        keepActiveMembers()
        keepFound()
    }

    /// Writes down before the end what is not written yet, also what came while a save was under way.
    func saveAll() {
        guard lock == .held else { return }
        // The last occasion: what failed before is tried once more.
        files.unblock()
        keepVMInterfaces()
        keepClaims()
        keepMisplaced()
        keepActiveMembers()
        keepFound()
        flush(\.vmInterfaces)
        flush(\.claims)
        flush(\.misplaced)
        flush(\.activeMembers)
        flush(\.found)
    }

    private func flush<Value>(_ place: any Place<Value>) {
        if let save = files[keyPath: place].flush() { _ = perform(save, in: place) }
    }

    // MARK: What changes by itself, kept by who holds the lock as soon as it is known

    func keepVMInterfaces() {
        if lock == .held { keep(keptVMInterfaces, in: \.vmInterfaces) }
    }

    func keepClaims() {
        if lock == .held { keep(keptClaims, in: \.claims) }
    }

    func keepMisplaced() {
        if lock == .held { keep(misplaced.all, in: \.misplaced) }
    }

    func keepFound() {
        if lock == .held { keep(planning.provenance.found, in: \.found) }
    }

    func keepActiveMembers() {
        guard lock == .held, let process = switches.watch.process, let bytes = activeMembers.bytes(of: process) else {
            return
        }
        keep(bytes, in: \.activeMembers)
    }

    private var keptVMInterfaces: Versioned<Set<UUID>> { Versioned(quarantine.vmInterfaces, quarantine.version) }
    private var keptClaims: Versioned<Claims> { Versioned(served.claims, served.claims.version) }
}
