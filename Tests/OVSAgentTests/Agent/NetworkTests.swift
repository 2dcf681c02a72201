import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// VM ports that ask for a network of the layout, as stock tools set them up and disturb them.
@Suite("Networks", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct NetworkTests {
    private static let key = "external_ids:ovs-agent-network"

    /// br0 and br7, with these networks on br0 and `Other` on br7.
    private static func layout(_ networks: [(String, Int)] = [("Production", 27), ("Test", 28)]) -> String {
        .switches(0, 7) + "networks:\n"
            + networks.map { "  - { name: \($0), virtualSwitch: vs0, vlan: \($1) }\n" }.joined()
            + "  - { name: Other, virtualSwitch: vs7, vlan: 29 }\n"
    }

    /// A VM's port without a network yet.
    private static func addPort(
        _ ovs: PrivateSwitch,
        _ name: String = "vm1",
        on bridge: String = "br0.local"
    ) async throws {
        try await ovs.vsctl(
            "add-port",
            bridge,
            name,
            "tag=5",
            "--",
            "set",
            "interface",
            name,
            "external_ids:iface-id=\(name)"
        )
    }

    /// What a Port has: its tag, and the two notes beside it.
    private static func port(_ ovs: PrivateSwitch, _ name: String = "vm1") async throws -> [String] {
        let keys = [Mark.formerTag, Mark.givenTag].map { "external_ids:\($0)" }
        let text = try await edit(ovs, ["--if-exists", "get", "port", name, "tag"] + keys)
        return text.split(separator: "\n").map(String.init)
    }

    /// Runs `ovs-vsctl` without waiting for ovs-vswitchd.
    @discardableResult
    private static func edit(_ ovs: PrivateSwitch, _ arguments: [String]) async throws -> String {
        try await ovs.tool("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--timeout=20", "--no-wait"] + arguments)
    }

    private static func drifts(_ agent: RunningAgent, since id: Int = 0) async throws -> [String] {
        try await agent.events(since: id).filter { $0.kind == "drift" }.map(\.text)
    }

    @Test("the tag follows the key, a foreign one is undone, and the former one comes back")
    func life() async throws {
        try await RunningAgent.inSync(layout: Self.layout()) { agent in
            let ovs = agent.ovs
            try await Self.addPort(ovs)
            var last = try await agent.lastEvent()
            func set(
                _ arguments: String...,
                gives kind: String,
                _ found: String,
                _ wanted: String,
                _ reason: String
            )
                async throws
            {
                try await Self.edit(ovs, arguments)
                let event = try await agent.waitForEvent(after: last, kind, object: "Port vm1", column: "tag")
                #expect((event.found, event.wanted) == (found, wanted), "\(arguments)")
                #expect(event.reason.hasPrefix(reason), "\(event.reason)")
                last = event.id
            }
            try await set(
                "set",
                "interface",
                "vm1",
                "\(Self.key)=Production",
                gives: "assigned",
                "5",
                "27",
                "network Production"
            )
            #expect(try await Self.port(ovs) == ["27", "\"5\"", "\"27\""])
            try await set("set", "interface", "vm1", "\(Self.key)=Test", gives: "assigned", "27", "28", "network Test")
            #expect(try await Self.drifts(agent) == [])
            try await set("set", "port", "vm1", "tag=9", gives: "repaired", "9", "28", "")
            #expect(try await Self.drifts(agent).count == 1)
            try await set(
                "set",
                "interface",
                "vm1",
                "\(Self.key)=Other",
                gives: "released",
                "28",
                "5",
                "it asks for network Other, which is on br7"
            )
            try await agent.waitForState(
                "in-sync",
                warning: "VM port vm1 on br0.local has no network: it asks for network Other, which is on br7"
            )
            try await set(
                "set",
                "interface",
                "vm1",
                "\(Self.key)=Test",
                gives: "assigned",
                "5",
                "28",
                "network Test"
            )
            try await agent.waitForState("in-sync", lacking: "it asks for network")
            try await set(
                "remove",
                "interface",
                "vm1",
                "external_ids",
                "ovs-agent-network",
                gives: "released",
                "28",
                "5",
                "it asks for no network"
            )
            #expect(try await ovs.vsctl("get", "port", "vm1", "external_ids", wait: false) == "{}")
            #expect(try await Self.drifts(agent).count == 1)
            #expect(try await agent.ask("plan")["text"]?.string == "nothing to change")
        }
    }

    @Test("a profile names a network as the key does, drift of its tag says which, and an unknown one is doubtful")
    func profile() async throws {
        try await RunningAgent.inSync(layout: Self.layout()) { agent in
            let ovs = agent.ovs
            for name in ["vm1", "vm2"] { try await Self.addPort(ovs, name) }
            try await Self.edit(ovs, ["set", "interface", "vm1", "external_ids:port-profile=Production"])
            let given = try await agent.waitForEvent("assigned", object: "Port vm1", column: "tag")
            #expect(given.wanted == "27" && given.reason == "network Production")
            // What `virsh update-device` runs for another <vlan>.
            try await Self.edit(
                ovs,
                ["--if-exists", "clear", "port", "vm1", "tag", "--", "--if-exists", "clear", "port", "vm1", "trunks"]
                    + ["--", "--if-exists", "clear", "port", "vm1", "vlan_mode", "--", "set", "port", "vm1", "tag=9"]
            )
            let drift = try await agent.waitForEvent(after: given.id, "drift", object: "Port vm1", column: "tag")
            #expect(drift.reason == "network Production")
            let repaired = try await agent.waitForEvent(after: drift.id, "repaired", object: "Port vm1", column: "tag")
            #expect(repaired.reason == "network Production" && repaired.wanted == "27")

            try await Self.edit(ovs, ["set", "interface", "vm2", "external_ids:port-profile=OpenStack"])
            let status = try await agent.waitForState("in-sync", warning: "vm2 on br0.local has the profile OpenStack")
            #expect(status["text"]?.string?.contains("  ? VM port vm2 on br0.local has the profile OpenStack") == true)
            var ports: [JSON] = []
            let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
            // Not before the switch has said so.
            while ports.map({ $0["served"] }) != [true, true], ContinuousClock.now < deadline {
                ports = try await agent.ask("vms")["ports"]?.array ?? []
            }
            #expect(ports.map { $0["served"] } == [true, true], "\(ports.map { $0.text() })")
            #expect(ports.map { $0["network"] } == ["Production", .null])
            #expect(try await Self.port(ovs, "vm2") == ["5"])
            try await Self.edit(ovs, ["set", "interface", "vm2", "external_ids:port-profile=Test"])
            try await agent.waitForEvent("assigned", object: "Port vm2", column: "tag")
            try await agent.waitForState("in-sync", lacking: "has the profile")
        }
    }

    @Test("the tags follow the layout, and plan tells before")
    func reload() async throws {
        try await RunningAgent.inSync(layout: Self.layout()) { agent in
            let ovs = agent.ovs
            try await Self.addPort(ovs)
            try await ovs.vsctl("set", "port", "vm1", "\(Self.key)=Production")
            try await agent.waitForEvent("assigned", object: "Port vm1", column: "tag")
            let next = Self.layout([("Production", 30)])
            let plan = try await agent.ask("plan", "next.yaml", next)
            #expect(plan["text"]?.string == "~ Port vm1: tag 27 -> 30 (network Production)")
            try write(next, to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            try await ovs.vsctl("wait-until", "port", "vm1", "tag=30", wait: false)
            try write(Self.layout([("Test", 28)]), to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            try await ovs.vsctl("wait-until", "port", "vm1", "tag=5", wait: false)
            try await agent.waitForState(
                "in-sync",
                warning: "it asks for network Production, which the layout does not"
            )
            try write(.switches(0, 7), to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            try await agent.waitForState(
                "in-sync",
                warning: "it asks for network Production, which the layout does not"
            )
            #expect(try await Self.port(ovs) == ["5"])
            #expect(try await Self.drifts(agent) == [])
            #expect(agent.logs.contains("info: layout: ~ Port vm1: tag 27 -> 30 (network Production)"))
        }
    }

    @Test("what happened while no agent was there is made good, from what the database says alone")
    func restart() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: Self.layout()) { agent in
                try await agent.waitForState("in-sync")
                for name in ["vm1", "vm2", "vm3"] {
                    try await Self.addPort(ovs, name)
                    try await ovs.vsctl("set", "interface", name, "\(Self.key)=Production")
                    try await agent.waitForEvent("assigned", object: "Port \(name)", column: "tag")
                }
            }
            try await Self.addPort(ovs, "vm4")
            try await Self.edit(
                ovs,
                ["set", "port", "vm1", "tag=9"]
                    + ["--", "remove", "interface", "vm2", "external_ids", "ovs-agent-network"]
                    + ["--", "del-port", "vm3", "--", "set", "interface", "vm4", "\(Self.key)=Test"]
            )
            try await RunningAgent.with(ovs, name: "b") { agent in
                try await agent.waitForState("in-sync")
                #expect(try await Self.port(ovs, "vm1") == ["27", "\"5\"", "\"27\""])
                #expect(try await Self.port(ovs, "vm2") == ["5"])
                #expect(try await Self.port(ovs, "vm3") == [])
                #expect(try await Self.port(ovs, "vm4") == ["28", "\"5\"", "\"28\""])
                try await RunningAgent.with(ovs, name: "c") { standby in
                    try await standby.waitForState("standby")
                    let last = try await agent.lastEvent()
                    try await ovs.vsctl("set", "port", "vm1", "tag=9", wait: false)
                    try await agent.waitForEvent(after: last, "repaired", object: "Port vm1", column: "tag")
                    #expect(try await standby.events().allSatisfy { !["assigned", "repaired"].contains($0.kind) })
                    // It knows all the same what is wanted.
                    #expect(try await standby.ask("plan")["text"]?.string == "nothing to change")
                    try await agent.stop()
                    try await standby.waitForState("in-sync")
                    try await ovs.vsctl("set", "port", "vm1", "tag=9", wait: false)
                    try await standby.waitForEvent("repaired", object: "Port vm1", column: "tag")
                }
            }
        }
    }

    @Test("a virtual switch that is taken away leaves its VM ports with their own tags")
    func removal() async throws {
        try await RunningAgent.inSync(layout: Self.layout()) { agent in
            let ovs = agent.ovs
            try await Self.addPort(ovs, on: "br7.local")
            try await ovs.vsctl("set", "interface", "vm1", "\(Self.key)=Other")
            try await agent.waitForEvent("assigned", object: "Port vm1", column: "tag")
            try write(.oneSwitch, to: agent.configuration.layoutPath)
            try await agent.ask("reload", "--allow-removal")
            try await agent.waitForState("in-sync")
            #expect(try await ovs.vsctl("get", "port", "vm1", "tag", "external_ids") == "5\n{}")
            #expect(try await ovs.vsctl("list-ports", "br7.local") == "vm1")
        }
    }

    /// Without ovs-vswitchd, which would be long about so many ports and has no part in it.
    @Test("a thousand VM ports get their tags, and one that is disturbed afterwards is one change")
    func thousand() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await RunningAgent.with(ovs, layout: Self.layout()) { agent in
                try await ovs.vsctl("wait-until", "bridge", "br7")
                let names = (0..<1000).map { "vm\($0)" }
                try await Self.edit(
                    ovs,
                    names.flatMap { name in
                        ["--", "add-port", "br0.local", name, "tag=5", "--", "set", "interface", name]
                            + ["external_ids:iface-id=\(name)", "\(Self.key)=Production"]
                    }
                )
                try await ovs.vsctl("wait-until", "port", "vm999", "tag=27")
                // One transaction gave them all.
                let tags = try await ovs.vsctl("--columns=name", "find", "port", "tag=27")
                #expect(tags.split(separator: "\n").filter { $0.hasPrefix("name") }.count == 1000)
                let last = try await agent.lastEvent()
                try await ovs.vsctl("set", "port", "vm500", "tag=9")
                try await agent.waitForEvent(after: last, "repaired", object: "Port vm500", column: "tag")
                #expect(try await Self.drifts(agent, since: last).count == 1)
            }
        }
    }
}
