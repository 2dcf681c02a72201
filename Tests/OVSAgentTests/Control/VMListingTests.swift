import JSONRPC
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// Which VM ports there are and whether each has a network: of databases in text, and of a real switch.
struct VMListingTests {
    private static let bridge =
        "bridge br0.local\n port br0.local\n port br0.local.n\n  interface br0.local.n type=patch\n"

    private static func listing(_ ports: String, chain: ChainStanding = ChainStanding()) throws -> VMListing {
        let layout = Layout(
            virtualSwitches: [Layout.VirtualSwitch(name: "vs0", lane: try #require(Lane(0)))],
            networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 27)]
        )
        return VMListing(replica: PlanDatabase(bridge + ports).replica, layout: layout, chain: chain)
    }

    @Test(
        "each port has a line with its VLANs and its MAC",
        arguments: [
            ("tag=10", "external_ids:attached-mac=02:00:00:00:00:0a", "nic-1 - 02:00:00:00:00:0a VLAN 10"),
            ("trunks=20,10,11,12", "external_ids:vm-id=vm-1", "nic-1 vm-1 learns trunk 10-12,20"),
            ("tag=5 trunks=7 vlan_mode=native-untagged", "", "nic-1 - learns trunk 7, native 5"),
            (
                "tag=5 vlan_mode=native-tagged", "external_ids:vm-uuid=vm-2",
                "nic-1 vm-2 learns all VLANs, native 5 tagged"
            ),
            ("vlan_mode=access", "external_ids:xs-vm-uuid=vm-3", "nic-1 vm-3 learns VLAN 0"),
            ("tag=5 trunks=7", "", "nic-1 - learns VLAN 5, trunk 7 ignored"),
            ("tag=5", "external_ids:vm-id=vm-4 external_ids:vm-name=web", "nic-1 web learns VLAN 5"),
            ("tag=5", "external_ids:vm-name=web", "nic-1 web learns VLAN 5"),
            ("tag=27", "external_ids:port-profile=Production", "nic-1 - learns network Production (VLAN 27)"),
            ("tag=5", "external_ids:port-profile=Elsewhere", "nic-1 - learns VLAN 5"),
            (
                "tag=27 external_ids:ovs-agent-network=Production", "external_ids:port-profile=Elsewhere",
                "nic-1 - learns network Production (VLAN 27)"
            ),
            ("tag=5 vlan_mode=trunk", "", "nic-1 - learns all VLANs"),
            ("tag=27 external_ids:ovs-agent-network=Production", "", "nic-1 - learns network Production (VLAN 27)"),
        ]
    )
    func lines(port: String, interface: String, line: String) throws {
        let listing = try Self.listing(
            " port vnet0 \(port)\n  interface vnet0 external_ids:iface-id=nic-1 \(interface)"
        )
        let words = listing.text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(words == ["port interface ID VM MAC VLANs lane presence", "vnet0 \(line) br0.local - served"])
    }

    @Test("who is not served, and why")
    func services() throws {
        let lane = try #require(Lane(0))
        let ports = """
             port stray
              interface stray external_ids:attached-mac=02:00:00:00:00:0a
             port vnet0
              interface vnet0 external_ids:iface-id=nic-0 error=gone
             port vnet1
              interface vnet1 external_ids:iface-id=nic-1
             port vnet2
              interface vnet2 external_ids:iface-id=nic-2
            bridge br0
             port direct
              interface direct external_ids:iface-id=nic-3
            """
        let address = try #require(EthernetAddress("02:00:00:00:00:0a"))
        var chain = ChainStanding(
            unserved: [UnservedPort(name: "vnet0", lane: lane, reason: .unknownToSwitch("vnet0"))],
            contested: [
                ContestedStation(
                    lane: lane,
                    station: Station(address: address, vlan: VLAN(7)),
                    owner: "vnet1",
                    other: "vnet2"
                )
            ]
        )
        let listing = try Self.listing(ports, chain: chain)
        #expect(listing.ports.map(\.port.name) == ["stray", "vnet0", "vnet1", "vnet2"])
        let reasons = listing.json["ports"]?.array?.map { $0["reason"]?.string?.split(separator: ":").first ?? "-" }
        #expect(
            reasons == [
                "no VM port, as its interface has no external_ids", "ovs-vswitchd has not opened the interface", "-",
                "frames to 02",
            ]
        )
        #expect(listing.json["ports"]?.array?.map { $0["served"] } == [false, false, true, true])
        #expect(
            listing.text.contains(
                "if its device is gone for good, ovs-vsctl del-port vnet0; else look at its column error, which says: gone"
            )
        )
        #expect(listing.text.contains("served, but frames to 02:00:00:00:00:0a in VLAN 7 go to vnet1"))

        chain.outages = ["br.nf": "no answer"]
        let cut = try Self.listing(ports, chain: chain)
        #expect(
            cut.ports.dropFirst().map(\.service)
                == Array(repeating: .unserved(.init("ovs-vswitchd does not run br.nf", remedy: "no answer")), count: 3)
        )
        chain.outages = [:]
        chain.pause = "another agent keeps the flows"
        let paused = try Self.listing(ports, chain: chain)
        #expect(
            paused.ports.dropFirst().map(\.service)
                == Array(repeating: .unknown("another agent keeps the flows"), count: 3)
        )
        #expect(paused.json["ports"]?.array?.last?["served"] == .null)
        #expect(paused.text.hasSuffix("br0.local  -         not known: another agent keeps the flows"))
        #expect(try Self.listing("").text == "no VM port")
    }

    @Test(
        "vms tells of a real switch over the socket, by both clients",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        .timeLimit(.minutes(5))
    )
    func realSwitch() async throws {
        let vms = [
            ChainHost.VM(name: "vm1", mac: "02:00:00:00:00:0a", tag: 7), ChainHost.VM(name: "vm2", trunks: [7, 8]),
        ]
        try await ChainHost.with(vms, direct: [.init(name: "direct", tag: 7)]) { host in
            try await host.ovs.vsctl("add-port", "br0.local", "stray")
            try await host.ovs.vsctl("set", "interface", "vm2", "external_ids:attached-mac=nonsense")
            try await host.agent.waitForState("in-sync", warning: "attached-mac is nonsense")
            let path = host.agent.controlPath
            let stock = try await host.ovs.tool("ovs-appctl", ["-t", path, "-T", "20", "vms"])
            let own = try await host.ovs.tool(ControlFixture.agentctlPath, ["vms", "--control", path])
            #expect(stock == own)
            let lines = stock.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(lines[1].hasPrefix("stray - - - all VLANs br0.local - NOT SERVED: no VM port, "))
            #expect(lines[2] == "vm1 vm1 - 02:00:00:00:00:0a VLAN 7 br0.local present served")
            #expect(
                lines[3].hasPrefix(
                    "vm2 vm2 - nonsense trunk 7-8 br0.local - NOT SERVED: external_ids:attached-mac is nonsense, "
                )
            )
            #expect(lines.count == 4)
            let json = try await host.ovs.tool(ControlFixture.agentctlPath, ["vms", "--json", "--control", path])
            let ports = try JSON(parsing: json.utf8)["ports"]?.array
            #expect(ports?.map { $0["served"] } == [false, true, false])
            #expect(ports?[1]["mac"] == "02:00:00:00:00:0a")
            try await host.agent.ask("pause", "60", "work on the switch")
            let paused = try await host.agent.ask("vms")
            #expect(paused["ports"]?.array?[1]["reason"] == "the agent is paused: ovs-agentctl resume ends that")
        }
    }
}
