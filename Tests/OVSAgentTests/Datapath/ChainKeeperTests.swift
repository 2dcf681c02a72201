import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// The flows of a running agent, under the hands of others and over its own and the switch's restarts.
@Suite("The chain's keeper", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainKeeperTests {
    private static let vms = [
        ChainHost.VM(name: "vma", mac: "02:00:00:00:00:0a", tag: 7),
        ChainHost.VM(name: "vmb", mac: "02:00:00:00:00:0b", tag: 7), ChainHost.VM(name: "vml", tag: 7),
    ]

    private static func ofctl(_ host: ChainHost, _ arguments: String...) async throws {
        try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14"] + arguments)
    }

    @Test(
        "whatever somebody does to the flows is undone and journalled",
        arguments: [
            ("br.microseg", 0, ["del-flows", "br.microseg"]),
            ("br.mx", 0, ["add-flow", "br.mx", "priority=9,actions=NORMAL"]),
            ("br.dmx", 77, ["add-flow", "br.dmx", "table=77,actions=drop"]),
            ("br0.local", 4, ["--strict", "mod-flows", "br0.local", "table=4,priority=0,actions=drop"]),
            ("br0.local", 20, ["del-flows", "br0.local", "table=20"]),
            ("br.nf", 2, ["--bundle", "add-flows", "br.nf", "-"]),
            ("br.dmx", 0, ["replace-flows", "br.dmx", "/dev/null"]),
            ("br0.local", 10, ["--bundle", "replace-flows", "br0.local", "/dev/null"]),
            ("br0", 240, ["del-flows", "br0", "table=240"]),
            ("br0", 241, ["add-flow", "br0", "table=241,actions=drop"]),
            ("br0", 0, ["del-flows", "br0"]),
        ] as [(String, Int, [String])]
    )
    func edits(bridge: String, table: Int, command: [String]) async throws {
        try await ChainHost.with(Self.vms) { host in
            let last = try await host.agent.lastEvent()
            // From a file, as standard input is empty.
            let path = "\(host.ovs.runFolder)/edit.flows"
            try write("delete table=2\nadd table=2,priority=3,actions=NORMAL\n", to: path)
            try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14"] + command.map { $0 == "-" ? path : $0 })
            let object = "Flow \(bridge) table=\(table)"
            let drift = try await host.agent.waitForEvent(after: last, "drift", object: object)
            #expect(drift.found != drift.wanted)
            let repaired = try await host.agent.waitForEvent(after: last, "repaired", object: object)
            #expect(repaired.latency != nil)
            try await host.settled()
            try await host.agent.waitForState("in-sync")
        }
    }

    @Test("an operator's own flows on br0 stay")
    func foreignFlows() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.ofctl(host, "add-flow", "br0", "cookie=5,priority=77,tcp,tp_dst=9,actions=drop")
            try await Self.ofctl(host, "add-flow", "br0", "table=3,actions=NORMAL")
            // Something of ours that is undone shows that the others were seen.
            let last = try await host.agent.lastEvent()
            try await Self.ofctl(host, "del-flows", "br0", "table=240")
            try await host.agent.waitForEvent(after: last, "repaired", object: "Flow br0 table=240")
            let flows = try await host.installed(on: "br0")
            #expect(flows.contains("cookie=0x5, priority=77,tcp,tp_dst=9 actions=drop"))
            #expect(flows.contains("table=3, actions=NORMAL"))
            #expect(try await host.agent.events(since: last).filter { $0.object == "Flow br0 table=3" }.isEmpty)
        }
    }

    @Test("what was learned survives a repair and a restart of the agent, and counters go on")
    func continuity() async throws {
        try await ChainHost.with(Self.vms) { host in
            let frame = EthernetFrame(to: "02:00:00:00:00:0a", from: "02:00:00:00:00:77")
            try await host.expect(frame, into: "vml", reaches: ["vma": frame])
            let counted = ["-O", "OpenFlow14", "dump-flows", "br.mx", "in_port=40000"]
            func packets() async throws -> Int {
                try await host.ovs.tool("ovs-appctl", ["revalidator/purge"])
                let dump = try await host.ovs.tool("ovs-ofctl", counted)
                return Int(dump.split(separator: "n_packets=").last?.prefix { $0 != "," } ?? "") ?? 0
            }
            func learned() async throws -> Bool {
                try await host.ovs.tool("ovs-ofctl", ["dump-flows", "br0.local", "table=22"]).contains(
                    "02:00:00:00:00:77"
                )
            }
            let before = try await packets()
            #expect(before > 0)
            #expect(try await learned())
            let last = try await host.agent.lastEvent()
            try await Self.ofctl(host, "del-flows", "br0.local", "table=4")
            try await host.agent.waitForEvent(after: last, "repaired", object: "Flow br0.local table=4")
            #expect(try await learned())
            try await host.agent.stop()
            #expect(try await packets() == before)
            #expect(try await learned())
            try await RunningAgent.with(host.ovs) { agent in
                try await agent.waitForState("in-sync")
                try await host.settled()
                // Whatever it thought necessary would have come before this is undone.
                let last = try await agent.lastEvent()
                try await Self.ofctl(host, "del-flows", "br.mx", "in_port=50000")
                try await agent.waitForEvent(after: last, "repaired", object: "Flow br.mx table=0")
                #expect(try await packets() == before)
                #expect(try await learned())
            }
        }
    }

    @Test("flows follow VM ports that come, change and go, and say which can't be served")
    func ports() async throws {
        try await ChainHost.with(Self.vms) { host in
            let (ovs, agent) = (host.ovs, host.agent)
            var vms = Self.vms
            vms[0].tag = 9
            vms[1].mac = "02:00:00:00:00:bb"
            try await ovs.vsctl(
                "set",
                "port",
                "vma",
                "tag=9",
                "--",
                "set",
                "interface",
                "vmb",
                "external_ids:attached-mac=\"02:00:00:00:00:bb\""
            )
            try await host.settled(vms)
            try await ovs.vsctl("set", "interface", "vmb", "external_ids:attached-mac=nonsense")
            try await host.settled([vms[0], vms[2]])
            try await agent.waitForState("in-sync", warning: "external_ids:attached-mac is nonsense")
            vms[1].mac = vms[0].mac
            vms[1].tag = 9
            try await ovs.vsctl(
                "set",
                "port",
                "vmb",
                "tag=9",
                "--",
                "set",
                "interface",
                "vmb",
                "external_ids:attached-mac=\"02:00:00:00:00:0a\""
            )
            try await host.settled(vms, expected: ["vmb"])
            try await agent.waitForState("in-sync", warning: "both declare 02:00:00:00:00:0a in VLAN 9")
            try await ovs.vsctl("del-port", "vma")
            try await host.settled(Array(vms.dropFirst()))
            try await agent.waitForState("in-sync", lacking: "both declare")
        }
    }

    @Test("a br0 whose protocols leave OpenFlow 1.0 and 1.4 out gets them added, and has its flows")
    func protocols() async throws {
        try await ChainHost.with(Self.vms) { host in
            let last = try await host.agent.lastEvent()
            try await host.ovs.vsctl("set", "bridge", "br0", "protocols=OpenFlow13")
            try await host.agent.waitForEvent(after: last, "repaired", object: "Bridge br0", column: "protocols")
            let protocols = try await host.ovs.vsctl("get", "bridge", "br0", "protocols")
            #expect(protocols.filter { $0 != "\"" } == "[OpenFlow10, OpenFlow13, OpenFlow14]")
            try await host.agent.waitForState("in-sync")
            try await host.settled()
        }
    }

    @Test("a fight over flows and groups ends as the agent wants, is told, and keeps no VM port waiting")
    func fight() async throws {
        try await ChainHost.with(Self.vms) { host in
            let last = try await host.agent.lastEvent()
            let adds = (0..<400).map { "flow add table=9,priority=\($0),actions=drop" }
            let paths = (0..<4).map { "\(host.ovs.runFolder)/edit\($0).bundle" }
            for (number, path) in paths.enumerated() {
                // Each line is a change of its own, not one of a bundle.
                let flows = adds.map { $0.dropFirst(9).replacing("table=9", with: "table=\(9 + number)") }
                try write(flows.joined(separator: "\n") + "\n", to: path)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for path in paths {
                    group.addTask { try await Self.ofctl(host, "add-flows", "br.mx", path) }
                    group.addTask {
                        try await Self.ofctl(host, "--may-create", "mod-group", "br.mx", "group_id=5,type=all")
                    }
                }
                group.addTask { try await host.ovs.vsctl("set", "port", "vmb", "tag=9") }
                try await group.waitForAll()
            }
            var vms = Self.vms
            vms[1].tag = 9
            try await host.settled(vms)
            try await host.agent.waitForEvent(after: last, "repaired", object: "Flow br.mx table=9")
            try await host.agent.waitForState("in-sync")
        }
    }

    @Test("a restarted ovs-vswitchd has all flows again")
    func switchRestarts() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await host.ovs.restartSwitch()
            try await host.settled()
            try await host.agent.waitForState("in-sync")
        }
    }

    @Test("in sync means that every bridge has its flows: at first, under another layout, over a restart")
    func inSync() async throws {
        func expectFlows(_ agent: RunningAgent, on bridges: [String]) async throws {
            let status = try await agent.waitForState("in-sync")
            let own = (status["virtualSwitches"]?.array ?? []).flatMap { $0["bridges"]?.array ?? [] }
            #expect(!own.isEmpty)
            for bridge in own + (status["chain"]?.array ?? []) {
                #expect(bridge["flows"]?["missing"]?.integer == 0, "\(bridge)")
            }
            for bridge in bridges {
                let flows = try await agent.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", bridge])
                #expect(flows.contains("cookie=0x6f7673"), "\(bridge)")
            }
        }
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                let bridges = ["br.mx", "br.microseg", "br.nf", "br.dmx", "br0.local", "br0"]
                try await expectFlows(agent, on: bridges)
                try write(.switches(0, 7), to: agent.configuration.layoutPath)
                try await agent.ask("reload")
                try await expectFlows(agent, on: bridges + ["br7.local", "br7"])
                let last = try await agent.lastEvent()
                try await ovs.restartSwitch()
                try await agent.waitForEvent(after: last, "applied")
                try await expectFlows(agent, on: bridges + ["br7.local", "br7"])
            }
        }
    }

    @Test("an agent that stands by touches no flow, and takes over when the first ends")
    func standby() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await RunningAgent.with(host.ovs, name: "b") { second in
                try await second.waitForState("standby")
                try await host.agent.stop()
                try await second.waitForState("in-sync")
                try await Self.ofctl(host, "del-flows", "br.dmx")
                try await second.waitForEvent("repaired", object: "Flow br.dmx table=0")
                try await host.settled()
            }
        }
    }

    @Test("a br0 that is released keeps no flow of the agent's")
    func released() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit("add-br br0 -- set bridge br0 datapath_type=dummy -- add-bond br0 br0-up eth0 eth1")
            func flows() async throws -> String { try await ovs.tool("ovs-ofctl", ["dump-flows", "br0"]) }
            try await RunningAgent.with(ovs, layout: .switches(0, 7)) { agent in
                try await agent.waitForState("in-sync")
                while try await !flows().contains("table=240") { try Task.checkCancellation() }
                try write(.switches(7), to: agent.configuration.layoutPath)
                try await agent.ask("reload", "--allow-removal")
                try await agent.waitForState("in-sync")
                while try await flows().contains("cookie=0x6f7673") { try Task.checkCancellation() }
                #expect(try await flows().contains("actions=NORMAL"))
            }
        }
    }
}
