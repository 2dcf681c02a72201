import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSDB

/// A database that three servers hold together: going on where another server left off, and staying with the leader.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ClusterTests {
    /// How a server goes.
    enum Departure: Sendable, CaseIterable {
        case killed, stopped
        /// In order: it hands its lead over, and tells its clients that it is no part of the cluster any more.
        case left
    }

    /// Three servers of one cluster in a private folder.
    private struct Cluster {
        let ovs: PrivateSwitch
        let servers: [Remote: PrivateSwitch.Program]

        var remotes: [Remote] { servers.keys.sorted { $0.description < $1.description } }

        static func with(_ body: (Cluster) async throws -> Void) async throws {
            try await PrivateSwitch.with(vswitchd: false) { ovs in
                let folder = ovs.runFolder
                let schema = "/usr/share/openvswitch/vswitch.ovsschema"
                let addresses = (1...3).map { "unix:\(folder)/\($0).raft" }
                try await ovs.check("ovsdb-tool", "create-cluster", "\(folder)/1.db", schema, addresses[0])
                for number in 2...3 {
                    let files = ["\(folder)/\(number).db", "Open_vSwitch", addresses[number - 1], addresses[0]]
                    try await ovs.check("ovsdb-tool", "join-cluster", files[0], files[1], files[2], files[3])
                }
                try await with(ovs, [:], 1, body)
            }
        }

        private static func with(
            _ ovs: PrivateSwitch,
            _ servers: [Remote: PrivateSwitch.Program],
            _ number: Int,
            _ body: (Cluster) async throws -> Void
        ) async throws {
            guard number <= 3 else { return try await body(Cluster(ovs: ovs, servers: servers)) }
            let path = "\(ovs.runFolder)/\(number)"
            let options = ["--remote=punix:\(path).sock", "--unixctl=\(path).ctl", "-vconsole:warn"]
            try await ovs.withProgram("ovsdb-server", ["\(path).db"] + options) { program in
                try await program.accepts(at: "\(path).sock")
                let remote = try Remote("unix:\(path).sock")
                try await with(ovs, servers.merging([remote: program]) { $1 }, number + 1, body)
            }
        }

        /// A client that has followed the cluster since all three servers were in it.
        func follow(role: ServerRole) async throws -> FollowingDatabase {
            for remote in remotes {
                let one = try await FollowingDatabase.start(remotes: [remote], role: .connected)
                #expect(await one.synced())
                await one.client.stop()
            }
            let database = try await FollowingDatabase.start(
                remotes: remotes,
                role: role,
                probeInterval: .seconds(1)
            )
            #expect(await database.synced())
            return database
        }

        func kill(_ remote: Remote) async throws {
            let program = try #require(servers[remote])
            program.send(SIGKILL)
            _ = try await program.end()
        }

        /// Takes a server out of its clients' reach.
        func end(_ remote: Remote, by departure: Departure) async throws {
            switch departure {
            case .killed: try await kill(remote)
            case .stopped: try #require(servers[remote]).send(SIGSTOP)
            case .left:
                guard case .unix(let path) = remote else { return }
                let control = path.dropLast("sock".count) + "ctl"
                try await ovs.check("ovs-appctl", "-t", String(control), "cluster/leave", "Open_vSwitch")
            }
        }
    }

    private static func insert(_ name: String) -> [OVSDB.Operation] {
        [
            .insert(table: "Interface", row: ["name": Datum(.string(name))], name: "i"),
            .insert(
                table: "Port",
                row: ["name": Datum(.string(name)), "interfaces": Datum(.namedUUID("i"))],
                name: "p"
            ),
            .insert(
                table: "Bridge",
                row: ["name": Datum(.string(name)), "ports": Datum(.namedUUID("p"))],
                name: "b"
            ),
            .mutate(
                table: "Open_vSwitch",
                where: [],
                mutations: [.init("bridges", .insert, Datum(.namedUUID("b")))]
            ),
        ]
    }

    @Test("when its server dies a client goes on at another one with what changed, and with that alone")
    func resumes() async throws {
        try await Cluster.with { cluster in
            let database = try await cluster.follow(role: .connected)
            let client = database.client
            _ = try await client.transact([.insert(table: "Open_vSwitch", row: [:])])
            let filter = RowFilter.any([.init("name", .notEqual, "b0")])
            await client.follow(filter, in: "Bridge")
            #expect(await database.nextUnlessDisconnected { if case .filtered = $0 { true } else { nil } } == true)
            _ = try await client.transact(Self.insert("b1"))
            #expect(await database.replica { $0["Bridge"][name: "b1"] != nil })
            let first = await client.remote
            try await cluster.kill(first)

            let others = try await FollowingDatabase.start(
                remotes: cluster.remotes.filter { $0 != first },
                role: .leader
            )
            #expect(await others.synced())
            _ = try await others.client.transact(Self.insert("b0"))
            _ = try await others.client.transact(Self.insert("b2"))
            // A cluster on a busy machine may change its leader more often than it is made to.
            let isResumed = await database.next { event -> Bool? in
                if case .synced(let beginning) = event, case .fresh = beginning { return false }
                guard await client.remote != first, let bridges = await client.replica?["Bridge"] else { return nil }
                return bridges[name: "b2"] != nil && bridges[name: "b1"] != nil ? true : nil
            }
            #expect(isResumed == true)
            _ = try await client.transact(Self.insert("b3"))
            #expect(await others.replica { $0["Bridge"][name: "b3"] != nil })
            #expect(await client.replica?["Bridge"].count == 3)
            try await others.finish()
            try await database.finish(filters: ["Bridge": filter])
        }
    }

    @Test("a client that wants the leader finds it, and the next one when that one goes", arguments: Departure.allCases)
    func leader(departure: Departure) async throws {
        try await Cluster.with { cluster in
            let database = try await cluster.follow(role: .leader)
            let client = database.client
            #expect(try await Self.isLeader(client))
            _ = try await client.transact([.insert(table: "Open_vSwitch", row: [:])])
            let first = await client.remote
            try await cluster.end(first, by: departure)
            // Without a leader for a moment a client looks everywhere.
            let found = await database.next { event -> Bool? in
                guard case .synced = event else { return nil }
                return await client.remote != first ? true : nil
            }
            #expect(found == true)
            #expect(try await Self.isLeader(client))
            _ = try await client.transact(Self.insert("b1"))
            #expect(await database.replica { $0["Bridge"][name: "b1"] != nil })
            try await database.finish()
        }
    }

    @Test("a database that is converted is followed and written to under its new schema, at every server")
    func converted() async throws {
        try await Cluster.with { cluster in
            var clients: [FollowingDatabase] = []
            for remote in cluster.remotes {
                let followed = [
                    FollowedTable("Open_vSwitch", columns: ["bridges"]),
                    FollowedTable("Bridge", columns: ["name", "more"]),
                ]
                let database = try await FollowingDatabase.start(
                    remotes: [remote],
                    followed: followed,
                    role: .connected
                )
                #expect(await database.synced())
                clients.append(database)
            }
            _ = try await clients[0].client.transact([.insert(table: "Open_vSwitch", row: [:])])
            _ = try await clients[0].client.transact(Self.insert("b1"))
            for database in clients { #expect(await database.replica { $0["Bridge"][name: "b1"] != nil }) }

            let remotes = cluster.remotes.map(\.description).joined(separator: ",")
            let schema = try await cluster.ovs.check("ovsdb-client", "get-schema", remotes, "Open_vSwitch")
            let columns = #""Bridge":{"columns":{"#
            let place = try #require(schema.firstRange(of: columns)?.upperBound)
            let path = "\(cluster.ovs.runFolder)/next.ovsschema"
            try SmallDatabase.write(schema[..<place] + #""more":{"type":"integer"},"# + schema[place...], to: path)
            try await cluster.ovs.check("ovsdb-client", "convert", remotes, path)
            for database in clients {
                #expect(await database.replica { $0["Bridge"][name: "b1"]?.has("more") == true })
            }
            for (number, database) in clients.enumerated() {
                _ = try await database.client.transact([
                    .update(
                        table: "Bridge",
                        where: [.init("name", .equal, "b1")],
                        row: ["more": Datum(.integer(Int64(number)))]
                    )
                ])
                for other in clients {
                    #expect(await other.replica { $0["Bridge"][name: "b1"]?["more"].integer == Int64(number) })
                }
            }
            for database in clients { try await database.finish() }
        }
    }

    /// What the server that a client is at says of itself.
    private static func isLeader(_ client: OVSDBClient) async throws -> Bool {
        let status: JSON = [
            "op": "select", "table": "Database", "where": [["name", "==", "Open_vSwitch"]], "columns": ["leader"],
        ]
        let results = try await client.call("transact", ["_Server", status])
        return results.array?.first?["rows"]?.array?.first?["leader"]?.boolean == true
    }
}
