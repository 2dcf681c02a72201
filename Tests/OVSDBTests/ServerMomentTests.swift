import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSDB

/// What may happen to a real server at the moment of each kind of request: whatever it is, the client ends with the
/// right replica, the lock and its filter.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ServerMomentTests {
    /// What happens to the server.
    enum Mishap: String, Sendable, CaseIterable {
        case killed, stoppedAndContinued, restartedWithAnotherDatabase, slow
    }

    /// Every request that a client sends of itself or for its caller.
    static let requests = [
        "get_schema", "set_db_change_aware", "lock", "monitor_cond_since", "transact", "echo", "monitor_cond_change",
        "monitor_cancel", "cancel", "get_server_id", "monitor_cond",
    ]

    private static let secure = RowFilter.any([.init("fail_mode", .includes, "secure")])

    @Test("a client ends with the right replica", arguments: Mishap.allCases, requests)
    func moment(mishap: Mishap, request: String) async throws {
        for moment in Relay.Moment.allCases {
            try await PrivateSwitch.with(vswitchd: false) { ovs in
                try await ovs.vsctl("add-br", "b0", "--", "set-fail-mode", "b0", "secure")
                try await Relay.with(
                    "\(ovs.runFolder)/relay.sock",
                    to: ovs.databaseSocket,
                    at: request,
                    moment,
                    slowPiece: mishap == .slow ? 7 : nil
                ) { relay in
                    let database = try await FollowingDatabase.start(
                        remotes: [relay.remote],
                        lock: "l",
                        // Who wants a certain server follows what it tells of itself, by an older kind of monitor.
                        role: request == "monitor_cond" ? .connected : .any,
                        probeInterval: mishap == .stoppedAndContinued ? .milliseconds(300) : .seconds(20)
                    )
                    async let done: Void = Self.happen(mishap, ovs, relay, database.client)
                    // Where a connection was lost at the wrong moment, a request was not needed.
                    repeat { try await Self.use(database, ovs) } while !relay.hasStopped
                    try await done
                    try await ovs.vsctl("--may-exist", "add-br", "b1", "--", "set-fail-mode", "b1", "secure")
                    #expect(await database.replica { $0["Bridge"][name: "b1"]?["fail_mode"] == "secure" })
                    try await database.finish(filters: ["Bridge": Self.secure])
                }
            }
        }
    }

    private static func happen(
        _ mishap: Mishap,
        _ ovs: PrivateSwitch,
        _ relay: Relay,
        _ client: OVSDBClient
    ) async throws {
        try await relay.stopped()
        switch mishap {
        case .killed: try await ovs.restartServer()
        case .restartedWithAnotherDatabase:
            try await ovs.restartServer(freshDatabase: true)
            try await ovs.vsctl("add-br", "another", "--", "set-fail-mode", "another", "secure")
        case .stoppedAndContinued: try await ovs.killServer(SIGSTOP)
        case .slow: break
        }
        relay.goOn()
        guard mishap == .stoppedAndContinued else { return }
        // Long enough for the probe to give it up, unless all was said before it stopped.
        _ = try? await client.call("echo", ["is it back?"], timeout: .seconds(1))
        try await ovs.killServer(SIGCONT)
    }

    /// Makes every kind of request, again where a connection is lost under it.
    private static func use(_ database: FollowingDatabase, _ ovs: PrivateSwitch) async throws {
        let client = database.client
        #expect(await database.replica { $0["Open_vSwitch"].count == 1 })
        _ = try await persist { try await client.transact([.comment("a change")], timeout: .seconds(5)) }
        _ = try await persist { try await client.call("echo", [], timeout: .seconds(5)) }
        _ = try await persist { try await client.serverID(timeout: .seconds(5)) }
        // One that the server lets wait is given up, which takes it back.
        _ = try? await client.transact(
            [.wait(table: "Bridge", where: [], columns: ["name"], rows: [["name": "nobody"]], timeout: nil)],
            timeout: .milliseconds(20)
        )
        await client.follow(.all, in: "Bridge")
        await client.follow(secure, in: "Bridge")
        // A thief makes the client look at everything anew.
        let thief = try await FollowingDatabase.start(remotes: [Remote(ovs.databaseRemote)])
        _ = try await persist { try await thief.client.call("steal", ["l"], timeout: .seconds(5)) }
        // Refused where the theft was lost with its connection.
        _ = try? await thief.client.call("unlock", ["l"], timeout: .seconds(5))
        await thief.client.stop()
        _ = try await persist { try await client.transact([.assert(lock: "l")], timeout: .seconds(5)) }
    }

    /// Tries until it succeeds or the test's time is up.
    private static func persist<R>(_ call: () async throws -> R) async throws -> R {
        while true {
            do { return try await call() } catch is OVSDBError { await Task.yield() }
            try Task.checkCancellation()
        }
    }
}
