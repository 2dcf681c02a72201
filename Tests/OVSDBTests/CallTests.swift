import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSDB

/// Calls on a real server: many at once, given up, and cut off with their connection.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct CallTests {
    private func with(_ body: (PrivateSwitch, FollowingDatabase, OVSDBClient) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let database = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)])
            #expect(await database.synced())
            try await body(ovs, database, database.client)
            try await database.finish()
        }
    }

    /// A transaction that a server lets wait until `next_cfg` is 77.
    private static let waiting: [OVSDB.Operation] = [
        .wait(table: "Open_vSwitch", where: [], columns: ["next_cfg"], rows: [["next_cfg": 77]], timeout: nil),
        .mutate(table: "Open_vSwitch", where: [], mutations: [.init("cur_cfg", .add, 1)]),
    ]

    private static func set(_ number: Int64) -> [OVSDB.Operation] {
        [.update(table: "Open_vSwitch", where: [], row: ["next_cfg": Datum(.integer(number))])]
    }

    @Test("many calls of all kinds are under way at once, and each gets its own answer")
    func many() async throws {
        try await with { _, _, client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        if number.isMultiple(of: 3) {
                            return try await client.call("echo", [.integer(Int64(number))]) == [.integer(Int64(number))]
                        }
                        let select = OVSDB.Operation.select(table: "Open_vSwitch", where: [], columns: ["next_cfg"])
                        let results = try await client.transact(Self.set(Int64(number)) + [select])
                        return results[1] == .rows([["next_cfg": .integer(Int64(number))]])
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(await client.unknownReplies == 0)
        }
    }

    @Test("a transaction that its caller gives up is taken back, by deadline and by cancelling, and others go on")
    func givenUp() async throws {
        try await with { _, database, client in
            // One that is answered only after both were given up.
            let other = Task { try await client.transact(Self.waiting) }
            await #expect(throws: OVSDBError.timedOut(method: "transact", limit: .milliseconds(50))) {
                try await client.transact(Self.waiting, timeout: .milliseconds(50))
            }
            let cancelled = Task { try await client.transact(Self.waiting) }
            _ = try await client.call("echo", [])
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            _ = try await client.transact(Self.set(77))
            #expect(try await other.value.count == 2)
            #expect(await database.replica { $0["Open_vSwitch"].rows.contains { $0["next_cfg"] == 77 } })
            // Had the two not been taken back, they would have counted as well.
            #expect(await client.replica?["Open_vSwitch"].rows.map { $0["cur_cfg"] } == [1])
            #expect(await client.unknownReplies == 0)
        }
    }

    @Test("a call in a task that is cancelled already, and one with an answer before its deadline")
    func edges() async throws {
        try await with { _, _, client in
            let never = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.transact(Self.waiting)
            }
            await #expect(throws: CancellationError.self) { try await never.value }
            let echo = try await client.call("echo", ["x"], timeout: .seconds(30))
            #expect(echo == ["x"])
        }
    }

    @Test("a server that hangs costs a call its deadline and no more")
    func hangs() async throws {
        try await with { ovs, _, client in
            try await ovs.killServer(SIGSTOP)
            await #expect(throws: OVSDBError.timedOut(method: "list_dbs", limit: .milliseconds(20))) {
                try await client.call("list_dbs", [], timeout: .milliseconds(20))
            }
            try await ovs.killServer(SIGCONT)
            #expect(try await client.call("list_dbs", []) == ["Open_vSwitch", "_Server"])
            #expect(await client.unknownReplies == 0)
        }
    }

    @Test("a transaction with a completion has its deadline, too, and completes once")
    func completionInTime() async throws {
        try await with { ovs, _, client in
            let (answers, answer) = AsyncStream.makeStream(of: Result<[OVSDB.OperationResult], OVSDBError>.self)
            func send(_ operations: [OVSDB.Operation], _ timeout: TimeAmount) async {
                await client.transact(operations, timeout: timeout) { answer.yield($0) }
            }
            var next = answers.makeAsyncIterator()
            await send(Self.waiting, .milliseconds(20))
            #expect(await next.next() == .failure(.timedOut(method: "transact", limit: .milliseconds(20))))
            await send([.comment("x")], .seconds(30))
            #expect(await next.next() == .success([.done]))
            #expect(await client.unknownReplies == 0)
        }
    }

    @Test("each start of a server has an identity of its own")
    func serverIdentity() async throws {
        try await with { ovs, database, client in
            let first = try await client.serverID()
            #expect(try await client.serverID() == first)
            try await ovs.restartServer()
            #expect(await database.synced())
            #expect(try await client.serverID(timeout: .seconds(20)) != first)
        }
    }
}
