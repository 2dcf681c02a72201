import TestSupport
import Testing

@testable import OVSAgent

/// Frames of VMs that ask for a network by name.
@Suite("Chain: networks", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainNetworkTests {
    private static let networks = """
        networks:
          - { name: Production, virtualSwitch: vs0, vlan: 27 }
          - { name: Open, virtualSwitch: vs0, vlan: 0 }

        """
    private static let (a, b, c, d) = (
        "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "02:00:00:00:00:0d"
    )
    private static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 27, network: "Production"),
        ChainHost.VM(name: "vmb", mac: b, tag: 27, network: "Production"),
        ChainHost.VM(name: "vmc", mac: c, mode: "native-untagged", tag: 27, trunks: [8], network: "Production"),
        ChainHost.VM(name: "vmd", mac: d, tag: 0, network: "Open"),
    ]

    @Test("VMs of one network talk, with its VLAN's tag on the wire; one whose network is not there reaches nobody")
    func frames() async throws {
        try await ChainHost.with(Self.vms, networks: Self.networks) { host in
            let unicast = EthernetFrame(to: Self.b, from: Self.a)
            try await host.expect(unicast, into: "vma", reaches: ["vmb": unicast])
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.a)
            try await host.expect(
                flood,
                into: "vma",
                reaches: ["vmb": flood, "vmc": flood, host.wire: flood.tagged(27)]
            )
            let open = EthernetFrame(to: ChainHost.broadcast, from: Self.d)
            try await host.expect(open, into: "vmd", reaches: ["br0": open, host.wire: open])
            #expect(
                try await host.ovs.vsctl("get", "port", "vmc", "tag", "trunks", "vlan_mode")
                    == "27\n[8]\nnative-untagged"
            )

            // Its tag is its own again, and says nothing of where it wants to be.
            try await host.ovs.vsctl("set", "interface", "vmb", "external_ids:ovs-agent-network=Prod")
            try await host.settled(Self.vms.filter { $0.name != "vmb" })
            try await host.expect(flood, into: "vma", reaches: ["vmc": flood, host.wire: flood.tagged(27)])
            try await host.expect(EthernetFrame(to: ChainHost.broadcast, from: Self.b), into: "vmb")
            try await host.expect(EthernetFrame(to: Self.a, from: Self.b), into: "vmb")
            try await host.agent.waitForState(
                "in-sync",
                warning: "VM port vmb on br0.local has no network: it asks for"
            )

            // As a trunk it would be in every VLAN, the network's or not.
            try await host.ovs.vsctl("set", "port", "vmc", "vlan_mode=trunk")
            try await host.settled(Self.vms.filter { ["vma", "vmd"].contains($0.name) })
            try await host.agent.waitForState(
                "in-sync",
                warning: "VM port vmc on br0.local has no network: vlan_mode is trunk"
            )
            try await host.expect(flood, into: "vma", reaches: [host.wire: flood.tagged(27)])
            try await host.expect(EthernetFrame(to: Self.a, from: Self.c).tagged(8), into: "vmc")
        }
    }

    @Test("a port that comes with a network is at no time in another VLAN, whatever its tag says")
    func decides() throws {
        let database = PlanDatabase(
            """
            bridge br0.local
              port vm1 tag=5 external_ids:ovs-agent-network=Production
                interface vm1 external_ids:iface-id=vm1
              port vm2
                interface vm2 external_ids:iface-id=vm2 external_ids:ovs-agent-network=Open
              port br0.local.n
                interface br0.local.n external_ids:iface-id=vm3
            """
        )
        let networks = Networks(PlanNetworkTests.layout())
        let rows = VMPortRow.all(in: database.replica).values.sorted { $0.name < $1.name }
        #expect(rows.map(\.name) == ["vm1", "vm2"])
        #expect(try rows.map { try $0.port(number: 1, networks: networks).vlans.untagged?.number } == [27, 0])
        for row in rows {
            #expect(throws: VMPort.Unserved.self) { try row.port(number: 1, networks: Networks()) }
        }
    }
}
