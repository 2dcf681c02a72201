import Glibc
import JSONRPC
import NIOCore
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

@Suite("A server that takes nothing") struct ServerRefusalTests {
    @Test("is told from one that does not like what it was sent")
    func kinds() {
        typealias Row = (error: TransactionError, refusal: ServerRefusal?)
        let rows: [Row] = [
            (.init(operation: 0, name: "not owner", details: "Asserted lock ovs_agentd not held."), .notOwner),
            (
                .init(
                    operation: 3,
                    name: "not allowed",
                    details: "insert operation not allowed when database server is in read only mode"
                ), .readOnly
            ),
            (.init(operation: 3, name: "not allowed", details: "something else"), nil),
            (.init(operation: 1, name: "timed out"), nil),
            (.init(operation: nil, name: "constraint violation"), nil),
            (.init(operation: 1, name: "permission error", details: "read only"), nil),
        ]
        for row in rows { #expect(ServerRefusal(row.error) == row.refusal, "\(row.error)") }
    }

    @Test("is asked again with growing pauses, and its first word is news")
    func pacing() throws {
        var refusals = Refusals()
        var now = NIODeadline.uptimeNanoseconds(0)
        var wasClosed = refusals.taken()
        #expect(!wasClosed)
        var pauses: [TimeAmount] = []
        for attempt in 0..<10 {
            let isNews = refusals.refusedAll(.notOwner, now: now)
            #expect(isNews == (attempt == 0))
            let until = try #require(refusals.closure?.until)
            pauses.append(until - now)
            now = until
        }
        #expect(pauses.first == Refusals.shortestPause && pauses.last == Refusals.longestPause)
        #expect(zip(pauses, pauses.dropFirst()).allSatisfy { $1 == min($0 * 2, Refusals.longestPause) })
        let isOther = refusals.refusedAll(.readOnly, now: now)
        wasClosed = refusals.taken()
        #expect(isOther && wasClosed && refusals.closure == nil)
    }
}

/// An agent at a server that is not the right one to write to.
@Suite("The wrong server", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct WrongServerTests {
    @Test("a relay grants the lock and takes nothing: told once, asked now and then, and mended by the right server")
    func relay() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let path = "\(ovs.runFolder)/relay"
            let options = ["--remote=punix:\(path).sock", "--unixctl=\(path).ctl", "-vconsole:off"]
            let arguments = options + ["relay:Open_vSwitch:\(ovs.databaseRemote)"]
            try await ovs.withProgram("ovsdb-server", arguments) { relay in
                try await relay.accepts(at: "\(path).sock")
                try await RunningAgent.with(ovs, layout: .oneSwitch, remote: "unix:\(path).sock") { agent in
                    let failure = try await agent.waitForEvent("apply-failed", object: "Database")
                    #expect(failure.reason.contains("it is an ovsdb-server relay: give --db the server that it relays"))
                    let status = try await agent.waitForState("degraded", reason: "it is an ovsdb-server relay")
                    #expect(status["database"]?["lock"] == "held")
                    let last = try await agent.lastEvent()
                    let lines = agent.logs.count
                    // Notifications do not bring attempts forward: each took a plan, an attempt and lines of the log.
                    try await ovs.vsctl("add-br", "br9", wait: false)
                    for number in 1...50 {
                        try await ovs.vsctl("br-set-external-id", "br9", "n", "\(number)", wait: false)
                    }
                    // That ovs-vswitchd has nothing to apply for 5 s is another event.
                    let told = try await agent.events(since: last).filter { $0.object != "" || $0.kind == "contested" }
                    #expect(told.map(\.text) == [])
                    #expect(agent.logs.count - lines < 100, "\(agent.logs.count - lines) lines")
                    #expect(try await agent.status()["state"]?.string == "degraded")
                    // The source in its place.
                    relay.send(SIGKILL)
                    _ = try await relay.end()
                    unlink("\(path).sock")
                    symlink(ovs.databaseSocket, "\(path).sock")
                    try await agent.waitForState("in-sync")
                }
            }
        }
    }
}
