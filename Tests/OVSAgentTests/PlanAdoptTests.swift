import Testing

@testable import OVSAgent

/// A host, the layout that it gets, and what must be so afterwards.
struct AdoptCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var database: String
    var layout: Layout = .small
    /// `Table name column`, and the value it must have (`nil`: none).
    var then: [(String, String, String, String?)] = []
    var ports: [String: [String]] = [:]
    var members: [String: [String]] = [:]
    /// Rows that must be the same ones as before: table, name.
    var stay: [(String, String)] = []
    /// Parts that the obstacles must hold, one of each.
    var obstacles: [String] = []
    var notes: [String] = []
}

@Suite("A plan for a host that has a switch already")
struct PlanAdoptTests {
    static let cases: [AdoptCase] = [
        AdoptCase(
            testDescription: "an installer's br0 and bond keep rows, other ports, host VLAN, bond columns and datapath",
            database: """
                bridge br0 datapath_type=netdev other_config:hwaddr=02:00:00:00:00:09 external_ids:by=installer
                  port br0 tag=12
                  port br0-up bond_mode=balance-slb bond_updelay=200 other_config:lacp-time=slow trunks=1,2
                    interface eth0
                    interface eth1
                  port vnet3 tag=7
                """,
            then: [
                ("Port", "br0", "tag", "12"), ("Port", "br0-up", "bond_mode", "balance-slb"),
                ("Port", "br0-up", "bond_updelay", "200"), ("Port", "br0-up", "lacp", nil),
                ("Port", "br0-up", "other_config:lacp-time", "slow"), ("Port", "br0-up", "trunks", "[1, 2]"),
                ("Port", "br0-up", "external_ids:ovs-agent-role", "uplink"),
                ("Port", "br0-up", "external_ids:ovs-agent-made", nil),
                ("Bridge", "br0", "external_ids:by", "installer"),
                ("Bridge", "br0", "external_ids:ovs-agent-made", nil),
                ("Bridge", "br0", "fail_mode", "standalone"),
                ("Bridge", "br0", "datapath_type", "netdev"), ("Bridge", "br.mx", "datapath_type", "netdev"),
                ("Bridge", "br0.local", "datapath_type", "netdev"),
                ("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:09"),
                ("Bridge", "br0", "external_ids:ovs-agent-hwaddr-found", "true"),
                ("Port", "vnet3", "tag", "7"),
            ],
            ports: ["br0": ["br0", "br0-up", "br0.dmx", "vnet3"]],
            members: ["br0-up": ["eth0", "eth1"]],
            stay: [
                ("Bridge", "br0"), ("Port", "br0"), ("Port", "br0-up"), ("Port", "vnet3"), ("Interface", "eth0"),
                ("Interface", "eth1"), ("Interface", "br0"),
            ]
        ),
        AdoptCase(
            testDescription: "what the layout states is enforced on an adopted bond and host port",
            database: """
                bridge br0
                  port br0 tag=12
                  port br0-up bond_mode=balance-slb lacp=off other_config:keep=me
                    interface eth0
                    interface eth1
                """,
            layout: Layout(virtualSwitches: [
                {
                    var vs = Layout.VirtualSwitch.on(0) {
                        $0.mode = .balanceTCP
                        $0.lacp = .active
                        $0.lacpRate = .slow
                        $0.lacpFallback = false
                        $0.primary = "eth1"
                        $0.upDelay = 5
                    }
                    vs.hostVlan = 3
                    vs.mtu = 9000
                    return vs
                }()
            ]),
            then: [
                ("Port", "br0", "tag", "3"), ("Port", "br0-up", "bond_mode", "balance-tcp"),
                ("Port", "br0-up", "lacp", "active"), ("Port", "br0-up", "bond_updelay", "5"),
                (
                    "Port", "br0-up", "other_config",
                    "{bond-primary=eth1, keep=me, lacp-fallback-ab=false, lacp-time=slow}"
                ),
                ("Interface", "br0", "mtu_request", "9000"), ("Interface", "eth1", "mtu_request", "9000"),
                ("Interface", "br0.local", "mtu_request", nil),
            ]
        ),
        AdoptCase(
            testDescription: "`add-port br0 eth0` becomes br0-up by reference and keeps its VLANs",
            database: """
                bridge br0
                  port br0
                  port eth0 tag=5 vlan_mode=native-untagged trunks=5,6 other_config:priority-tags=true external_ids:by=me
                """,
            layout: Layout(virtualSwitches: [.on(0, ["eth0"])]),
            then: [
                ("Port", "br0-up", "tag", "5"), ("Port", "br0-up", "vlan_mode", "native-untagged"),
                ("Port", "br0-up", "trunks", "[5, 6]"), ("Port", "br0-up", "external_ids:ovs-agent-made", "true"),
                ("Port", "br0-up", "external_ids:by", "me"), ("Port", "br0-up", "other_config:priority-tags", "true"),
                ("Port", "br0-up", "other_config:lacp-time", "fast"),
                ("Port", "br0-up", "bond_mode", "active-backup"), ("Port", "br0", "tag", nil),
                ("Interface", "eth0", "external_ids:ovs-agent-role", "uplink-member"),
                ("Interface", "eth0", "external_ids:ovs-agent-made", nil),
                ("Bridge", "br0", "external_ids:ovs-agent-uplink", "br0-up"),
            ],
            ports: ["br0": ["br0", "br0-up", "br0.dmx"]],
            members: ["br0-up": ["eth0"]],
            stay: [("Interface", "eth0"), ("Bridge", "br0")]
        ),
        AdoptCase(
            testDescription: "two NICs alone on br0 become one bond",
            database: "bridge br0\n port br0\n port eth0\n port eth1",
            ports: ["br0": ["br0", "br0-up", "br0.dmx"]],
            members: ["br0-up": ["eth0", "eth1"]],
            stay: [("Interface", "eth0"), ("Interface", "eth1")]
        ),
        AdoptCase(
            testDescription: "of NICs alone in different VLANs the first one's are kept, and it is said",
            database: "bridge br0\n port br0\n port eth1 tag=6\n port eth2 tag=7",
            layout: Layout(virtualSwitches: [.on(0, ["eth0", "eth1", "eth2"])]),
            then: [("Port", "br0-up", "tag", "6")],
            members: ["br0-up": ["eth0", "eth1", "eth2"]],
            notes: ["Port eth2 had other VLANs"]
        ),
        AdoptCase(
            testDescription: "a NIC alone joins the bond that stands, and one that is not in the layout leaves it",
            database: """
                bridge br0
                  port br0
                  port br0-up
                    interface eth1
                    interface eth7
                  port eth0 tag=9
                """,
            then: [("Port", "br0-up", "tag", nil)],
            members: ["br0-up": ["eth0", "eth1"]],
            stay: [("Interface", "eth0"), ("Interface", "eth1"), ("Port", "br0-up")],
            notes: ["Port eth0 had other VLANs or QoS than br0-up, which its NIC joins: tag 9"]
        ),
        AdoptCase(
            testDescription: "a NIC of another bridge is refused and the other one forms the uplink",
            database: "bridge br0\n port br0\n port eth0\nbridge ovsbr1\n port ovsbr1\n port eth1",
            ports: ["ovsbr1": ["eth1", "ovsbr1"]],
            members: ["br0-up": ["eth0"], "eth1": ["eth1"]],
            stay: [("Interface", "eth1"), ("Port", "eth1")],
            obstacles: ["Interface eth1: wanted on bridge br0, in use in port eth1 of bridge ovsbr1"]
        ),
        AdoptCase(
            testDescription: "with no NIC to be had the uplink is not made",
            database: "bridge ovsbr1\n port bond9\n  interface eth0\n  interface eth1",
            ports: ["br0": ["br0", "br0.dmx"], "ovsbr1": ["bond9"]],
            members: ["bond9": ["eth0", "eth1"]],
            obstacles: ["Interface eth0", "Interface eth1"]
        ),
        AdoptCase(
            testDescription: "members of another bond on br0 are refused",
            database: "bridge br0\n port br0\n port bond0\n  interface eth0\n  interface eth1",
            ports: ["br0": ["bond0", "br0", "br0.dmx"]],
            members: ["bond0": ["eth0", "eth1"]],
            obstacles: ["port bond0 of bridge br0", "adopt: true"]
        ),
        AdoptCase(
            testDescription: "with adopt, NICs are taken from another bridge and another bond",
            database: """
                bridge ovsbr1
                  port ovsbr1
                  port eth0
                bridge br0
                  port br0
                  port bond0
                    interface eth1
                    interface eth7
                """,
            layout: Layout(virtualSwitches: [.on(0) { $0.adopt = true }]),
            ports: ["ovsbr1": ["ovsbr1"], "br0": ["bond0", "br0", "br0-up", "br0.dmx"]],
            members: ["br0-up": ["eth0", "eth1"], "bond0": ["eth7"]],
            stay: [("Interface", "eth0"), ("Interface", "eth1"), ("Port", "bond0")]
        ),
        AdoptCase(
            testDescription: "with adopt, a bond that loses both members goes",
            database: "bridge br0\n port br0\n port bond0\n  interface eth0\n  interface eth1",
            layout: Layout(virtualSwitches: [.on(0) { $0.adopt = true }]),
            ports: ["br0": ["br0", "br0-up", "br0.dmx"]],
            members: ["br0-up": ["eth0", "eth1"]],
            stay: [("Interface", "eth0"), ("Interface", "eth1")]
        ),
        AdoptCase(
            testDescription: "the uplink's name on another bridge is refused",
            database: "bridge ovsbr1\n port ovsbr1\n port br0-up\n  interface eth5",
            ports: ["ovsbr1": ["br0-up", "ovsbr1"], "br0": ["br0", "br0.dmx"]],
            obstacles: ["Port br0-up: wanted on bridge br0, stands on bridge ovsbr1"]
        ),
        AdoptCase(
            testDescription: "br0 as a port of another bridge is refused, and the chain is made all the same",
            database: "bridge ovsbr1\n port ovsbr1\n port br0\n  interface br0 type=internal",
            ports: [
                "ovsbr1": ["br0", "ovsbr1"], "br0.local": ["br0.local", "br0.local.n"],
                "br.dmx": ["br.dmx", "br0.dmx.n", "br0.dmx.s"],
            ],
            stay: [("Port", "br0"), ("Interface", "br0")],
            obstacles: ["Port br0: wanted on bridge br0, stands on bridge ovsbr1"]
        ),
        AdoptCase(
            testDescription: "br0 as a port of another bridge is taken with adopt",
            database: "bridge ovsbr1\n port ovsbr1\n port br0\n  interface br0 type=internal",
            layout: Layout(virtualSwitches: [.on(0) { $0.adopt = true }]),
            ports: ["ovsbr1": ["ovsbr1"], "br0": ["br0", "br0-up", "br0.dmx"]],
            stay: [("Port", "br0"), ("Interface", "br0")]
        ),
        AdoptCase(
            testDescription: "NICs to be discovered are an obstacle, and the uplink stays as it is",
            database: "bridge br0\n port br0\n port br0-up\n  interface eth3",
            layout: Layout(virtualSwitches: [
                .on(0) { $0.nics = .discovered(minSpeedMbps: nil, linkUp: nil) }
            ]),
            then: [("Port", "br0-up", "external_ids:ovs-agent-role", nil)],
            members: ["br0-up": ["eth3"]],
            obstacles: ["Port br0-up: the layout leaves the NICs to be discovered"]
        ),
        AdoptCase(
            testDescription: "an uplink of a lane port's name is an obstacle",
            database: "",
            layout: Layout(virtualSwitches: [.on(0) { $0.name = "br0.dmx" }]),
            ports: ["br0": ["br0", "br0.dmx"]],
            obstacles: ["Port br0.dmx: the name belongs to"]
        ),
        AdoptCase(
            testDescription: "a bridge of a lane port's name that holds something is an obstacle",
            database: "bridge br0.mx.n\n port br0.mx.n\n port eth9",
            ports: ["br0.mx.n": ["eth9"], "br.mx": ["br.mx", "br0.mx.n", "br0.mx.s"]],
            obstacles: ["Bridge br0.mx.n: has the name of a lane's patch port"]
        ),
        AdoptCase(
            testDescription: "a stated datapath is refused on an adopted br0, and the chain follows br0",
            database: "bridge br0 datapath_type=netdev\n port br0",
            layout: {
                var layout = Layout.small
                layout.datapath = .system
                layout.virtualSwitches.append(.on(3, ["eth3"]))
                return layout
            }(),
            then: [
                ("Bridge", "br0", "datapath_type", "netdev"), ("Bridge", "br.nf", "datapath_type", "netdev"),
                ("Bridge", "br3", "datapath_type", "netdev"), ("Bridge", "br3.local", "datapath_type", "netdev"),
            ],
            obstacles: ["stands with datapath netdev and the layout says system"]
        ),
        AdoptCase(
            testDescription: "two adopted bridges of different datapaths cannot share the chain",
            database: "bridge br0 datapath_type=netdev\n port br0\nbridge br3\n port br3",
            layout: Layout(virtualSwitches: [.on(0), .on(3, ["eth3"])]),
            then: [("Bridge", "br3", "datapath_type", ""), ("Bridge", "br.nf", "datapath_type", "netdev")],
            obstacles: ["Bridge br3: stands with datapath system and the chain with netdev"]
        ),
        AdoptCase(
            testDescription: "a br0 that we made keeps its datapath when a bridge of another one is adopted beside it",
            database: """
                bridge br0 external_ids:ovs-agent-made=true external_ids:ovs-agent-role=uplink-bridge
                  port br0
                  port br0-up
                    interface eth0
                    interface eth1
                bridge br3 datapath_type=netdev
                  port br3
                """,
            layout: Layout(virtualSwitches: [.on(0), .on(3, ["eth3"])]),
            then: [
                ("Bridge", "br0", "datapath_type", ""), ("Bridge", "br.nf", "datapath_type", ""),
                ("Bridge", "br3", "datapath_type", "netdev"),
            ],
            obstacles: ["Bridge br3: stands with datapath netdev and the chain with system"]
        ),
        AdoptCase(
            testDescription: "so it does where the adopted bridge comes first, and has the chain",
            database: """
                bridge br0 external_ids:ovs-agent-made=true external_ids:ovs-agent-role=uplink-bridge
                  port br0
                bridge br3 datapath_type=netdev
                  port br3
                """,
            layout: Layout(virtualSwitches: [.on(3, ["eth3"]), .on(0)]),
            then: [("Bridge", "br0", "datapath_type", ""), ("Bridge", "br.nf", "datapath_type", "netdev")],
            obstacles: ["Bridge br0: stands with datapath system and the chain with netdev"]
        ),
        AdoptCase(
            testDescription: "a stated datapath that br0 has is the chain's, whatever another adopted bridge has",
            database: """
                bridge br3 datapath_type=netdev
                  port br3
                bridge br0 external_ids:ovs-agent-made=true external_ids:ovs-agent-role=uplink-bridge
                  port br0
                """,
            layout: Layout(datapath: .system, virtualSwitches: [.on(3, ["eth3"]), .on(0)]),
            then: [("Bridge", "br0", "datapath_type", ""), ("Bridge", "br.nf", "datapath_type", "")],
            obstacles: ["Bridge br3: stands with datapath netdev and the layout says system"]
        ),
        AdoptCase(
            testDescription:
                "of two bridges that we made and a layout that says no datapath, none is destroyed for the other",
            database: """
                bridge br0 datapath_type=netdev external_ids:ovs-agent-role=uplink-bridge external_ids:ovs-agent-made=true
                  port br0
                bridge br3 external_ids:ovs-agent-role=uplink-bridge external_ids:ovs-agent-made=true
                  port br3
                """,
            layout: Layout(virtualSwitches: [.on(0), .on(3, ["eth3"])]),
            then: [("Bridge", "br0", "datapath_type", "netdev"), ("Bridge", "br3", "datapath_type", "")],
            obstacles: ["Bridge br3: stands with datapath system and the chain with netdev"]
        ),
        AdoptCase(
            testDescription: "a stated datapath is what new bridges get",
            database: "",
            layout: {
                var layout = Layout.small
                layout.datapath = .dummy
                return layout
            }(),
            then: [("Bridge", "br0", "datapath_type", "dummy"), ("Bridge", "br.nf", "datapath_type", "dummy")]
        ),
        AdoptCase(
            testDescription: "a controller on br0 goes; its other ports, mirrors of the host and keys stay",
            database: """
                bridge br0 fail_mode=secure other_config:stp-priority=1 protocols=OpenFlow13
                  controller tcp:192.0.2.1
                  port br0
                  port vx0 tag=4
                    interface vx0 type=vxlan options:remote_ip=192.0.2.9
                """,
            then: [
                ("Bridge", "br0", "controller", nil), ("Bridge", "br0", "fail_mode", "standalone"),
                ("Bridge", "br0", "other_config:stp-priority", "1"),
                ("Bridge", "br0", "protocols", "[OpenFlow10, OpenFlow13, OpenFlow14]"),
                ("Interface", "vx0", "options:remote_ip", "192.0.2.9"),
            ],
            stay: [("Port", "vx0"), ("Interface", "vx0")]
        ),
        AdoptCase(
            testDescription: "the address that br0 has is pinned and noted",
            database: "bridge br0\n port br0\n  interface br0 type=internal mac_in_use=02:00:00:00:00:07",
            then: [
                ("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:07"),
                ("Bridge", "br0", "external_ids:ovs-agent-hwaddr", "02:00:00:00:00:07"),
                ("Bridge", "br0", "external_ids:ovs-agent-hwaddr-found", nil),
            ]
        ),
        AdoptCase(
            testDescription: "the address noted wins over what br0 has come to have",
            database: """
                bridge br0 external_ids:ovs-agent-hwaddr=02:00:00:00:00:07 other_config:hwaddr=02:00:00:00:00:08
                  port br0
                    interface br0 type=internal mac_in_use=02:00:00:00:00:08
                """,
            then: [("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:07")]
        ),
        AdoptCase(
            testDescription: "a note that is no address means nothing",
            database: """
                bridge br0 external_ids:ovs-agent-hwaddr=junk
                  port br0
                    interface br0 type=internal mac_in_use=02:00:00:00:00:08
                """,
            then: [("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:08")]
        ),
    ]

    @Test("adopts, moves, takes and refuses", arguments: cases)
    func adopt(_ test: AdoptCase) {
        var database = PlanDatabase(test.database)
        let before = database
        let plan = database.reconcile(test.layout)
        for (table, name, column, value) in test.then {
            #expect(database[table, name, column] == value, "\(table) \(name) \(column)")
        }
        for (bridge, ports) in test.ports { #expect(database.children("Bridge", bridge) == ports) }
        for (port, members) in test.members { #expect(database.children("Port", port) == members) }
        for (table, name) in test.stay {
            #expect(
                before.uuid(table, name) != nil && database.uuid(table, name) == before.uuid(table, name),
                "\(name)"
            )
        }
        for part in test.obstacles { #expect(plan.obstacles.contains { $0.description.contains(part) }, "\(part)") }
        if test.obstacles.isEmpty { #expect(plan.obstacles == []) }
        #expect(plan.notes.count == test.notes.count)
        for part in test.notes { #expect(plan.notes.contains { $0.contains(part) }) }
    }
}
