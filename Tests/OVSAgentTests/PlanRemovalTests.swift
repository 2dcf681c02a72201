import Testing

@testable import OVSAgent

/// A host under one layout, then under another.
struct RemovalCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var database = ""
    var before = Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])])
    /// What others do in between.
    var edit: @Sendable (inout PlanDatabase) -> Void = { _ in }
    var after = Layout.small
    var removal = Removal.allowed
    var changes: [String]
    var obstacles: [String] = []
    var notes: [String] = []
    var then: [(String, String, String, String?)] = []
    var bridges: [String]?
    var ports: [String: [String]] = [:]
    var stay: [(String, String)] = []
}

@Suite("A plan for a layout that lost something")
struct PlanRemovalTests {
    static let lane7OnTheChain = [
        "- Bridge br.mx: ports br7.mx.s", "- Bridge br.mx: ports br7.mx.n", "- Bridge br.microseg: ports br7.ms.s",
        "- Bridge br.microseg: ports br7.ms.n", "- Bridge br.nf: ports br7.nf.s", "- Bridge br.nf: ports br7.nf.n",
        "- Bridge br.dmx: ports br7.dmx.s", "- Bridge br.dmx: ports br7.dmx.n",
    ]

    static func released(_ object: String, _ role: String, made: Bool = true) -> [String] {
        ["- \(object): external_ids:ovs-agent-role \(role)"]
            + (made ? ["- \(object): external_ids:ovs-agent-made true"] : [])
    }

