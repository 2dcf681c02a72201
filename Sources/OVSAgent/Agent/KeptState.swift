import Logging
import OVSDB

/// What the state folder holds: what must survive a restart, and what the next holder of the lock has to know.
struct KeptState: Sendable {
    /// The last accepted layout.
    var layout: ActiveLayout?
    /// The pause that an operator gave and nobody ended.
    var pause: Pause?
    /// Whether ``pause`` is what the folder says: its file could be read, or there is none.
    var isPauseTold: Bool
    /// The interfaces that were seen as a VM's.
    var vmInterfaces: Set<UUID>

    /// Reads it; what can't be read is not there, and the log tells.
    static func load(from folder: String, _ logger: Logger) -> KeptState {
        let store = StateFile.layout(in: folder)
        let bytes = StateFile.pause(in: folder).load(logger)
        let pause = bytes.flatMap(Pause.init)
        return KeptState(
            layout: store.load(logger).flatMap { try? ActiveLayout($0, file: store.path) },
            pause: pause,
            isPauseTold: pause != nil || bytes?.isEmpty == true,
            vmInterfaces: Quarantine.vmInterfaces(in: StateFile.vmInterfaces(in: folder).load(logger))
        )
    }
}
