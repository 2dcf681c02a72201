import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// Hosts whose bond, VLAN and address an installer chose, and whose layout says nothing of them.
@Suite("What was found", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct FoundTests {
    /// A host as installers make it, and its layout without mode, LACP and VLAN.
    private static let host = """
        add-br br0 -- set bridge br0 datapath_type=dummy other_config:hwaddr=02:00:00:00:00:77 -- set port br0 tag=100 \
        -- add-bond br0 br0-up eth0 eth1 lacp=active bond_mode=balance-tcp trunks=27,100 bond_updelay=200 \
        -- set port br0-up other_config:lacp-fallback-ab=true -- set interface eth0 mtu_request=9000
        """
    private static let layout = String.switches(0).replacing("datapath: dummy\n", with: "")

    /// All that counts.
    private static func standing(_ ovs: PrivateSwitch) async throws -> [String] {
        [
            try await ovs.vsctl("get", "port", "br0", "tag", "vlan_mode", "trunks", wait: false),
            try await ovs.vsctl(
                "get",
                "port",
                "br0-up",
                "lacp",
                "bond_mode",
                "trunks",
                "tag",
                "bond_updelay",
                "other_config:lacp-fallback-ab",
                wait: false
            ),
            try await ovs.vsctl("get", "bridge", "br0", "datapath_type", "other_config:hwaddr", wait: false),
            try await ovs.vsctl("get", "interface", "eth0", "mtu_request", wait: false),
            try await ovs.vsctl("get", "interface", "eth1", "mtu_request", wait: false),
        ]
    }

    private static func with(_ body: (RunningAgent, [String]) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(host)
            let found = try await standing(ovs)
            try await RunningAgent.with(ovs, layout: layout) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await standing(ovs) == found)
                try await body(agent, found)
            }
        }
    }

    @Test(
        "it is back at once after deletion and clearing, and the event tells how another value is kept",
        arguments: [
            ("del-br br0", "Bridge br0", "bridges"), ("del-port br0 br0-up", "Bridge br0", "ports"),
            ("clear port br0-up other_config -- clear port br0-up trunks", "Port br0-up", "trunks"),
            ("clear port br0 tag -- clear port br0-up lacp -- clear port br0-up bond_mode", "Port br0-up", "lacp"),
            ("set port br0 vlan_mode=trunk trunks=10,20", "Port br0", "vlan_mode"),
            ("clear interface eth0 mtu_request", "Interface eth0", "mtu_request"),
            ("clear bridge br0 other_config", "Bridge br0", "other_config:hwaddr"),
        ]
    )
    func edits(edit: String, object: String, column: String) async throws {
        try await Self.with { agent, found in
            let last = try await agent.lastEvent()
            try await agent.ovs.edit("--no-wait " + edit)
            try await agent.waitForEvent(after: last, "repaired", object: object, column: column)
            try await agent.waitForState("in-sync")
            #expect(try await Self.standing(agent.ovs) == found)
            let drift = try await agent.waitForEvent(after: last, "drift", object: object, column: column)
            #expect(drift.reason.contains("ovs-agentctl adopt \(object)") == !["bridges", "ports"].contains(column))
        }
    }

    @Test(
        "so it is after what happened while no agent ran",
        arguments: [
            "del-br br0", "del-port br0 br0-up",
            "clear port br0-up other_config -- set port br0-up lacp=off -- clear port br0 tag",
            "del-br br0 -- add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 eth0",
        ]
    )
    func away(edit: String) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(Self.host)
            let found = try await Self.standing(ovs)
            try await RunningAgent.with(ovs, layout: Self.layout) { agent in try await agent.waitForState("in-sync") }
            try await ovs.edit("--no-wait " + edit)
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await Self.standing(ovs) == found)
            }
        }
    }

    @Test("so it is in an empty database that took the place of the former one")
    func wiped() async throws {
        try await Self.with { agent, found in
            try await agent.ovs.killServer()
            try await agent.waitForState("disconnected")
            try await agent.ovs.restartServer(freshDatabase: true)
            try await agent.waitForState("in-sync")
            #expect(try await Self.standing(agent.ovs) == found)
        }
    }

    @Test("it is shown, changed by an operator's word alone, kept over a restart, and given back")
    func adopt() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(Self.host)
            let bond = try await ovs.vsctl("--columns=lacp,bond_mode,trunks,bond_updelay", "list", "port", "br0-up")
            try await RunningAgent.with(ovs, layout: Self.layout) { agent in
                try await agent.waitForState("in-sync")
                let shown = try await agent.ask("show")["text"]?.string ?? ""
                #expect(shown.contains("as found on Port br0-up: bond_mode balance-tcp"), "\(shown)")
                #expect(shown.contains("as found on Port br0: tag 100"), "\(shown)")

                await #expect(throws: ControlClientError.self) { try await agent.ask("adopt", "Port eth7") }
                #expect(try await agent.ask("adopt")["adopted"]?.array == [])
                try await agent.ask("pause", "60", "bond swap")
                try await ovs.vsctl(
                    "set",
                    "port",
                    "br0-up",
                    "lacp=passive",
                    "bond_updelay=300",
                    "--",
                    "set",
                    "port",
                    "br0",
                    "tag=7",
                    wait: false
                )
                let plan = try await agent.ask("plan")["text"]?.string ?? ""
                #expect(plan.contains("~ Port br0-up: lacp passive -> active (as found)"), "\(plan)")
                let last = try await agent.lastEvent()
                let answer = try await agent.ask("adopt", "Port br0-up")
                #expect(answer["adopted"]?.array?.count == 2)
                // A line each.
                let lines = answer["text"]?.string?.split(separator: "\n") ?? []
                #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("adopted ~ Port br0-up: ") }, "\(lines)")
                let event = try await agent.waitForEvent(after: last, "adopted", object: "Port br0-up", column: "lacp")
                #expect(event.found == "passive")
                try await agent.ask("resume")
                try await agent.waitForState("in-sync")
                #expect(try await ovs.vsctl("get", "port", "br0-up", "lacp", wait: false) == "passive")
                // What was not adopted is undone.
                #expect(try await ovs.vsctl("get", "port", "br0", "tag", wait: false) == "100")
            }
            try await ovs.vsctl("del-br", "br0", wait: false)
            try write(
                Self.layout.replacing("nics:", with: "mode: active-backup\n      nics:"),
                to: "\(ovs.runFolder)/layout.yaml"
            )
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await ovs.vsctl("get", "port", "br0-up", "lacp", "bond_mode") == "passive\nactive-backup")
                try write(.switches(7), to: agent.configuration.layoutPath)
                try await agent.ask("reload", "--allow-removal")
                try await agent.waitForState("in-sync")
                let released = try await ovs.vsctl(
                    "--columns=lacp,bond_mode,trunks,bond_updelay",
                    "list",
                    "port",
                    "br0-up"
                )
                let adopted = bond.replacing("active\n", with: "passive\n", maxReplacements: 1)
                #expect(released == adopted.replacing("bond_updelay        : 200", with: "bond_updelay        : 300"))
                #expect(try await ovs.vsctl("get", "port", "br0", "tag", "external_ids") == "100\n{}")
                #expect(try await ovs.vsctl("get", "bridge", "br0", "external_ids") == "{}")
            }
        }
    }

    @Test("a host without a VLAN is warned of, and the controller VM's port goes where the host goes")
    func controllerPort() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(
                """
                add-br br0 -- set bridge br0 datapath_type=dummy -- add-bond br0 br0-up eth0 eth1 -- add-port br0 ctl \
                -- set port ctl external_ids:ovs-agent-port=controller
                """
            )
            try await RunningAgent.with(ovs, layout: Self.layout) { agent in
                try await agent.waitForState("in-sync", warning: "Port br0, the host's own, has no VLAN that limits it")
                #expect(try await ovs.vsctl("get", "port", "ctl", "tag") == "[]")
                var last = try await agent.lastEvent()
                try write(
                    Self.layout.replacing("    uplink:", with: "    hostVlan: 12\n    uplink:"),
                    to: agent.configuration.layoutPath
                )
                try await agent.ask("reload")
                try await agent.waitForState("in-sync", lacking: "Port br0")
                #expect(try await ovs.vsctl("get", "port", "ctl", "tag") == "12")
                last = try await agent.lastEvent()
                try await ovs.edit("--no-wait clear port ctl tag -- set port br0 vlan_mode=trunk trunks=10,20")
                try await agent.waitForEvent(after: last, "repaired", object: "Port br0", column: "vlan_mode")
                try await agent.waitForState("in-sync")
                #expect(try await ovs.vsctl("get", "port", "ctl", "tag") == "12")
                #expect(try await ovs.vsctl("get", "port", "br0", "tag", "vlan_mode", "trunks") == "12\n[]\n[]")
                last = try await agent.lastEvent()
                try await ovs.edit("--no-wait remove port ctl external_ids ovs-agent-port")
                let released = try await agent.waitForEvent(after: last, "released", object: "Port ctl", column: "tag")
                #expect(released.reason.contains("no longer marked as the controller VM's"))
                #expect(try await ovs.vsctl("get", "port", "ctl", "tag", "external_ids") == "[]\n{}")
            }
        }
    }

    @Test("a file that is damaged is told: its copy counts, and without one what stands", arguments: [true, false])
    func damaged(hasCopy: Bool) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(Self.host)
            let found = try await Self.standing(ovs)
            try await RunningAgent.with(ovs, layout: Self.layout) { agent in try await agent.waitForState("in-sync") }
            let path = StateFile.found(in: try RunningAgent.configuration(ovs).stateFolder).path
            let whole = try BoundedFile.text(of: path)
            for path in hasCopy ? [path] : [path, "\(path).copy"] {
                try write(String(whole.prefix(whole.utf8.count / 2)), to: path)
            }
            try await ovs.edit("--no-wait set port br0 tag=9")
            let wanted = hasCopy ? found : try await Self.standing(ovs)
            try await RunningAgent.with(ovs) { agent in
                let told = try await agent.waitForEvent("state-damaged", object: "File \(path)")
                #expect(
                    told.reason.contains(hasCopy ? "its copy tells" : "what stands on the host now"),
                    "\(told.reason)"
                )
                try await agent.waitForState("in-sync", warning: path)
                let last = try await agent.lastEvent()
                try await ovs.edit("--no-wait del-br br0")
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br0")
                try await agent.waitForState("in-sync")
                #expect(try await Self.standing(ovs) == wanted)
            }
            // It was written anew.
            #expect(KeptState.load(from: try RunningAgent.configuration(ovs).stateFolder).found.damage == nil)
        }
    }
}
