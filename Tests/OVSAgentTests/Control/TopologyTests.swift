import JSONRPC
import OVSDB
import Testing

@testable import OVSAgent

/// What the database tells of uplinks, chain and topology, as tables of databases in text.
@Suite struct TopologyTests {
    private static func layout(networks: [Layout.Network] = []) throws -> Layout {
        Layout(
            virtualSwitches: [
                Layout.VirtualSwitch(
                    name: "vs0",
                    lane: try #require(Lane(0)),
                    uplink: Layout.Uplink(name: "br0-up", nics: .list(["eth0", "eth1"]))
                )
            ],
            networks: networks
        )
    }

    /// A whole lane with two VM ports, the controller VM's port and a pair of NICs.
    private static let host = """
        bridge br0
          port br0 tag=0
            interface br0 type=internal ofport=65534
          port br0-up bond_mode=active-backup bond_active_slave=02:00:00:00:00:02
            interface eth1 link_state=up link_speed=10000000000 mac_in_use=02:00:00:00:00:02
            interface eth0 link_state=down mac_in_use=02:00:00:00:00:01
          port br0.dmx
            interface br0.dmx type=patch options:peer=br0.dmx.n ofport=40000
          port tap-ctl tag=0 external_ids:ovs-agent-port=controller
            interface tap-ctl ofport=2
        bridge br.dmx
          port br0.dmx.n
            interface br0.dmx.n type=patch options:peer=br0.dmx ofport=50000
          port br0.dmx.s
            interface br0.dmx.s type=patch options:peer=br0.nf.n ofport=40000
        bridge br.nf
          port br0.nf.n
            interface br0.nf.n type=patch options:peer=br0.dmx.s ofport=50000
          port br0.nf.s
            interface br0.nf.s type=patch options:peer=elsewhere ofport=40000
        bridge br.microseg
          port br0.ms.n
            interface br0.ms.n type=patch options:peer=br0.nf.s ofport=50000
        bridge br0.local
          port br0.local
            interface br0.local type=internal
          port br0.local.n
            interface br0.local.n type=patch options:peer=br0.mx.s ofport=-1
          port vnet1 trunks=10,20
            interface vnet1 external_ids:iface-id=db-1
          port vnet0 tag=5 external_ids:ovs-agent-network=Production
            interface vnet0 ofport=3 external_ids:iface-id=web-1 external_ids:attached-mac=52:54:00:00:00:01
          port vnet2 tag=5
            interface vnet2 ofport=4 external_ids:iface-id=mail-1 external_ids:attached-mac=x
          port stray
            interface stray
        """

