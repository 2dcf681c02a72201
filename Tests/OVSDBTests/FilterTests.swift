import Glibc
import TestSupport
import Testing

@testable import OVSDB

/// Following a part of a table's rows, on a real server.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct FilterTests {
    private static let followed = [
        FollowedTable("Bridge", columns: ["name", "fail_mode"], rows: .any([.init("name", .equal, "b1")]))
    ]

    private static func named(_ names: String...) -> RowFilter {
        .any(names.map { .init("name", .equal, Datum(.string($0))) })
    }

    private static func names(_ replica: Replica) -> [String] { replica["Bridge"].rows.map(\.name).sorted() }

    private func with(_ body: (PrivateSwitch, FollowingDatabase) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.vsctl("add-br", "b1", "--", "add-br", "b2", "--", "add-br", "b3")
            let database = try await FollowingDatabase.start(
                remotes: [Remote(ovs.databaseRemote)],
                followed: Self.followed
            )
            #expect(await database.synced())
            try await body(ovs, database)
        }
    }

    private func filtered(_ database: FollowingDatabase) async -> Bool {
        await database.nextUnlessDisconnected { if case .filtered = $0 { true } else { nil } } == true
    }

    @Test("rows come and go with the filter and with their own changes, and nothing else is told")
    func changes() async throws {
        try await with { ovs, database in
            let client = database.client
            #expect(await client.replica.map(Self.names) == ["b1"])
            let revision = await client.revision
            await client.follow(Self.named("b2", "b3"), in: "Bridge")
            #expect(await filtered(database))
            #expect(await client.replica.map(Self.names) == ["b2", "b3"])
            #expect(await client.revision > revision)
            await client.follow(.any([.init("fail_mode", .includes, "secure")]), in: "Bridge")
            #expect(await filtered(database))
            #expect(await client.replica.map(Self.names) == [])
            try await ovs.vsctl("set", "bridge", "b1", "fail_mode=secure")
            #expect(await database.replica { Self.names($0) == ["b1"] })
            try await ovs.vsctl("set", "bridge", "b1", "fail_mode=standalone", "--", "set-fail-mode", "b2", "secure")
            #expect(await database.replica { Self.names($0) == ["b2"] })
            // Three wishes at once: the last is what counts.
            await client.follow(.all, in: "Bridge")
            await client.follow(.nothing, in: "Bridge")
            await client.follow(Self.named("b3"), in: "Bridge")
            #expect(await filtered(database))
            #expect(await database.replica { Self.names($0) == ["b3"] })
            await client.follow(.all, in: "No_such_table")
            try await database.finish(filters: ["Bridge": Self.named("b3")])
        }
    }

    @Test("a filter set while the server is away, or that dies with it, holds on the next connection")
    func restarts() async throws {
        try await with { ovs, database in
            let client = database.client
            try await ovs.killServer(SIGSTOP)
            // Sent, and never read.
            await client.follow(Self.named("b2"), in: "Bridge")
            try await ovs.killServer()
            #expect(await database.disconnected() != nil)
            #expect(await client.replica.map(Self.names) == ["b1"])
            try await ovs.restartServer()
            #expect(await database.synced())
            #expect(await client.replica.map(Self.names) == ["b2"])

            try await ovs.killServer()
            #expect(await database.disconnected() != nil)
            await client.follow(Self.named("b1", "b3"), in: "Bridge")
            try await ovs.restartServer()
            #expect(await database.synced())
            #expect(await client.replica.map(Self.names) == ["b1", "b3"])
            try await database.finish(filters: ["Bridge": Self.named("b1", "b3")])
        }
    }
}
