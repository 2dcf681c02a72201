import NIOCore
import OpenFlow

/// Bridges that come, or come again: ovs-vswitchd makes their sockets anew, and then has none of their flows.
extension ChainKeeper {
    private static let suffix = ".mgmt"

    /// Tries bridges at once that are out of reach.
    func retryAbsent() {
        for kept in bridges.values { kept.retryIfAbsent() }
    }

    /// Tries a bridge at once whose socket comes. Without it, or while there is no folder, they are tried now and then.
    func watchFolder() {
        watch = FolderWatch(openFlowFolder, eventLoop: eventLoop) { event in
            self.assumeIsolated { $0.found(event) }
        }
        // What came before, nothing tells of.
        if watch == nil { searchFolder() } else { retryAbsent() }
    }

    func leaveFolder() {
        folderSearch?.cancel()
        watch?.close()
        watch = nil
    }

    private func searchFolder() {
        folderSearch = eventLoop.scheduleTask(in: .seconds(1)) { self.assumeIsolated { $0.watchFolder() } }
    }

    private func found(_ event: FolderWatch.Event) {
        switch event {
        case .came(let name):
            if name.hasSuffix(Self.suffix) { bridges[String(name.dropLast(Self.suffix.count))]?.retryIfAbsent() }
        case .went:
            // Its connection tells by itself.
            break
        case .missed:
            retryAbsent()
        case .ended:
            watch = nil
            searchFolder()
        }
    }
}

extension ChainKeeper.Kept {
    fileprivate func retryIfAbsent() {
        if case .down = connection.state { connection.refresh() }
    }
}
