import NIOCore
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// What others do to a switch besides flows: groups, meters, bits of ports, the handling of fragments.
@Suite("The chain's settings", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainSettingsTests {
    struct Edit: Sendable, CustomTestStringConvertible {
        var testDescription: String { command.joined(separator: " ") }
        var command: [String]
        var object: String
        var column = ""
        var found: String
        /// What shows that it is undone: a command and words that are not in its output any more.
        var look: [String]
        var gone: String
        var version = "OpenFlow14"

        static func group(_ bridge: String) -> Edit {
            Edit(
                command: ["add-group", bridge, "group_id=7,type=select,bucket=weight:3,actions=output:1"],
                object: "Group \(bridge) 7",
                found: "group_id=7,type=select,bucket=weight:3,actions=output:1",
                look: ["dump-groups", bridge],
                gone: "group_id"
            )
        }

        static func meter(_ bridge: String) -> Edit {
            Edit(
                command: ["add-meter", bridge, "meter=2,pktps,band=type=drop,rate=9"],
                object: "Meter \(bridge) 2",
                found: "meter=2 pktps bands= type=drop rate=9",
                look: ["dump-meters", bridge],
                gone: "meter=2"
            )
        }

        static func port(_ port: String, on bridge: String, _ action: String, _ found: String) -> Edit {
            Edit(
                command: ["mod-port", bridge, port, action],
                object: "Port \(port)",
                column: "config",
                found: found,
                look: ["show", bridge],
                gone: found
            )
        }

        /// Only OpenFlow 1.0 knows of it.
        static func flooding(_ port: String) -> Edit {
            Edit(
                command: ["mod-port", "br0", port, "no-flood"],
                object: "Port \(port)",
                column: "config",
                found: "no-flood",
                look: ["show", "br0"],
                gone: "NO_FLOOD",
                version: "OpenFlow10"
            )
        }

        static func fragments(_ bridge: String, _ mode: String) -> Edit {
            Edit(
                command: ["set-frags", bridge, mode],
                object: "Bridge \(bridge)",
                column: "fragments",
                found: mode,
                look: ["get-frags", bridge],
                gone: mode
            )
        }
    }

    static let told: [Edit] = [
        .group("br.mx"), .group("br0.local"), .meter("br.dmx"), .meter("br0.local"),
        .port("br0.mx.n", on: "br.mx", "no-receive", "NO_RECV"),
        .port("br0.ms.s", on: "br.microseg", "no-forward", "NO_FWD"),
        .port("br0.local.n", on: "br0.local", "no-packet-in", "NO_PACKET_IN"),
        .port("vma", on: "br0.local", "no-forward", "NO_FWD"), .port("br0.dmx", on: "br0", "no-receive", "NO_RECV"),
        // What the host itself lives by.
        .port("eth0", on: "br0", "no-receive", "NO_RECV"), .port("eth1", on: "br0", "no-forward", "NO_FWD"),
        .port("br0", on: "br0", "no-receive", "NO_RECV"), .port("br0", on: "br0", "no-forward", "NO_FWD"),
    ]

    @discardableResult
    private static func ofctl(
        _ ovs: PrivateSwitch,
        _ arguments: [String],
        version: String = "OpenFlow14"
    ) async throws -> String {
        try await ovs.tool("ovs-ofctl", ["-O", version] + arguments)
    }

    private static func make(_ edit: Edit, _ ovs: PrivateSwitch) async throws {
        try await ofctl(ovs, edit.command, version: edit.version)
    }

    private static func flows(of bridge: String, _ ovs: PrivateSwitch) async throws -> Set<Substring> {
        Set(try await ofctl(ovs, ["--no-stats", "dump-flows", bridge]).split(separator: "\n"))
    }

    private static func expectUndone(_ edit: Edit, after last: Int, on agent: RunningAgent) async throws {
        let drift = try await agent.waitForEvent(after: last, "drift", object: edit.object)
        #expect(drift.column == edit.column && drift.found == edit.found)
        let repaired = try await agent.waitForEvent(after: last, "repaired", object: edit.object)
        #expect(repaired.latency != nil)
        let seen = try await ofctl(agent.ovs, edit.look, version: edit.version)
        #expect(!seen.contains(edit.gone), "\(seen)")
    }

    @Test("what somebody does is undone and journalled, what the operator may do stays")
    func edits() async throws {
        try await ChainHost.with([.init(name: "vma", mac: "02:00:00:00:00:0a")]) { host in
            // On br0 groups, meters and other ports are the operator's, and so is a VM's netdev.
            let theirs: [[String]] = [
                ["add-group", "br0", "group_id=7,type=all"],
                ["add-meter", "br0", "meter=2,pktps,band=type=drop,rate=9"],
                ["mod-port", "br0", "eth0", "no-packet-in"], ["mod-port", "br0.local", "vma", "down"],
                ["set-frags", "br0", "nx-match"],
            ]
            for command in theirs { _ = try await Self.ofctl(host.ovs, command) }
            let first = try await host.agent.lastEvent()
            for edit in Self.told {
                let last = try await host.agent.lastEvent()
                try await Self.make(edit, host.ovs)
                try await Self.expectUndone(edit, after: last, on: host.agent)
            }
            let objects = Set(Self.told.map(\.object))
            for event in try await host.agent.events(since: first) where event.kind == "drift" {
                #expect(objects.contains(event.object), "\(event.text)")
            }
            #expect(try await Self.ofctl(host.ovs, ["dump-groups", "br0"]).contains("group_id=7"))
            #expect(try await Self.ofctl(host.ovs, ["dump-meters", "br0"]).contains("meter=2"))
            let br0 = try await Self.ofctl(host.ovs, ["show", "br0"])
            #expect(br0.contains("NO_PACKET_IN") && br0.contains("frags=nx-match"))
            #expect(try await Self.ofctl(host.ovs, ["show", "br0.local"]).contains("PORT_DOWN"))
            // No VM can be behind a port that is down.
            try await host.settled([])
        }
    }

    @Test("a switch that reports no changes of flows has them all the same, is looked at, and the status says so")
    func unwatched() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let bridges = ["br.mx", "br.microseg", "br.nf", "br.dmx", "br0.local", "br0"]
            try await OldSwitch.with(bridges, in: ovs.runFolder) { folder in
                try await RunningAgent.with(
                    ovs,
                    layout: .oneSwitch,
                    openFlowFolder: folder,
                    auditInterval: .hours(1)
                ) { agent in
                    let words =
                        "those of br.dmx, br.microseg, br.mx, br.nf, br0, br0.local are looked at once a second"
                    try await agent.waitForState("in-sync", warning: words)
                    let database = "--db=\(ovs.databaseRemote)"
                    // A bridge that is read whole, and one of which only the number of flows is looked at.
                    let trunks = (1...80).map(String.init).joined(separator: ",")
                    let row = "external_ids:iface-id=vm1"
                    try await ovs.edit("add-port br0.local vm1 trunks=\(trunks) -- set interface vm1 \(row)")
                    try await agent.waitForState("in-sync")
                    let begin = ContinuousClock.now
                    while try await Self.flows(of: "br0.local", ovs).count < 80 {
                        try #require(ContinuousClock.now - begin < .seconds(RunningAgent.patience))
                    }
                    let wanted = (try await Self.flows(of: "br.mx", ovs), try await Self.flows(of: "br0.local", ovs))
                    #expect(wanted.0.count == 3)
                    func expectMended(_ tool: String, _ arguments: [String]) async throws {
                        _ = try await ovs.tool(tool, arguments)
                        // Perhaps ovs-vswitchd saw the edit together with our answer to it, and nothing was flushed.
                        try await ovs.settled()
                        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                        while true {
                            let found = (
                                try await Self.flows(of: "br.mx", ovs), try await Self.flows(of: "br0.local", ovs)
                            )
                            if found == wanted { break }
                            try #require(ContinuousClock.now < deadline, "\(arguments)")
                        }
                        try await agent.waitForState("in-sync")
                    }
                    for bridge in ["br.mx", "br0.local"] {
                        try await expectMended("ovs-ofctl", ["-OOpenFlow14", "del-flows", bridge])
                        let commands = [
                            ["set-controller", bridge, "tcp:127.0.0.1:9"], ["set-fail-mode", bridge, "standalone"],
                        ]
                        for command in commands + [["emer-reset"]] {
                            try await expectMended("ovs-vsctl", [database, "--no-wait"] + command)
                        }
                    }
                    try await expectMended(
                        "ovs-ofctl",
                        ["-OOpenFlow14", "mod-flows", "br.mx", "actions=drop"]
                    )
                    #expect(try await Self.ofctl(ovs, ["dump-flows", "br.mx"]).contains("in_port=40000"))
                    // What the switch can't do is no failure. On a busy machine flows may be late, which is told as one.
                    let failures = try await agent.events().filter { $0.kind == "apply-failed" }.map(\.reason)
                    #expect(failures.filter { $0.contains("monitor") } == [])
                }
            }
        }
    }

    @Test("what was there before the agent is taken away, and what nothing tells of by the next look at everything")
    func audit() async throws {
        let late = [
            Edit.fragments("br.mx", "drop"), .fragments("br.mx", "nx-match"), .fragments("br0.local", "drop"),
            .fragments("br0.local", "normal"), .fragments("br0", "drop"), .flooding("eth0"), .flooding("eth1"),
            .flooding("br0"), .flooding("br0.dmx"),
        ]
        let early = [
            Edit.group("br.nf"), .meter("br.nf"), .port("br0.nf.n", on: "br.nf", "no-receive", "NO_RECV"),
            .port("eth1", on: "br0", "no-forward", "NO_FWD"), .flooding("eth0"),
        ]
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                while try await Self.ofctl(ovs, ["get-frags", "br0.local"]) != "nx-match" { await Task.yield() }
                // Nobody is blamed for what a new bridge did not have.
                #expect(try await agent.events().filter { $0.kind == "drift" }.map(\.text) == [])
            }
            for edit in early { try await Self.make(edit, ovs) }
            try await RunningAgent.with(ovs, auditInterval: .milliseconds(100)) { agent in
                #expect(try await Self.ofctl(ovs, ["get-frags", "br0.local"]) == "nx-match")
                for edit in early { try await Self.expectUndone(edit, after: 0, on: agent) }
                try await agent.waitForState("in-sync")
                for edit in late {
                    let last = try await agent.lastEvent()
                    try await Self.make(edit, ovs)
                    try await Self.expectUndone(edit, after: last, on: agent)
                }
                // A port of the operator's may want no flood.
                try await ovs.vsctl("add-port", "br0", "direct", "tag=3")
                let flooded = try await agent.lastEvent()
                for port in ["direct", "eth0"] { try await Self.make(.flooding(port), ovs) }
                try await agent.waitForEvent(after: flooded, "repaired", object: "Port eth0")
                #expect(try await Self.ofctl(ovs, ["show", "br0"], version: "OpenFlow10").contains("NO_FLOOD"))
                // The controller VM lives by its port.
                try await ovs.vsctl(
                    "add-port",
                    "br0",
                    "cvm",
                    "tag=3",
                    "--",
                    "set",
                    "port",
                    "cvm",
                    "external_ids:ovs-agent-port=controller"
                )
                let vital = try await agent.lastEvent()
                try await Self.make(.flooding("cvm"), ovs)
                try await agent.waitForEvent(after: vital, "repaired", object: "Port cvm")
                // A flow that differs in what no monitor tells of.
                let last = try await agent.lastEvent()
                let dump = try await Self.ofctl(ovs, ["--no-stats", "dump-flows", "br.mx", "in_port=40000"])
                let flow = try #require(dump.split(separator: "\n").last).drop { $0 == " " }
                _ = try await Self.ofctl(ovs, ["add-flow", "br.mx", "importance=9,send_flow_rem,\(flow)"])
                try await agent.waitForEvent(after: last, "repaired", object: "Flow br.mx table=0")
                #expect(try await !Self.ofctl(ovs, ["--no-stats", "dump-flows", "br.mx"]).contains("importance"))
                #expect(try await agent.events(since: last).filter { $0.kind == "drift" }.count == 1)
            }
        }
    }
}
