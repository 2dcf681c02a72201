import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSDB

/// A client on a real database whose events a test takes one by one.
struct FollowingDatabase: Sendable {
    let client: OVSDBClient
    private let configuration: OVSDBClient.Configuration
    private let events: AsyncStream<OVSDBClient.Event>

    static let tables = [
        FollowedTable("Open_vSwitch", columns: ["bridges", "next_cfg", "cur_cfg", "no_such_column"]),
        FollowedTable("Bridge", columns: ["name", "ports", "fail_mode", "external_ids", "other_config"]),
        FollowedTable("Port", columns: ["name", "interfaces", "tag", "trunks"]),
        FollowedTable("Interface", columns: ["name", "type", "options"]),
        FollowedTable("No_such_table", columns: ["x"]),
    ]

    /// Connects; the events so far wait to be taken.
    static func start(
        remotes: [Remote],
        database: String = "Open_vSwitch",
        lock: String? = nil,
        followed: [FollowedTable] = tables,
        role: ServerRole = .any,
        probeInterval: TimeAmount = .seconds(5)
    ) async throws -> FollowingDatabase {
        try await start(
            .init(
                remotes: remotes,
                database: database,
                lock: lock,
                followed: followed,
                role: role,
                pace: .init(unclampedBackoff: .milliseconds(10), .milliseconds(50), probeInterval: probeInterval)
            )
        )
    }

    private static func start(_ configuration: OVSDBClient.Configuration) async throws -> FollowingDatabase {
        let client = try OVSDBClient(
            configuration,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let (events, continuation) = AsyncStream.makeStream(of: OVSDBClient.Event.self)
        await client.start { continuation.yield($0) }
        return FollowingDatabase(client: client, configuration: configuration, events: events)
    }

    /// Ends the client, after a look whether its replica is sound and, where a server can be asked, holds what a
    /// second client finds there.
    ///
    /// - Parameter filters: the rows followed at the end, where they are not those of the beginning.
    func finish(filters: [String: RowFilter] = [:]) async throws {
        var configuration = configuration
        configuration.lock = nil
        for (index, table) in configuration.followed.enumerated() {
            if let rows = filters[table.name] { configuration.followed[index].rows = rows }
        }
        let isWhole = configuration.followed.allSatisfy { $0.rows == .all }
        // An answer follows all that was committed before.
        if (try? await client.transact([.comment("is all here?")], timeout: .seconds(10))) != nil {
            let second = try await Self.start(configuration)
            #expect(await second.synced())
            let (replica, other) = (try #require(await client.replica), try #require(await second.client.replica))
            await second.client.stop()
            #expect(replica.schema == other.schema)
            for table in replica.schema.tables.keys {
                let (rows, others) = (replica[table].rows, other[table].rows)
                #expect(
                    Dictionary(uniqueKeysWithValues: rows.map { ($0.uuid, $0.values) })
                        == Dictionary(uniqueKeysWithValues: others.map { ($0.uuid, $0.values) }),
                    "table \(table)"
                )
            }
        }
        #expect(await client.replica?.inconsistencies(isWhole: isWhole) ?? [] == [])
        await client.stop()
    }

    /// Takes events until one is as wanted. Tests limit their time, which ends the stream: then `nil`.
    func next<T>(_ wanted: (OVSDBClient.Event) async -> T?) async -> T? {
        for await event in events { if let found = await wanted(event) { return found } }
        return nil
    }

    /// The same, but the connection must last until then.
    func nextUnlessDisconnected<T>(_ wanted: (OVSDBClient.Event) -> T?) async -> T? {
        await next { event -> T?? in
            if case .disconnected = event { return .some(nil) }
            return wanted(event).map { .some($0) }
        } ?? nil
    }

    func synced() async -> Bool {
        await next { if case .synced = $0 { true } else { nil } } ?? false
    }

    func lock() async -> LockState? {
        await next { if case .lock(let state) = $0 { state } else { nil } }
    }

    func disconnected() async -> OVSDBError? {
        await next { if case .disconnected(let error) = $0 { error } else { nil } }
    }

    /// Waits until the replica is as wanted after some event.
    func replica(_ wanted: (Replica) -> Bool) async -> Bool {
        if let replica = await client.replica, wanted(replica) { return true }
        return await next { _ in await client.replica.map(wanted) == true ? true : nil } ?? false
    }
}