    static let cases: [RemovalCase] = [
        RemovalCase(
            testDescription: "a dropped switch stays whole until its removal is allowed",
            removal: .refused,
            changes: [],
            obstacles: [
                "br7.local was made and br7 was made for a virtual switch the layout no longer has: run ovs-agentctl "
                    + "reload --allow-removal"
            ],
            bridges: ["br.dmx", "br.microseg", "br.mx", "br.nf", "br0", "br0.local", "br7", "br7.local"],
            ports: ["br.mx": ["br.mx", "br0.mx.n", "br0.mx.s", "br7.mx.n", "br7.mx.s"]]
        ),
        RemovalCase(
            testDescription: "what we made of it goes, and nothing else",
            edit: { $0.addPorts("br0", "port vnet1") },
            changes: lane7OnTheChain + ["- Bridge br7.local: bridges br7.local", "- Bridge br7: bridges br7"],
            bridges: ["br.dmx", "br.microseg", "br.mx", "br.nf", "br0", "br0.local"],
            ports: ["br.mx": ["br.mx", "br0.mx.n", "br0.mx.s"], "br0": ["br0", "br0-up", "br0.dmx", "vnet1"]]
        ),
        RemovalCase(
            testDescription: "a switch without an uplink goes when its lane is allowed, and no other lane does",
            before: Layout(virtualSwitches: [.on(0), .on(7, ["eth7"]), .on(8, [])]),
            removal: .lanes([Lane(8)!]),
            changes: lane7OnTheChain.map { $0.replacing("br7", with: "br8") }
                + ["- Bridge br8.local: bridges br8.local", "- Bridge br8: bridges br8"],
            obstacles: ["br7.local was made and br7 was made"],
            bridges: ["br.dmx", "br.microseg", "br.mx", "br.nf", "br0", "br0.local", "br7", "br7.local"]
        ),
        RemovalCase(
            testDescription: "an adopted bridge and uplink are released, with the pin that was ours",
            database: """
                bridge br7 external_ids:by=installer
                  port br7 tag=3
                    interface br7 type=internal mac_in_use=02:00:00:00:00:07
                  port br7-up bond_mode=balance-slb
                    interface eth7
                """,
            changes: lane7OnTheChain + ["- Bridge br7.local: bridges br7.local", "- Bridge br7: ports br7.dmx"]
                + released("Bridge br7", "uplink-bridge", made: false)
                + released("Port br7", "host-port", made: false) + released("Interface br7", "host-port", made: false)
                + released("Port br7-up", "uplink", made: false)
                + released("Interface eth7", "uplink-member", made: false) + [
                    "- Bridge br7: external_ids:ovs-agent-hwaddr 02:00:00:00:00:07",
                    "- Bridge br7: other_config:hwaddr 02:00:00:00:00:07",
                    "- Bridge br7: external_ids:ovs-agent-uplink br7-up",
                ],
            then: [("Bridge", "br7", "external_ids", "{by=installer}"), ("Port", "br7", "tag", "3")],
            ports: ["br7": ["br7", "br7-up"]],
            stay: [("Bridge", "br7"), ("Port", "br7-up"), ("Interface", "eth7")]
        ),
        RemovalCase(
            testDescription: "a pin that stood before us stays",
            database: "bridge br7 other_config:hwaddr=02:00:00:00:00:07\n port br7\n port br7-up\n  interface eth7",
            changes: lane7OnTheChain + ["- Bridge br7.local: bridges br7.local", "- Bridge br7: ports br7.dmx"]
                + released("Bridge br7", "uplink-bridge", made: false)
                + released("Port br7", "host-port", made: false) + released("Interface br7", "host-port", made: false)
                + released("Port br7-up", "uplink", made: false)
                + released("Interface eth7", "uplink-member", made: false) + [
                    "- Bridge br7: external_ids:ovs-agent-hwaddr 02:00:00:00:00:07",
                    "- Bridge br7: external_ids:ovs-agent-hwaddr-found true",
                    "- Bridge br7: external_ids:ovs-agent-uplink br7-up",
                ],
            then: [("Bridge", "br7", "other_config:hwaddr", "02:00:00:00:00:07")]
        ),
        RemovalCase(
            testDescription: "an uplink that we made around an adopted NIC is released: the host stays on the wire",
            database: "bridge br7\n port br7\n port eth7 tag=5",
            changes: lane7OnTheChain + ["- Bridge br7.local: bridges br7.local", "- Bridge br7: ports br7.dmx"]
                + released("Bridge br7", "uplink-bridge", made: false)
                + released("Port br7", "host-port", made: false) + released("Interface br7", "host-port", made: false)
                + released("Port br7-up", "uplink") + released("Interface eth7", "uplink-member", made: false)
                + ["- Bridge br7: external_ids:ovs-agent-uplink br7-up"],
            then: [("Port", "br7-up", "tag", "5")],
            ports: ["br7": ["br7", "br7-up"]],
            stay: [("Interface", "eth7")]
        ),
        RemovalCase(
            testDescription: "bridges that we made but that hold others' ports are released, and it is said",
            edit: {
                $0.addPorts("br7", "port vnet1")
                $0.addPorts("br7.local", "port vnet2")
            },
            changes: lane7OnTheChain + [
                "- Bridge br7.local: ports br7.local.n", "- Bridge br7: ports br7.dmx", "- Bridge br7: ports br7-up",
                "- Bridge br7: external_ids:ovs-agent-uplink br7-up",
            ] + released("Bridge br7", "uplink-bridge") + released("Bridge br7.local", "local-bridge")
                + released("Port br7", "host-port") + released("Interface br7", "host-port")
                + released("Port br7.local", "bridge-port") + released("Interface br7.local", "bridge-port"),
            notes: ["Bridge br7.local was made", "Bridge br7 was made"],
            ports: ["br7": ["br7", "vnet1"], "br7.local": ["br7.local", "vnet2"]],
            stay: [("Port", "vnet1"), ("Port", "vnet2")]
        ),
        RemovalCase(
            testDescription: "roles on names that we do not derive mean nothing",
            before: .small,
            edit: {
                $0.addBridge(
                    "bridge br07 external_ids:ovs-agent-role=uplink-bridge external_ids:ovs-agent-made=true\n port x"
                )
                $0.addBridge(
                    "bridge ovs1 external_ids:ovs-agent-role=multiplexer external_ids:ovs-agent-made=true\n port y"
                )
                $0.addBridge(
                    "bridge br5 external_ids:ovs-agent-role=multiplexer external_ids:ovs-agent-made=true\n port z"
                )
                $0.addBridge(
                    "bridge br6\n port br6.dmx external_ids:ovs-agent-role=lane external_ids:ovs-agent-made=true"
                )
                $0.addPorts("br0", "port vnet1 external_ids:ovs-agent-role=uplink external_ids:ovs-agent-made=true")
            },
            changes: [],
            stay: [("Bridge", "br07"), ("Bridge", "ovs1"), ("Bridge", "br5"), ("Port", "br6.dmx"), ("Port", "vnet1")]
        ),
        RemovalCase(
            testDescription: "a renamed uplink: the NICs move by reference and the old port goes",
            before: Layout(virtualSwitches: [.on(0) { $0.mode = .balanceSLB }]),
            edit: { $0.set("Port", "br0-up", "trunks=5,6") },
            after: Layout(virtualSwitches: [.on(0) { $0.name = "bond0" }]),
            removal: .refused,
            changes: [
                "+ Bridge br0: ports bond0", "- Bridge br0: ports br0-up",
                "~ Bridge br0: external_ids:ovs-agent-uplink br0-up -> bond0",
            ],
            then: [("Port", "bond0", "trunks", "[5, 6]"), ("Port", "bond0", "bond_mode", "active-backup")],
            ports: ["br0": ["bond0", "br0", "br0.dmx"], "bond0": []],
            stay: [("Interface", "eth0"), ("Interface", "eth1")]
        ),
        RemovalCase(
            testDescription: "a renamed uplink with other NICs: the old port goes with those that left",
            before: .small,
            after: Layout(virtualSwitches: [.on(0, ["eth1", "eth2"]) { $0.name = "bond0" }]),
            changes: [
                "+ Bridge br0: ports bond0", "- Bridge br0: ports br0-up",
                "~ Bridge br0: external_ids:ovs-agent-uplink br0-up -> bond0",
            ],
            ports: ["br0": ["bond0", "br0", "br0.dmx"]],
            stay: [("Interface", "eth1")]
        ),
        RemovalCase(
            testDescription: "a dropped uplink stays until its removal is allowed",
            before: .small,
            after: Layout(virtualSwitches: [.on(0, [])]),
            removal: .refused,
            changes: [],
            obstacles: ["Port br0-up: was made as the uplink of br0"],
            ports: ["br0": ["br0", "br0-up", "br0.dmx"]]
        ),
        RemovalCase(
            testDescription: "a dropped uplink that we made goes when allowed",
            before: Layout(virtualSwitches: [.on(0) { $0.name = "bond0" }]),
            after: Layout(virtualSwitches: [.on(0, [])]),
            changes: ["- Bridge br0: ports bond0", "- Bridge br0: external_ids:ovs-agent-uplink bond0"],
            ports: ["br0": ["br0", "br0.dmx"]]
        ),
        RemovalCase(
            testDescription: "a NIC that goes from one uplink to another, in one transaction",
            before: Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])]),
            after: Layout(virtualSwitches: [.on(0, ["eth0"]), .on(7, ["eth1", "eth7"])]),
            removal: .refused,
            changes: ["~ Port br0-up: interfaces eth0, eth1 -> eth0", "~ Port br7-up: interfaces eth7 -> eth1, eth7"],
            stay: [("Interface", "eth1"), ("Interface", "eth7")]
        ),
        RemovalCase(
            testDescription: "the NIC of a dropped switch goes to one that stays, when allowed",
            after: Layout(virtualSwitches: [.on(0, ["eth0", "eth1", "eth7"])]),
            changes: lane7OnTheChain + [
                "~ Port br0-up: interfaces eth0, eth1 -> eth0, eth1, eth7", "- Bridge br7.local: bridges br7.local",
                "- Bridge br7: bridges br7",
            ],
            stay: [("Interface", "eth7")]
        ),
        RemovalCase(
            testDescription: "the NIC of a dropped switch stays with it while its removal is not allowed",
            after: Layout(virtualSwitches: [.on(0, ["eth0", "eth1", "eth7"])]),
            removal: .refused,
            changes: [],
            obstacles: ["Bridge br7", "Interface eth7: wanted on bridge br0, in use in port br7-up of bridge br7"],
            stay: [("Interface", "eth7")]
        ),
    ]

    @Test("deletes what we made and releases what we found", arguments: cases)
    func removal(_ test: RemovalCase) {
        var database = PlanDatabase(test.database)
        database.reconcile(test.before)
        test.edit(&database)
        let before = database
        let plan = database.reconcile(test.after, removal: test.removal)
        #expect(plan.changes.map(\.description).sorted() == test.changes.sorted())
        #expect(plan.obstacles.count == test.obstacles.count, "\(plan.obstacles)")
        for part in test.obstacles { #expect(plan.obstacles.contains { $0.description.contains(part) }, "\(part)") }
        #expect(plan.notes.count == test.notes.count)
        for part in test.notes { #expect(plan.notes.contains { $0.contains(part) }, "\(part)") }
        if let bridges = test.bridges { #expect(database.names("Bridge") == bridges) }
        for (bridge, ports) in test.ports { #expect(database.children("Bridge", bridge) == ports) }
        for (table, name, column, value) in test.then {
            #expect(database[table, name, column] == value, "\(table) \(name) \(column)")
        }
        for (table, name) in test.stay {
            #expect(
                before.uuid(table, name) != nil && database.uuid(table, name) == before.uuid(table, name),
                "\(name)"
            )
        }
    }
}
