import Glibc
import JSONRPC
import OVSDB
import TestSupport
import Testing

@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct OVSDBClientTests {
    @Test("the replica holds what stock tools wrote before and write after the snapshot")
    func follows() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "external-ids:a=1", "external-ids:b=2")
            let database = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)])
            #expect(await database.synced())
            let bridge = try #require(await database.client.replica?["Bridge"][name: "br0"])
            #expect(bridge["external_ids"] == ["a": "1", "b": "2"])
            let port = try #require(await database.client.replica?["Port"][name: "br0"])
            #expect(bridge["ports"].uuids == [port.uuid])
            #expect(
                await database.client.replica?.referrers(of: port.uuid)
                    == [Reference(table: "Bridge", column: "ports", row: bridge.uuid)]
            )

            try await ovs.vsctl(
                "set",
                "bridge",
                "br0",
                "external-ids:b=3",
                "external-ids:c=4",
                "fail-mode=secure",
                "--",
                "remove",
                "bridge",
                "br0",
                "external-ids",
                "a",
                "--",
                "add-port",
                "br0",
                "p1",
                "tag=7",
                "--",
                "set",
                "port",
                "br0",
                "trunks=1,2,3"
            )
            try await ovs.vsctl("remove", "port", "br0", "trunks", "1,3")
            #expect(await database.replica { $0["Port"][name: "br0"]?["trunks"] == 2 })
            let replica = try #require(await database.client.replica)
            let changed = try #require(replica["Bridge"][name: "br0"])
            #expect(changed["external_ids"] == ["b": "3", "c": "4"])
            #expect(changed["fail_mode"] == "secure")
            #expect(changed["ports"].count == 2)
            #expect(replica["Port"][name: "p1"]?["tag"] == 7)

            try await ovs.vsctl("del-br", "br0")
            #expect(await database.replica { $0["Bridge"].count == 0 && $0["Interface"].count == 0 })
            #expect(await database.client.replica?.referrers(of: port.uuid) == [])
            try await database.finish()
        }
    }

    @Test("a transaction gives each operation's result, and its own change comes before its answer")
    func transacts() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let database = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)], lock: "test")
            #expect(await database.lock() == .held)
            #expect(await database.synced())
            let root = try #require(await database.client.replica?["Open_vSwitch"].uuids.first)
            let results = try await database.client.transact([
                .assert(lock: "test"), .comment("a test"),
                .insert(table: "Interface", row: ["name": "p1"], name: "i1"),
                .insert(table: "Port", row: ["name": "p1", "interfaces": Datum(.namedUUID("i1"))], name: "p1"),
                .insert(table: "Bridge", row: ["name": "b1", "ports": Datum(.namedUUID("p1"))], name: "b1"),
                .mutate(
                    table: "Open_vSwitch",
                    where: [.row(root)],
                    mutations: [.init("bridges", .insert, Datum(.namedUUID("b1"))), .init("next_cfg", .add, 1)]
                ),
                .select(table: "Open_vSwitch", where: [.row(root)], columns: ["next_cfg"]),
            ])
            let bridge = try #require(await database.client.replica?["Bridge"][name: "b1"])
            #expect(results[0...1] == [.done, .done])
            #expect(results[4] == .inserted(bridge.uuid))
            #expect(results[5] == .count(1))
            #expect(results[6] == .rows([["next_cfg": 1]]))
            try await database.finish()
        }
    }

    @Test("a guard that does not hold, a lock of somebody else's and a broken constraint undo a transaction by name")
    func refusals() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let database = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)])
            #expect(await database.synced())
            let root = try #require(await database.client.replica?["Open_vSwitch"].uuids.first)
            let guarded = Operation.wait(
                table: "Open_vSwitch",
                where: [.row(root)],
                columns: ["next_cfg"],
                rows: [["next_cfg": 77]]
            )
            let cases: [([OVSDB.Operation], String, Int?)] = [
                ([.comment("x"), guarded], "timed out", 1),
                ([.assert(lock: "nobodys")], "not owner", 0),
                ([.insert(table: "Bridge", row: ["name": 5])], "syntax error", 0),
                (
                    [
                        .insert(table: "Bridge", row: ["name": "a"], name: "a"),
                        .mutate(
                            table: "Open_vSwitch",
                            where: [.row(root)],
                            mutations: [.init("bridges", .insert, Datum(.uuid(.random())))]
                        ),
                    ], "referential integrity violation", nil
                ),
            ]
            for (operations, name, operation) in cases {
                let error = await #expect(throws: OVSDBError.self) { try await database.client.transact(operations) }
                guard case .transaction(let failure) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(failure.name == name)
                #expect(failure.operation == operation)
            }
            try await database.finish()
        }
    }

    @Test("of two clients one holds the lock, and the other takes over when it stops")
    func lock() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let remote = try Remote(ovs.databaseRemote)
            let first = try await FollowingDatabase.start(remotes: [remote], lock: "test")
            #expect(await first.lock() == .held)
            let second = try await FollowingDatabase.start(remotes: [remote], lock: "test")
            #expect(await second.lock() == .waiting)
            try await first.finish()
            #expect(await second.lock() == .held)
            try await second.finish()
        }
    }

    @Test("a server that comes back, with its database or with an empty one, is followed again")
    func serverRestarts() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.vsctl("add-br", "br0")
            let absent = try Remote("unix:\(ovs.runFolder)/nobody.sock")
            let database = try await FollowingDatabase.start(remotes: [absent, Remote(ovs.databaseRemote)])
            #expect(await database.disconnected()?.description.contains("No such file or directory") == true)
            #expect(await database.synced())
            try await ovs.killServer()
            #expect(await database.disconnected() != nil)
            await #expect(throws: OVSDBError.self) { try await database.client.transact([.comment("nobody hears")]) }
            #expect(await database.client.replica?["Bridge"][name: "br0"] != nil)
            try await ovs.restartServer()
            #expect(await database.synced())
            #expect(await database.client.replica?["Bridge"][name: "br0"] != nil)
            try await ovs.restartServer(freshDatabase: true)
            #expect(await database.replica { $0["Bridge"].count == 0 })
            try await database.finish()
        }
    }

    @Test("a call that is under way when the server dies fails rather than waits")
    func callDies() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let database = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)])
            #expect(await database.synced())
            try await ovs.killServer(SIGSTOP)
            let client = database.client
            let answer = Task { try await client.call("list_dbs", []) }
            try await ovs.killServer(SIGKILL)
            await #expect(throws: OVSDBError.self) { try await answer.value }
            try await database.finish()
        }
    }
}
