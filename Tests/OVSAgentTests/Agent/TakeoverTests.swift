import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// What an operator told one agent of a host holds for the next one that has the lock.
@Suite("Taking over", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct TakeoverTests {
    /// Agents on one layout file and one state folder, the first of which has the lock and the layout of br0 and br7.
    private static func with(
        _ names: String...,
        body: (PrivateSwitch, [RunningAgent]) async throws -> Void
    ) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            var agents: [RunningAgent] = []
            let result: Result<Void, any Error>
            do {
                for name in names {
                    let layout = agents.isEmpty ? String.switches(0, 7) : nil
                    let state = "\(ovs.runFolder)/s"
                    let agent = try await RunningAgent.start(ovs, name: name, layout: layout, stateFolder: state)
                    agents.append(agent)
                    try await agent.waitForState(agents.count == 1 ? "in-sync" : "standby")
                }
                result = .success(try await body(ovs, agents))
            } catch {
                result = .failure(error)
            }
            for agent in agents { try? await agent.stop() }
            try result.get()
        }
    }

    @Test("the layout is the one that was accepted last, whoever accepted it")
    func layout() async throws {
        try await Self.with("a", "b", "c") { ovs, agents in
            try write(.oneSwitch, to: agents[0].configuration.layoutPath)
            try await agents[0].ask("reload", "--allow-removal")
            try await agents[0].waitForState("in-sync")
            try await agents[0].stop()
            // The lock goes to whoever asked first.
            try await agents[1].waitForState("in-sync")
            #expect(
                try await ovs.vsctl("list-br")
                    == ["br.dmx", "br.mx", "br.microseg", "br.nf", "br0", "br0.local"].sorted().joined(separator: "\n")
            )
            let drifts = try await agents[1].events().filter { $0.kind == "drift" }
            #expect(drifts.map(\.text) == [])

            try write(.switches(0, 8), to: agents[1].configuration.layoutPath)
            try await agents[1].ask("reload")
            try await agents[1].waitForState("in-sync")
            // What the file says by now nobody has accepted.
            try write(.switches(0, 9), to: agents[1].configuration.layoutPath)
            try await agents[1].stop()
            try await agents[2].waitForState("in-sync")
            #expect(try await ovs.vsctl("list-br").hasSuffix("br8\nbr8.local"))
        }
    }

    @Test("so it is where the lock is free once a server that was away is back")
    func afterOutage() async throws {
        try await Self.with("a", "b") { ovs, agents in
            try write(.switches(0, 7, 8), to: agents[0].configuration.layoutPath)
            try await agents[0].ask("reload")
            try await agents[0].waitForState("in-sync")
            try await ovs.killServer()
            try await agents[1].waitForState("disconnected")
            try await agents[0].stop()
            try await ovs.restartServer(freshDatabase: false)
            try await agents[1].waitForState("in-sync")
            #expect(try await ovs.vsctl("list-br").hasSuffix("br8\nbr8.local"))
        }
    }

    @Test("an agent that stands by keeps nothing: what it takes, it keeps once it has the lock")
    func keepsNothing() async throws {
        try await Self.with("a") { ovs, agents in
            let kept = "\(ovs.runFolder)/s/layout.yaml"
            try write(.switches(0, 7, 8), to: agents[0].configuration.layoutPath)
            let second = try await RunningAgent.start(ovs, name: "b", stateFolder: "\(ovs.runFolder)/s")
            try await second.waitForState("standby")
            let answer = try await second.ask("reload")["text"]?.string ?? ""
            #expect(answer.hasSuffix("; it works once the agent that holds the lock ends"), "\(answer)")
            #expect(try keptText(of: kept) == .switches(0, 7))
            try await agents[0].stop()
            try await second.waitForState("in-sync")
            try await second.stop()
            #expect(try keptText(of: kept) == .switches(0, 7, 8))
        }
    }

    @Test("a pause holds until it is ended, whoever was told")
    func pause() async throws {
        try await Self.with("a", "b") { ovs, agents in
            await #expect(throws: ControlClientError.self) { try await agents[1].ask("pause", "60", "x") }
            try await agents[0].ask("pause", "3600", "bond swap")
            try await ovs.edit("del-port br.nf br0.nf.s")
            try await agents[0].stop()
            try await agents[1].waitForState("paused", reason: "bond swap")
            #expect(try await !ovs.vsctl("list-ports", "br.nf").contains("br0.nf.s"))

            let third = try await RunningAgent.start(ovs, name: "c", stateFolder: "\(ovs.runFolder)/s")
            try await third.waitForState("standby", reason: "bond swap")
            try await agents[1].ask("resume")
            try await agents[1].waitForState("in-sync")
            try await agents[1].stop()
            try await third.waitForState("in-sync")
            #expect(try await third.events().filter { $0.kind == "resumed" }.count == 1)
            try await third.stop()
        }
    }

    @Test("what an operator had one agent adopt is as found for the next one")
    func adopted() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit("add-br br0 -- set bridge br0 datapath_type=dummy -- set port br0 tag=5")
            let state = "\(ovs.runFolder)/s"
            try await RunningAgent.with(ovs, name: "b", layout: .oneSwitch, stateFolder: state) { first in
                try await first.waitForState("in-sync")
                try await RunningAgent.with(ovs, name: "c", stateFolder: state) { second in
                    try await second.waitForState("standby")
                    await #expect(throws: ControlClientError.self) { try await second.ask("adopt") }
                    try await first.ask("pause", "60", "x")
                    try await ovs.edit("--no-wait set port br0 tag=6")
                    try await first.ask("adopt", "Port", "br0")
                    try await first.ask("resume")
                    try await first.waitForState("in-sync")
                    try await first.stop()
                    try await second.waitForState("in-sync")
                    try await ovs.edit("--no-wait set port br0 tag=7")
                    try await second.waitForEvent("repaired", object: "Port br0", column: "tag")
                    #expect(try await ovs.vsctl("get", "port", "br0", "tag") == "6")
                }
            }
        }
    }

    @Test("what another holder gave a VM port back for is what it gets back")
    func formerTag() async throws {
        let layout = .oneSwitch + "networks:\n  - { name: Production, virtualSwitch: vs0, vlan: 27 }\n"
        try await RunningAgent.inSync(layout: layout) { agent in
            let ovs = agent.ovs
            var last = try await agent.lastEvent()
            let mark = "external_ids:ovs-agent-network"
            try await ovs.edit(
                "add-port br0.local vm1 tag=5 -- set interface vm1 external_ids:iface-id=vm1 \(mark)=Production"
            )
            try await agent.waitForEvent(after: last, "assigned", object: "Port vm1")
            let thief = try await OVSDBClient.stranger(ovs)
            #expect(try await thief.call("steal", [.string(Agent.lockName)])["locked"] == true)
            try await agent.waitForState("degraded", reason: "the lock was taken away")
            // As an agent does that has the lock now, for an operator who takes the network away, sets a tag and asks anew.
            try await ovs.edit("set port vm1 external_ids:\(Mark.formerTag)=9")
            last = try await agent.lastEvent()
            await thief.stop()
            try await agent.waitForState("in-sync")
            try await ovs.edit("remove interface vm1 external_ids ovs-agent-network")
            try await agent.waitForEvent(after: last, "released", object: "Port vm1")
            #expect(try await ovs.vsctl("get", "port", "vm1", "tag") == "9")
            #expect(try await agent.events(since: last).filter { $0.kind == "drift" }.map(\.text) == [])
        }
    }
}
