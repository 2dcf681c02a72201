import Logging
import NIOCore
import NIOPosix
import OVSDB
import Synchronization

/// A client whose replica is complete, and what has changed since.
final class Following: Sendable {
    let client: OVSDBClient
    private let changed = Atomic<Int>(0)

    /// Rows that notifications told of.
    var changedRows: Int { changed.load(ordering: .relaxed) }

    /// The replica of now.
    var replica: Replica? {
        get throws { try client.eventLoop.submit { [client] in client.assumeIsolated { $0.replica } }.wait() }
    }

    var rowCount: Int {
        get throws {
            guard let replica = try replica else { return 0 }
            return replica.schema.tables.keys.reduce(0) { $0 + replica[$1].count }
        }
    }

    /// Waits until the replica is complete. Throws when the first connection comes to nothing.
    init(_ remote: Remote, _ tables: [FollowedTable]) throws {
        client = try OVSDBClient(
            .init(remotes: [remote], database: "Open_vSwitch", followed: tables),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "ovsdb-bench") { _ in SwiftLogNoOpLogHandler() }
        )
        let outcome = client.eventLoop.makePromise(of: Void.self)
        client.eventLoop.execute {
            self.client.assumeIsolated { client in
                client.start { event in
                    switch event {
                    case .changed(let rows): self.changed.add(rows.count, ordering: .relaxed)
                    case .synced: outcome.succeed()
                    case .disconnected(let error): outcome.fail(error)
                    case .connected, .learned, .filtered, .lock: break
                    }
                }
            }
        }
        try outcome.futureResult.wait()
    }
}
