import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSDB

/// What only a real server can say: that it means by its differences what we take them for, and how it behaves when it
/// hangs, is converted or loses the database.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"), .timeLimit(.minutes(5)))
struct RealServerTests {
    @Test("a server that hangs is dropped by the probe and followed again when it goes on")
    func stopped() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let database = try await FollowingDatabase.start(
                remotes: [Remote(ovs.databaseRemote)],
                probeInterval: .milliseconds(500)
            )
            #expect(await database.synced())
            try await ovs.killServer(SIGSTOP)
            let client = database.client
            let call = Task { try await client.transact([.comment("nobody hears")]) }
            #expect(await database.disconnected()?.description.contains("no answer to a probe") == true)
            await #expect(throws: OVSDBError.self) { try await call.value }
            #expect(await client.replica?["Open_vSwitch"].count == 1)
            // A stopped server's socket still takes connections; those are dropped in the same way.
            #expect(await database.disconnected()?.description.contains("not a byte within") == true)
            try await ovs.killServer(SIGCONT)
            #expect(await database.synced())
            try await ovs.vsctl("add-br", "br0")
            #expect(await database.replica { $0["Bridge"][name: "br0"] != nil })
            try await database.finish()
        }
    }

    @Test("random edits leave in the replica what a select gives, whatever a column may hold")
    func randomEdits() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(state: seed)
        try await SmallDatabase.follow { _, database in
            let client = database.client
            let schema = try #require(await client.replica?.schema.tables["T"])
            func value(_ column: ColumnSchema) -> Datum {
                func atom(_ kind: BaseType.Kind) -> Atom {
                    let number = Int64.random(in: -1...1, using: &random)
                    return switch kind {
                    case .integer: .integer(number)
                    case .real: .real(Double(number) / 2)
                    case .boolean: .boolean(number > 0)
                    case .string: .string(["", "e\u{301}", "\u{E9}", "\u{1}\"\\"].randomElement(using: &random) ?? "")
                    case .uuid: .uuid(row(Int(number + 2)))
                    }
                }
                let most = column.type.maximum == 1 ? 1 : 4
                let count = Int.random(in: column.type.minimum...most, using: &random)
                guard let kind = column.type.value?.kind else {
                    return Datum(set: (0..<count).map { _ in atom(column.type.key.kind) })
                }
                return Datum(map: (0..<count).map { _ in .init(atom(column.type.key.kind), atom(kind)) })
            }
            for step in 0..<60 {
                var operations: [OVSDB.Operation] = []
                for number in 0..<4 {
                    let name = Datum(.string("row \(number)"))
                    let columns = schema.columns.dropFirst().filter { _ in Bool.random(using: &random) }
                    var values = Dictionary(uniqueKeysWithValues: columns.map { ($0.name, value($0)) })
                    let same = [Condition("name", .equal, name)]
                    switch Int.random(in: 0..<6, using: &random) {
                    case 0: operations.append(.delete(table: "T", where: same))
                    case 1:
                        values["name"] = name
                        operations += [.delete(table: "T", where: same), .insert(table: "T", row: values)]
                    default: operations.append(.update(table: "T", where: same, row: values))
                    }
                }
                operations.append(.select(table: "T", where: []))
                guard case .rows(let rows) = try await client.transact(operations).last else {
                    Issue.record("no rows")
                    return
                }
                let replica = try #require(await client.replica)["T"]
                #expect(replica.count == rows.count, "seed \(seed), step \(step)")
                for json in rows {
                    let uuid = try reading((json["_uuid"] ?? nil).text()) { try Atom($0, .uuid) }
                    guard case .uuid(let uuid) = uuid, let found = replica[uuid] else {
                        Issue.record("seed \(seed), step \(step): no row \(uuid)")
                        return
                    }
                    for column in schema.columns {
                        let wanted = try reading((json[column.name] ?? nil).text()) {
                            try Datum($0, ColumnShape(column.type))
                        }
                        #expect(found[column.name] == wanted, "seed \(seed), step \(step), column \(column.name)")
                    }
                }
            }
        }
    }

    @Test("a lock that is stolen is lost, and ours again when the thief lets go")
    func stolen() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let remote = try Remote(ovs.databaseRemote)
            let database = try await FollowingDatabase.start(remotes: [remote], lock: "l")
            #expect(await database.lock() == .held)
            let thief = try await FollowingDatabase.start(remotes: [remote])
            #expect(await thief.synced())
            _ = try await thief.client.call("steal", ["l"])
            #expect(await database.lock() == .lost)
            await #expect(throws: OVSDBError.self) { try await database.client.transact([.assert(lock: "l")]) }
            _ = try await thief.client.call("unlock", ["l"])
            // What happened meanwhile is known before the lock is told.
            #expect(await database.nextUnlessDisconnected { if case .synced = $0 { true } else { nil } } == true)
            #expect(await database.lock() == .held)
            #expect(try await database.client.transact([.assert(lock: "l")]) == [.done])
            try await thief.finish()
            try await database.finish()
        }
    }
}
