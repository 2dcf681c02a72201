import JSONRPC
import TestSupport
import Testing

@testable import OVSDB

/// A database that is converted or taken away while it is followed, on a real server.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ConversionTests {
    @Test("a database that is converted under us, twice, ends in a right replica and is written to again")
    func converted() async throws {
        try await SmallDatabase.follow { ovs, database in
            let client = database.client
            _ = try await client.transact([
                .insert(table: "T", row: ["name": "kept", "options": ["a": "1", "b": "2"]])
            ])
            for (version, columns) in [
                ("2.0.0", SmallDatabase.columns + [#""more":{"type":"integer"}"#]),
                ("3.0.0", [SmallDatabase.columns[0]]),
            ] {
                try await SmallDatabase.convert(ovs, to: version, columns)
                #expect(await database.nextUnlessDisconnected { if case .synced = $0 { true } else { nil } } == true)
                let replica = try #require(await client.replica)
                #expect(replica.schema.version == version)
                let kept = try #require(replica["T"][name: "kept"])
                #expect(kept.has("options") == (version == "2.0.0"))
                if version == "2.0.0" { #expect(kept["options"] == ["a": "1", "b": "2"]) }
                _ = try await client.transact([.insert(table: "T", row: ["name": Datum(.string(version))])])
                #expect(await client.replica?["T"][name: version] != nil)
            }
        }
    }

    @Test("a database that leaves the server is asked for until it is there again")
    func removed() async throws {
        try await SmallDatabase.follow { ovs, database in
            try await SmallDatabase.control(ovs, "ovsdb-server/remove-db", "small")
            #expect(await database.disconnected()?.description.contains("refused get_schema: unknown database") == true)
            try await SmallDatabase.control(ovs, "ovsdb-server/add-db", "\(ovs.runFolder)/small.db")
            #expect(await database.synced())
        }
    }

    /// What makes a client begin its monitor anew.
    enum Cause: Sendable, CaseIterable { case conversion, theftOfTheLock }

    @Test(
        "a conversion while no monitor stands is not overlooked: what follows is read under the schema that it has",
        arguments: Cause.allCases
    )
    func unseen(cause: Cause) async throws {
        try await SmallDatabase.with { ovs in
            let path = "\(ovs.runFolder)/relay.sock"
            try await Relay.with(path, to: ovs.databaseSocket, at: "monitor_cond_since", .before, passing: 1) { relay in
                let database = try await SmallDatabase.follow(at: relay.remote, lock: "l")
                #expect(await database.synced())
                switch cause {
                case .conversion: try await SmallDatabase.convert(ovs, to: "2.0.0", SmallDatabase.columns)
                case .theftOfTheLock:
                    let thief = try await SmallDatabase.follow(at: Remote(ovs.databaseRemote))
                    #expect(await thief.synced())
                    _ = try await thief.client.call("steal", ["l"])
                    _ = try await thief.client.call("unlock", ["l"])
                    await thief.client.stop()
                }
                // The request is under way that asks for the monitor under the schema of now.
                try await relay.stopped()
                // Differences of a set of one element are its new value; of a larger set they are not.
                let optional = #""optional":{"type":{"key":"string","min":0,"max":"unlimited"}}"#
                let columns = SmallDatabase.columns.map { $0.hasPrefix(#""optional""#) ? optional : $0 }
                try await SmallDatabase.convert(ovs, to: "3.0.0", columns)
                relay.goOn()
                #expect(await database.replica { $0.schema.version == "3.0.0" })
                let client = database.client
                _ = try await client.transact([.insert(table: "T", row: ["name": "x", "optional": "a"])])
                let mutation = Mutation("optional", .insert, "b")
                _ = try await client.transact([.mutate(table: "T", where: [], mutations: [mutation])])
                #expect(await database.replica { $0["T"][name: "x"]?["optional"] == ["a", "b"] })
                try await database.finish()
            }
        }
    }
}
