import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// One agent of a host writes.
@Suite("The lock", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct LockTests {
    @Test("a second agent stands by, writes nothing, and takes over when the first ends")
    func standby() async throws {
        try await RunningAgent.inSync { first in
            let ovs = first.ovs
            try await RunningAgent.with(ovs, name: "b") { second in
                let status = try await second.waitForState("standby", reason: "another agent of this host")
                #expect(status["database"]?["lock"] == "waiting")
                let last = try await first.lastEvent()
                try await ovs.vsctl("del-br", "br.mx", wait: false)
                try await first.waitForEvent(after: last, "repaired", object: "Bridge br.mx")
                #expect(try await second.events().filter { $0.kind == "drift" || $0.kind == "repaired" }.isEmpty)
                try await first.stop()
                try await second.waitForEvent("applied")
                try await second.waitForState("in-sync")
                let taken = try await second.lastEvent()
                try await ovs.vsctl("set-fail-mode", "br.mx", "standalone", wait: false)
                try await second.waitForEvent(after: taken, "repaired", object: "Bridge br.mx", column: "fail_mode")
            }
        }
    }

    @Test("a stolen lock ends all writing until it is back")
    func stolen() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            let thief = try await OVSDBClient.stranger(ovs)
            #expect(try await thief.call("steal", [.string(Agent.lockName)])["locked"] == true)
            try await agent.waitForEvent("apply-failed", object: "Lock ovs_agentd")
            try await agent.waitForState("degraded", reason: "the lock was taken away")
            #expect(try await agent.status()["database"]?["lock"] == "lost")
            let last = try await agent.lastEvent()
            try await ovs.vsctl("set", "port", "br0.mx.s", "tag=5")
            #expect(try await agent.ask("plan")["changes"]?.array?.count == 1)
            #expect(try await agent.events(since: last).map(\.text) == [])
            #expect(try await ovs.vsctl("get", "port", "br0.mx.s", "tag") == "5")
            // With the thief goes its lock, and the server gives it back to whom it was taken from.
            await thief.stop()
            try await agent.waitForEvent(after: last, "applied", object: "Lock ovs_agentd")
            try await agent.waitForEvent(after: last, "repaired", object: "Port br0.mx.s", column: "tag")
            try await agent.waitForState("in-sync")
        }
    }
}
