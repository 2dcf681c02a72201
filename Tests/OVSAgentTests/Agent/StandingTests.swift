import NIOCore
import Testing

@testable import OVSAgent

/// The one word of the status and its reasons, as a table: what is changed of an agent in sync, and what it says then.
@Suite("Standing")
struct StandingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var state: Status.State
        /// Words of each reason, in order.
        var reasons: [String]
        var change: @Sendable (inout Standing) -> Void

        init(
            _ description: String,
            _ state: Status.State,
            _ reasons: [String] = [],
            _ change: @escaping @Sendable (inout Standing) -> Void
        ) {
            testDescription = description
            (self.state, self.reasons, self.change) = (state, reasons, change)
        }
    }

    static let cases = [
        Case("all is well", .inSync) { _ in },
        Case("before any answer", .disconnected, ["has not answered yet"]) { $0.connection = .none },
        Case("no server", .disconnected, ["refused: look whether ovsdb-server runs"]) {
            $0.connection = .lost(reason: "refused")
        },
        Case("a cluster without quorum", .disconnected, ["lost contact: look at cluster/status"]) {
            $0.connection = .lost(reason: "lost contact", remedy: "look at cluster/status")
        },
        Case("rows to come", .disconnected, ["rows have not come yet"]) { $0.connection = .opening },
        Case("a second agent", .standby, ["another agent of this host"]) { $0.lock = .waiting },
        Case("a second agent's bad layout", .standby, ["another agent", "was not taken: bad"]) {
            $0.lock = .waiting
            $0.layoutError = "bad"
        },
        Case("a stolen lock", .degraded, ["the lock was taken away"]) { $0.lock = .lost },
        Case("no word of the lock", .reconciling) { $0.lock = nil },
        Case("a bad layout", .degraded, ["was not taken: bad: mend it"]) { $0.layoutError = "bad" },
        Case("a NIC in use", .degraded, ["Interface eth0: in use"]) {
            $0.obstacles = [Obstacle(object: "Interface eth0", reason: "in use")]
        },
        Case("a refused transaction", .degraded, ["refused a transaction: full"]) {
            var refusals = Refusals()
            _ = refusals.refused(["Port eth0"], reason: "full", now: .now())
            $0.refusals = refusals.all
        },
        Case("a cable pulled", .degraded, ["Port br0-up: no link: look at the cable"]) {
            $0.blockages = [Blockage("Port br0-up", "no link", remedy: "look at the cable")]
        },
        Case("a cable pulled before all is applied", .reconciling, ["not yet", "Port br0-up: no link"]) {
            $0.blockages = [Blockage("Port br0-up", "no link", remedy: "look at the cable")]
            $0.application = .waiting(until: .now())
            $0.unapplied = ["not yet"]
        },
        Case("a fight", .contested, ["Bridge br.mx: somebody changes it again and again, 7 repairs"]) {
            $0.fights = [.init(object: "Bridge br.mx", repairs: 7)]
        },
        Case("a plan to come", .reconciling) { $0.isSettled = false },
        Case("ovs-vswitchd at work", .reconciling, ["no such port"]) {
            $0.application = .waiting(until: .distantFuture)
            $0.unapplied = ["no such port"]
        },
        Case("ovs-vswitchd too late", .degraded, ["no such port"]) {
            $0.application = .failed
            $0.unapplied = ["no such port"]
        },
        Case("nothing of ovs-vswitchd while the database is away", .disconnected, ["gone"]) {
            $0.connection = .lost(reason: "gone")
            $0.application = .failed
            $0.unapplied = ["no such port"]
        },
    ]

    @Test("the most urgent thing is the state, and all that is wrong are its reasons", arguments: cases)
    func standing(_ given: Case) {
        var standing = Standing(
            connection: .synced,
            lock: .held,
            obstacles: [],
            application: .applied,
            unapplied: [],
            isSettled: true
        )
        given.change(&standing)
        #expect(standing.state == given.state)
        #expect(standing.reasons.count == given.reasons.count)
        for (reason, words) in zip(standing.reasons, given.reasons) { #expect(reason.line.contains(words)) }
    }
}