    @Test("show draws the lane from the wire to the VMs and says what is missing")
    func text() throws {
        let layout = try Self.layout(networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 27)])
        let unserved = UnservedPort(name: "vnet2", lane: try #require(Lane(0)), reason: .unreadableMAC("x"))
        let topology = Topology(
            replica: PlanDatabase(Self.host).replica,
            layout: layout,
            chain: ChainStanding(unserved: [unserved])
        )
        #expect(
            topology.text == """
                vs0: wire to VM
                  |- eth0  down  -             disabled
                  |- eth1  up    10000 Mbit/s
                  br0-up
                  |
                  br0
                  |- host port    br0      port 65534  VLAN 0
                  |- direct port  tap-ctl  port 2      VLAN 0    controller
                  |  br0.dmx (40000)    <->  br0.dmx.n (50000)
                  br.dmx
                  |  br0.dmx.s (40000)  <->  br0.nf.n (50000)
                  br.nf
                  |  br0.nf.s (40000)   <->  br0.ms.n (50000)              NOT CONNECTED
                  br.microseg
                  |  br0.ms.s MISSING   <->  br0.mx.n MISSING
                  br.mx  MISSING
                  |  br0.mx.s MISSING   <->  br0.local.n (no port number)
                  br0.local
                  |- port     stray  no port number  all VLANs                                                NOT SERVED: no VM port, as its interface has no external_ids:iface-id
                  |- VM port  vnet0  port 3          network Production (VLAN 27)  52:54:00:00:00:01  web-1   by lane 0, CUT at br0.local.n
                  |- VM port  vnet1  no port number  trunk 10,20                   learns its MAC     db-1    by lane 0, CUT at br0.local.n
                  `- VM port  vnet2  port 4          VLAN 5                        x                  mail-1  NOT SERVED: external_ids:attached-mac is x, which is no MAC address
                """
        )
    }

    @Test("show's JSON holds the same")
    func json() throws {
        let json = Topology(replica: PlanDatabase(Self.host).replica, layout: try Self.layout(), chain: ChainStanding())
            .json
        let lane = json["virtualSwitches"]?.array?.first
        #expect(
            lane?.object?.map(\.name) == [
                "name", "bridge", "present", "uplink", "hostPort", "directPorts", "chain", "vmPorts", "asFound",
            ]
        )
        #expect(
            lane?["chain"]?.array?.compactMap { $0["bridge"]?.string } == [
                "br.dmx", "br.nf", "br.microseg", "br.mx", "br0.local",
            ]
        )
        #expect(
            lane?["chain"]?.array?.first == [
                "bridge": "br.dmx", "present": true,
                "wireSide": ["name": "br0.dmx", "present": true, "ofport": 40000, "peer": "br0.dmx.n"],
                "vmSide": ["name": "br0.dmx.n", "present": true, "ofport": 50000, "peer": "br0.dmx"],
            ]
        )
        #expect(
            lane?["vmPorts"]?.array?[1] == [
                "name": "vnet0", "present": true, "ofport": 3, "tag": 5, "trunks": [], "vlanMode": nil,
                "network": "Production", "interfaceId": "web-1", "mac": "52:54:00:00:00:01", "role": nil, "vm": nil,
                "learns": false, "bridge": "br0.local", "lane": 0, "served": true, "reason": nil,
                "vmName": nil, "presence": nil,
            ]
        )
    }

    @Test("without a database everything is missing and nothing breaks")
    func empty() throws {
        let layout = try Self.layout()
        let replica = Replica(schema: DatabaseSchema(name: "", version: "", tables: [:]))
        let text = Topology(replica: replica, layout: layout, chain: ChainStanding()).text
        #expect(
            text.hasPrefix("vs0: wire to VM\n  br0-up  MISSING\n  |\n  br0  MISSING\n  |- host port  br0  MISSING\n")
        )
        #expect(text.hasSuffix("br0.local  MISSING\n  `- no VM port"))
        #expect(Status.ChainBridge.all(in: replica).map(\.present) == [false, false, false, false])
    }

    @Test("the chain's bridges stand in their order with the flows that are known")
    func chain() {
        let flows = FlowCounts(installed: 1, missing: 2, unmanaged: 3)
        let chain = Status.ChainBridge.all(in: PlanDatabase(Self.host).replica, flows: ["br.nf": flows])
        #expect(chain.map(\.bridge) == ["br.mx", "br.microseg", "br.nf", "br.dmx"])
        #expect(chain.map(\.present) == [false, true, true, true])
        #expect(chain.map(\.flows) == [nil, nil, flows, nil])
    }

    @Test(
        "an uplink's LACP and its members are judged by what the members say",
        arguments: [
            ("", "link_state=up", "link_state=down", "off", .off, [true, false]),
            ("lacp=active", "link_state=up", "link_state=up", "active", .configured, [false, false]),
            (
                "lacp=active other_config:lacp-fallback-ab=true", "link_state=up", "link_state=down", "active",
                .configured,
                [true, false]
            ),
            (
                "lacp=passive", "link_state=up lacp_current=true", "link_state=up", "passive", .negotiated,
                [true, false]
            ),
            (
                "lacp=active", "link_state=down lacp_current=true", "link_state=up lacp_current=false", "active",
                .configured, [false, false]
            ),
            ("lacp=off", "link_state=up", "link_state=up", "off", .off, [true, true]),
        ] as [(String, String, String, String, Status.Uplink.LACPStatus, [Bool])]
    )
    func lacp(
        port: String,
        eth0: String,
        eth1: String,
        lacp: String,
        status: Status.Uplink.LACPStatus,
        enabled: [Bool]
    ) throws {
        let database = PlanDatabase(
            "bridge br0\n port br0-up \(port)\n interface eth0 \(eth0)\n interface eth1 \(eth1)".replacingBlankRuns
        )
        let declared = try #require(Self.layout().virtualSwitches.first)
        let uplink = try #require(Status.VirtualSwitch(declared, in: database.replica).uplink)
        #expect(uplink.lacp == lacp)
        #expect(uplink.lacpStatus == status)
        #expect(uplink.members.map(\.enabled) == enabled)
    }

    @Test("the active member is the one with the MAC that ovs-vswitchd names; speed is in Mbit/s")
    func activeMember() throws {
        let declared = try #require(Self.layout().virtualSwitches.first)
        let uplink = try #require(Status.VirtualSwitch(declared, in: PlanDatabase(Self.host).replica).uplink)
        #expect(uplink.activeMember == "eth1")
        #expect(uplink.mode == "active-backup")
        #expect(uplink.members.map(\.speedMbps) == [nil, 10000])
    }

    @Test(
        "ports on brN that get every VLAN, and NICs of different speed, are warned of",
        arguments: [
            (host, []),
            ("bridge br0\n port br0 tag=0\n port tap0\n interface tap0", ["Port tap0 on br0 has no tag"]),
            ("bridge br0\n port br0 tag=0\n port tap0 trunks=5,6\n interface tap0", []),
            ("bridge br0\n port br0 tag=0\n port tap0 tag=0\n interface tap0", []),
            ("bridge br0\n port br0 tag=0\n port br0.dmx\n interface br0.dmx", []),
            ("bridge br0.local\n port br0.local\n port vnet0\n interface vnet0", []),
            ("bridge br0\n port br0", ["Port br0, the host's own, has no VLAN that limits it"]),
            ("bridge br0\n port br0 vlan_mode=trunk tag=5", ["Port br0, the host's own, has no VLAN that limits it"]),
            (
                "bridge br0\n port br0 vlan_mode=native-untagged tag=5",
                ["Port br0, the host's own, has no VLAN that limits it"]
            ),
            ("bridge br0\n port br0 vlan_mode=native-untagged tag=5 trunks=5,6", []),
            ("bridge br0\n port br0 trunks=5,6", []),
            (
                "bridge br0\n port br0-up\n interface eth0 link_speed=1000000000\n interface eth1 link_speed=10000000000",
                ["the NICs of br0-up differ in speed (eth0 1000 Mbit/s, eth1 10000 Mbit/s): "]
            ),
            ("bridge br0\n port br0-up\n interface eth0 link_speed=1000000000\n interface eth1 link_speed=0", []),
        ] as [(String, [String])]
    )
    func warnings(database: String, expected: [String]) throws {
        let topology = Topology(
            replica: PlanDatabase(database).replica,
            layout: try Self.layout(),
            chain: ChainStanding()
        )
        #expect(topology.warnings().count == expected.count, "\(topology.warnings())")
        for (warning, words) in zip(topology.warnings(), expected) { #expect(warning.hasPrefix(words)) }
    }

    @Test("an uplink port that stands on another bridge is not there")
    func elsewhere() throws {
        let declared = try #require(Self.layout().virtualSwitches.first)
        let database = PlanDatabase("bridge br0\n port br0\nbridge br9\n port br0-up\n interface eth0 link_state=up")
        let uplink = try #require(Status.VirtualSwitch(declared, in: database.replica).uplink)
        #expect(!uplink.isPresent)
        #expect(uplink.members.isEmpty)
    }
}

extension String {
    fileprivate var replacingBlankRuns: String {
        split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: "\n")
    }
}
