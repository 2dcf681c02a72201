import Logging
import OVSDB

/// What the state folder holds: what must survive a restart, and what the next holder of the lock has to know.
struct KeptState: Sendable {
    /// The last accepted layout.
    var layout: ActiveLayout?
    /// The pause that is not over.
    var pause: Pause?
    /// The interfaces that were seen as a VM's.
    var vmInterfaces: Set<UUID>

    /// Reads it; what can't be read is not there, and the log tells.
    static func load(from folder: String, _ logger: Logger) -> KeptState {
        let store = StateFile.layout(in: folder)
        return KeptState(
            layout: store.load(logger).flatMap { try? ActiveLayout($0, file: store.path) },
            pause: StateFile.pause(in: folder).load(logger).flatMap(Pause.init),
            vmInterfaces: Quarantine.vmInterfaces(in: StateFile.vmInterfaces(in: folder).load(logger))
        )
    }
}
