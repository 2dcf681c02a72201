import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

@Suite("A pause") struct PauseTests {
    private let now = Timestamp(microseconds: 1_700_000_000_000_000)

    @Test("lasts as long as it was to, however the wall clock jumps")
    func remaining() throws {
        let pause = try Pause(seconds: 60, reason: " bond\nswap ", now: now)
        #expect(pause.reason == "bond swap")
        func left(after seconds: Int64) -> TimeAmount? {
            pause.remaining(now: Timestamp(microseconds: now.microseconds + seconds * 1_000_000))
        }
        #expect(left(after: 0) == .seconds(60))
        #expect(left(after: 59) == .seconds(1))
        #expect(left(after: 60) == nil)
        #expect(left(after: -86_400) == .seconds(60))
    }

    @Test("is read back as it was kept, and what is not one is none")
    func bytes() throws {
        let pause = try Pause(seconds: 60, reason: "bond swap", now: now)
        #expect(Pause(pause.bytes) == pause)
        for text in ["", "\n", "1 2", "1 2\n", "x 2\nwhy", "1 0\nwhy", "1 86401\nwhy", "1 2 3\nwhy", "1 2\nwhy\nelse"] {
            #expect(Pause(Array(text.utf8)) == nil, "\(text)")
        }
        #expect(Pause([0xff, 0xfe]) == nil)
        for length in 0..<pause.bytes.count - 10 { #expect(Pause(Array(pause.bytes.prefix(length))) != pause) }
    }

    @Test(
        "needs a time and a reason",
        arguments: [(0, "why"), (-1, "why"), (86_401, "why"), (60, " \n"), (60, String(repeating: "x", count: 501))]
    )
    func refused(seconds: Int, reason: String) {
        #expect(throws: CommandFailure.self) { try Pause(seconds: seconds, reason: reason, now: now) }
    }
}

@Suite("Standing still", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct PausedAgentTests {
    @Test("what is edited meanwhile stays, through a restart, too, and is undone when it is over")
    func paused() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try await agent.ask("pause", "3600", "bond swap")
                try await agent.waitForState("paused", reason: "bond swap: run ovs-agentctl resume")
                try await ovs.edit("del-port br.nf br0.nf.s")
                try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-flows", "br.mx")
                // An answer that comes later than the edit's notification.
                try await ovs.settled()
                let status = try await agent.status()
                #expect(status["state"]?.string == "paused")
                // That the agent looks at nothing is no trouble of ovs-vswitchd's.
                #expect(status["reasons"]?.array?.count == 1)
                #expect(try await agent.events().filter { $0.kind == "apply-failed" }.map(\.text) == [])
                #expect(try await !ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
            }
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForEvent("paused")
                try await agent.waitForState("paused", reason: "bond swap")
                try await ovs.settled()
                #expect(try await !ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
                #expect(try await ovs.check("ovs-ofctl", "-OOpenFlow14", "--no-stats", "dump-flows", "br.mx") == "")
                try await agent.ask("resume")
                try await agent.waitForState("in-sync")
                #expect(try await ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))
                await #expect(throws: ControlClientError.self) { try await agent.ask("resume") }
            }
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await agent.events().allSatisfy { $0.kind != "paused" })
            }
        }
    }

    @Test("one that was over before the agent began is told once, and forgotten")
    func over() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let state = "\(ovs.runFolder)/a.state"
            mkdir(state, 0o700)
            try write("1 60\nbond swap\n", to: "\(state)/pause")
            for isFirst in [true, false] {
                try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                    try await agent.waitForState("in-sync")
                    #expect(try await agent.events().contains { $0.kind == "resumed" } == isFirst)
                }
                #expect(access("\(state)/pause", F_OK) != 0)
            }
        }
    }

    @Test("it ends by itself, and says what was changed meanwhile")
    func ends() async throws {
        try await RunningAgent.inSync { agent in
            let last = try await agent.lastEvent()
            try await agent.ask("pause", "1", "a look")
            try await agent.ovs.edit("set port br0.nf.s tag=5")
            try await agent.waitForEvent(after: last, "resumed")
            try await agent.waitForEvent(after: last, "repaired", object: "Port br0.nf.s", column: "tag")
            try await agent.waitForState("in-sync")
            for words in [["pause", "x", "why"], ["pause", "1", ""], ["pause", "99999999", "why"]] {
                await #expect(throws: ControlClientError.self) { try await agent.ask(words[0], words[1], words[2]) }
            }
            #expect(try await agent.status()["state"]?.string == "in-sync")
        }
    }
}
