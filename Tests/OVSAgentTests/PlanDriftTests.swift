import OVSDB
import Testing

@testable import OVSAgent

/// One foreign edit of a database in order, and what the plan lists for it.
struct DriftCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var edit: @Sendable (inout PlanDatabase) -> Void
    var changes: [String]
}

@Suite("A plan after a foreign edit")
struct PlanDriftTests {
    /// The layout with a mode that is stated and much that is not.
    static let layout = Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])])

    static let cases: [DriftCase] = [
        DriftCase(
            testDescription: "a renamed patch peer is put back and nothing else moves",
            edit: { $0.set("Interface", "br0.ms.n", "options:peer=elsewhere") },
            changes: ["~ Interface br0.ms.n: options:peer elsewhere -> br0.nf.s"]
        ),
        DriftCase(
            testDescription: "an option more goes",
            edit: { $0.set("Interface", "br0.ms.n", "options:key=5") },
            changes: ["- Interface br0.ms.n: options:key 5"]
        ),
        DriftCase(
            testDescription: "a patch port that became something else is put back",
            edit: { $0.set("Interface", "br7.dmx", "type=vxlan") },
            changes: ["~ Interface br7.dmx: type vxlan -> patch"]
        ),
        DriftCase(
            testDescription: "protocols of br0 keep what somebody chose and get ours; the chain's are ours whole",
            edit: {
                $0.set("Bridge", "br0", "protocols=OpenFlow13")
                $0.set("Bridge", "br7", "protocols=OpenFlow10,OpenFlow14")
                $0.set("Bridge", "br.nf", "protocols=OpenFlow13")
            },
            changes: [
                "- Bridge br.nf: protocols OpenFlow13",
                "~ Bridge br0: protocols OpenFlow13 -> [OpenFlow10, OpenFlow13, OpenFlow14]",
            ]
        ),
        DriftCase(
            testDescription: "fail_mode and a tag",
            edit: {
                $0.set("Bridge", "br.microseg", "fail_mode=standalone")
                $0.set("Port", "br7.nf.s", "tag=27")
                $0.set("Port", "br0.nf.s", "tag=")
            },
            changes: [
                "~ Bridge br.microseg: fail_mode standalone -> secure", "+ Port br0.nf.s: tag 1001",
                "~ Port br7.nf.s: tag 27 -> 1008",
            ]
        ),
        DriftCase(
            testDescription: "a controller on a chain bridge and on br0, by its target",
            edit: {
                $0.addController("br.nf", "tcp:192.0.2.1:6653")
                $0.addController("br0", "ptcp:6634")
            },
            changes: [
                "- Bridge br.nf: controller tcp:192.0.2.1:6653", "- Bridge br0: controller ptcp:6634",
            ]
        ),
        DriftCase(
            testDescription: "bond columns of a bond that we made, stated or not",
            edit: {
                $0.set("Port", "br0-up", "bond_mode=balance-slb")
                $0.set("Port", "br0-up", "other_config:bond-primary=eth1")
                $0.set("Port", "br0-up", "other_config:lacp-time=slow")
                $0.set("Port", "br0-up", "other_config:not-ours=1")
                $0.set("Port", "br0", "tag=9")
                $0.set("Port", "br0", "vlan_mode=trunk")
            },
            changes: [
                "~ Port br0: tag 9 -> 0", "- Port br0: vlan_mode trunk",
                "~ Port br0-up: bond_mode balance-slb -> active-backup",
                "- Port br0-up: other_config:bond-primary eth1", "~ Port br0-up: other_config:lacp-time slow -> fast",
            ]
        ),
        DriftCase(
            testDescription: "our mark on a row, and a foreign key beside it that stays",
            edit: {
                $0.set("Bridge", "br.mx", "external_ids:ovs-agent-role=demultiplexer")
                $0.set("Bridge", "br.mx", "external_ids:theirs=1")
            },
            changes: ["~ Bridge br.mx: external_ids:ovs-agent-role demultiplexer -> multiplexer"]
        ),
        DriftCase(
            testDescription: "foreign edits of what is not ours are not looked at",
            edit: {
                $0.set("Bridge", "br0", "other_config:mac-aging-time=60")
                $0.set("Bridge", "br0", "stp_enable=true")
                $0.set("Interface", "eth0", "other_config:x=y")
                $0.set("Bridge", "br0.local", "external_ids:theirs=1")
                $0.addPorts("br0", "port vnet8 tag=3")
                $0.addPorts("br0.local", "port vnet9 external_ids:ovs-agent-role=lane")
            },
            changes: []
        ),
        DriftCase(
            testDescription: "an unknown port on each chain bridge goes",
            edit: {
                for bridge in ChainBridge.allCases { $0.addPorts(bridge.name, "port x-\(bridge.name)") }
                $0.addPorts("br.mx", "port br9.mx.s external_ids:ovs-agent-role=lane")
            },
            changes: [
                "- Bridge br.mx: ports br9.mx.s", "- Bridge br.mx: ports x-br.mx",
                "- Bridge br.microseg: ports x-br.microseg", "- Bridge br.nf: ports x-br.nf",
                "- Bridge br.dmx: ports x-br.dmx",
            ]
        ),
        DriftCase(
            testDescription: "a deleted patch port, local bridge and bond come back",
            edit: {
                $0.remove("Port", "br0.mx.n")
                $0.remove("Bridge", "br0.local")
                $0.remove("Port", "br7-up")
            },
            changes: [
                "+ Bridge br.mx: ports br0.mx.n", "+ Bridge br0.local: bridges br0.local", "+ Bridge br7: ports br7-up",
            ]
        ),
        DriftCase(
            testDescription: "members of the bond",
            edit: {
                $0.remove("Interface", "eth1")
                $0.addInterfaces("br0-up", "interface eth9")
            },
            changes: ["~ Port br0-up: interfaces eth0, eth9 -> eth0, eth1"]
        ),
        DriftCase(
            testDescription: "a lane port on another bridge is taken back, with its row",
            edit: { $0.movePort("br0.nf.s", to: "br0") },
            changes: ["- Bridge br0: ports br0.nf.s", "+ Bridge br.nf: ports br0.nf.s"]
        ),
        DriftCase(
            testDescription: "a lane port that a foreign bridge refers to as well is taken from there",
            edit: { $0.addPorts("br0", "port &br0.nf.s") },
            changes: ["- Bridge br0: ports br0.nf.s"]
        ),
        DriftCase(
            testDescription: "a lane's interface in a foreign port: the port goes with its only interface",
            edit: {
                $0.remove("Port", "br7.dmx")
                $0.addPorts("br0", "port thief\n interface br7.dmx")
            },
            changes: ["+ Bridge br7: ports br7.dmx", "- Bridge br0: ports thief"]
        ),
        DriftCase(
            testDescription: "a lane's interface in a foreign bond: the bond loses it only",
            edit: {
                $0.remove("Port", "br7.dmx")
                $0.addPorts("br0", "port thief\n interface br7.dmx\n interface eth9")
            },
            changes: ["+ Bridge br7: ports br7.dmx", "~ Port thief: interfaces br7.dmx, eth9 -> eth9"]
        ),
        DriftCase(
            testDescription: "a chain bridge's name as a port elsewhere, while the bridge is gone",
            edit: {
                $0.remove("Bridge", "br.mx")
                $0.addPorts("br0", "port br.mx fake_bridge=true")
            },
            changes: ["- Bridge br0: ports br.mx", "+ Bridge br.mx: bridges br.mx"]
        ),
        DriftCase(
            testDescription: "a local bridge turned into a fake bridge of br0",
            edit: {
                $0.remove("Bridge", "br0.local")
                $0.addPorts("br0", "port br0.local fake_bridge=true tag=4\n interface br0.local type=internal")
            },
            changes: ["- Bridge br0: ports br0.local", "+ Bridge br0.local: bridges br0.local"]
        ),
        DriftCase(
            testDescription: "a bridge of a lane port's name",
            edit: {
                $0.remove("Port", "br0.dmx")
                $0.addBridge("bridge br0.dmx\n port br0.dmx")
            },
            changes: ["- Bridge br0.dmx: bridges br0.dmx", "+ Bridge br0: ports br0.dmx"]
        ),
        DriftCase(
            testDescription: "an unknown chain port that holds a lane's interface",
            edit: {
                $0.remove("Port", "br7.mx.s")
                $0.addPorts("br.mx", "port thief\n interface br7.mx.s\n interface eth9")
            },
            changes: ["+ Bridge br.mx: ports br7.mx.s", "- Bridge br.mx: ports thief"]
        ),
        DriftCase(
            testDescription: "a second interface in a lane port",
            edit: { $0.addInterfaces("br0.mx.s", "interface eth9") },
            changes: ["~ Port br0.mx.s: interfaces br0.mx.s, eth9 -> br0.mx.s"]
        ),
        DriftCase(
            testDescription: "a NIC put on the chain comes back into its bond",
            edit: {
                $0.remove("Interface", "eth1")
                $0.addPorts("br.nf", "port eth1")
            },
            changes: ["- Bridge br.nf: ports eth1", "~ Port br0-up: interfaces eth0 -> eth0, eth1"]
        ),
        DriftCase(
            testDescription: "a NIC taken out of its bond onto br0 comes back into it",
            edit: {
                $0.remove("Interface", "eth1")
                $0.addPorts("br0", "port eth1")
            },
            changes: ["~ Port br0-up: interfaces eth0 -> eth0, eth1", "- Bridge br0: ports eth1"]
        ),
        DriftCase(
            testDescription: "the wrong port is on the right bridge's place: two lane ports swapped",
            edit: {
                $0.movePort("br0.mx.s", to: "br.nf")
                $0.movePort("br0.nf.s", to: "br.mx")
            },
            changes: [
                "- Bridge br.nf: ports br0.mx.s", "+ Bridge br.mx: ports br0.mx.s", "- Bridge br.mx: ports br0.nf.s",
                "+ Bridge br.nf: ports br0.nf.s",
            ]
        ),
    ]

    @Test("is undone in one transaction, listed as it was", arguments: cases)
    func drift(_ test: DriftCase) {
        var database = PlanDatabase()
        database.reconcile(Self.layout)
        let before = database
        test.edit(&database)
        let plan = database.reconcile(Self.layout)
        #expect(plan.changes.map(\.description).sorted() == test.changes.sorted())
        #expect(plan.obstacles == [])
        for bridge in before.names("Bridge") {
            for port in before.children("Bridge", bridge) {
                #expect(database.children("Bridge", bridge).contains(port))
                #expect(database.children("Port", port) == before.children("Port", port))
            }
        }
    }

    /// Every configuration column of every exclusive row, set to something else.
    static let exclusive: [(table: String, name: String, column: String)] = [
        ("Bridge", "br.nf"), ("Bridge", "br0.local"), ("Port", "br.nf"), ("Port", "br0.local"), ("Port", "br0.nf.s"),
        ("Port", "br0.dmx"), ("Interface", "br.nf"), ("Interface", "br0.local"), ("Interface", "br0.nf.s"),
    ].flatMap { table, name in
        ConfigurationColumns.of(table: table)
            .filter { ConfigurationColumns.isOwnedByDefault($0) }
            .map { (table, name, $0.name) }
    }

    @Test("of any configuration column of an exclusive row is undone", arguments: exclusive)
    func everyColumn(_ place: (table: String, name: String, column: String)) {
        var database = PlanDatabase()
        database.reconcile(Self.layout)
        guard let type = PlanSchema.whole.tables[place.table]?[place.column]?.type, type.key.kind != .uuid else {
            return
        }
        let before = database[place.table, place.name, place.column]
        let value = type.isMap ? ":k=v" : ["integer": "=77", "boolean": "=true"][type.key.kind.rawValue] ?? "=foreign"
        database.set(place.table, place.name, place.column + value)
        #expect(database[place.table, place.name, place.column] != before)
        let plan = database.reconcile(Self.layout)
        #expect(plan.changes.count == 1)
        #expect(database[place.table, place.name, place.column] == before)
    }

    @Test("takes no status column for drift")
    func status() {
        var database = PlanDatabase()
        database.reconcile(Self.layout)
        for name in database.names("Interface") {
            database.set("Interface", name, "ofport=5")
            database.set("Interface", name, "error=no such thing")
            database.set("Interface", name, "link_state=down")
        }
        database.set("Port", "br0-up", "bond_active_slave=eth1")
        #expect(database.plan(Self.layout).isEmpty)
    }

    @Test("follows the address of a bridge that got one, and holds it from then on")
    func address() {
        var database = PlanDatabase()
        database.reconcile(Self.layout)
        database.set("Interface", "br0", "mac_in_use=02:00:00:00:00:01")
        // One NIC is not opened yet, and may have the address that br0 will get.
        database.set("Interface", "eth1", "ofport=-1")
        #expect(database.plan(Self.layout).changes == [])
        database.set("Interface", "eth0", "mac_in_use=02:00:00:00:00:03")
        let plan = database.reconcile(Self.layout)
        // Nobody changed anything: it is no drift.
        #expect(plan.changes.map(\.answer) == [.status, .status])
        #expect(
            plan.changes.map(\.description) == [
                "+ Bridge br0: other_config:hwaddr 02:00:00:00:00:01",
                "+ Bridge br0: external_ids:ovs-agent-hwaddr 02:00:00:00:00:01",
            ]
        )
        database.set("Bridge", "br0", "other_config:hwaddr=02:00:00:00:00:02")
        database.set("Interface", "br0", "mac_in_use=02:00:00:00:00:02")
        #expect(database.plan(Self.layout).changes.map(\.answer) == [nil])
        #expect(
            database.reconcile(Self.layout).changes.map(\.description) == [
                "~ Bridge br0: other_config:hwaddr 02:00:00:00:00:02 -> 02:00:00:00:00:01"
            ]
        )
    }
}
