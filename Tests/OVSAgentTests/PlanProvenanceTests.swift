import Testing

@testable import OVSAgent

/// An edit of marks on a host whose agent runs, and what the plan lists for it.
struct MarkCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var database = ""
    var layout = Layout.small
    var edit: @Sendable (inout PlanDatabase) -> Void
    var changes: [String]
    /// `Table name column`, and the value it must have in the end (`nil`: none).
    var then: [(String, String, String, String?)] = []
}

@Suite("A plan after a foreign edit of marks")
struct PlanProvenanceTests {
    static let adopted = """
        bridge br0 datapath_type=netdev
          port br0
            interface br0 type=internal mac_in_use=02:00:00:00:00:07
          port br0-up bond_mode=balance-slb
            interface eth0
            interface eth1
        """

    static let cases: [MarkCase] = [
        MarkCase(
            testDescription: "an adopted br0 that is marked as made is not, and keeps its datapath",
            database: adopted,
            edit: { $0.set("Bridge", "br0", "external_ids:ovs-agent-made=true") },
            changes: ["- Bridge br0: external_ids:ovs-agent-made true"],
            then: [
                ("Bridge", "br0", "datapath_type", "netdev"), ("Bridge", "br.mx", "datapath_type", "netdev"),
                ("Port", "br0-up", "bond_mode", "balance-slb"),
            ]
        ),
        MarkCase(
            testDescription: "an adopted bond and NIC that are marked as made are not, and keep their columns",
            database: adopted,
            edit: {
                $0.set("Port", "br0-up", "external_ids:ovs-agent-made=true")
                $0.set("Interface", "eth1", "external_ids:ovs-agent-made=true")
            },
            changes: [
                "- Interface eth1: external_ids:ovs-agent-made true", "- Port br0-up: external_ids:ovs-agent-made true",
            ],
            then: [("Port", "br0-up", "bond_mode", "balance-slb")]
        ),
        MarkCase(
            testDescription: "a bond that we made and that lost its mark is ours, and its columns with it",
            edit: {
                $0.set("Port", "br0-up", "external_ids=")
                $0.set("Port", "br0-up", "bond_mode=balance-slb")
            },
            changes: [
                "+ Port br0-up: external_ids:ovs-agent-made true", "+ Port br0-up: external_ids:ovs-agent-role uplink",
                "~ Port br0-up: bond_mode balance-slb -> active-backup",
            ]
        ),
        MarkCase(
            testDescription: "a lane port and its interface that lost their marks get them again",
            edit: {
                $0.set("Port", "br0.mx.s", "external_ids=")
                $0.set("Interface", "br0.nf.s", "external_ids:ovs-agent-made=false")
            },
            changes: [
                "+ Port br0.mx.s: external_ids:ovs-agent-made true",
                "+ Port br0.mx.s: external_ids:ovs-agent-role lane",
                "~ Interface br0.nf.s: external_ids:ovs-agent-made false -> true",
            ]
        ),
        MarkCase(
            testDescription: "a br0 that we made and that lost its role is no adopted one whose datapath we follow",
            edit: {
                $0.set("Bridge", "br0", "external_ids:ovs-agent-role=x")
                $0.set("Bridge", "br0", "datapath_type=netdev")
            },
            changes: [
                "~ Bridge br0: datapath_type netdev -> (none)",
                "~ Bridge br0: external_ids:ovs-agent-role x -> uplink-bridge",
            ],
            then: [("Bridge", "br.mx", "datapath_type", "")]
        ),
        MarkCase(
            testDescription: "the address noted on br0 is put back, and br0 keeps the one it has",
            database: adopted,
            edit: { $0.set("Bridge", "br0", "external_ids:ovs-agent-hwaddr=02:00:00:00:00:99") },
            changes: ["~ Bridge br0: external_ids:ovs-agent-hwaddr 02:00:00:00:00:99 -> 02:00:00:00:00:07"],
            then: [("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:07")]
        ),
        MarkCase(
            testDescription: "the address is put back with its note when both are changed, and is still ours to unpin",
            database: adopted,
            edit: {
                $0.set("Bridge", "br0", "external_ids=")
                $0.set("Bridge", "br0", "other_config:hwaddr=02:00:00:00:00:99")
            },
            changes: [
                "+ Bridge br0: external_ids:ovs-agent-hwaddr 02:00:00:00:00:07",
                "+ Bridge br0: external_ids:ovs-agent-role uplink-bridge",
                "+ Bridge br0: external_ids:ovs-agent-uplink br0-up",
                "~ Bridge br0: other_config:hwaddr 02:00:00:00:00:99 -> 02:00:00:00:00:07",
            ],
            then: [("Bridge", "br0", "external_ids:ovs-agent-hwaddr-found", nil)]
        ),
        MarkCase(
            testDescription: "a br0 made anew by others is what its marks say: adopted, with what it has",
            edit: {
                $0.remove("Bridge", "br0")
                $0.addBridge("bridge br0 datapath_type=netdev\n port br0\n port eth0\n port eth1")
            },
            changes: [
                "+ Bridge br0: external_ids:ovs-agent-role uplink-bridge", "+ Bridge br0: fail_mode standalone",
                "+ Bridge br0: ports br0-up", "+ Bridge br0: ports br0.dmx", "- Bridge br0: ports eth0",
                "- Bridge br0: ports eth1", "+ Bridge br0: external_ids:ovs-agent-uplink br0-up",
                "+ Port br0: external_ids:ovs-agent-role host-port",
                "+ Interface br0: external_ids:ovs-agent-role host-port", "~ Interface br0: type (none) -> internal",
                "~ Bridge br.mx: datapath_type (none) -> netdev",
                "~ Bridge br.microseg: datapath_type (none) -> netdev",
                "~ Bridge br.nf: datapath_type (none) -> netdev", "~ Bridge br.dmx: datapath_type (none) -> netdev",
                "~ Bridge br0.local: datapath_type (none) -> netdev",
            ],
            then: [("Bridge", "br0", "datapath_type", "netdev")]
        ),
    ]

    @Test("believes what the agent has seen, and puts the marks back", arguments: cases)
    func marks(_ test: MarkCase) throws {
        var database = PlanDatabase(test.database)
        var provenance = Provenance()
        database.reconcile(test.layout)
        #expect(database.plan(test.layout, provenance: &provenance).isEmpty)
        test.edit(&database)
        let plan = database.plan(test.layout, provenance: &provenance)
        #expect(plan.changes.map(\.description).sorted() == test.changes.sorted())
        #expect(plan.obstacles == [])
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(database.plan(test.layout, provenance: &provenance).changes == [])
        #expect(database.plan(test.layout).changes == [])
        for (table, name, column, value) in test.then {
            #expect(database[table, name, column] == value, "\(table) \(name) \(column)")
        }
    }

    @Test("takes a switch away as what it was seen to be, whatever its marks have become")
    func removal() throws {
        let both = Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])])
        let host = Self.adopted.replacing("br0", with: "br7").replacing("eth0", with: "eth7").replacing(
            "eth1",
            with: "eth71"
        )
        var database = PlanDatabase(host)
        var provenance = Provenance()
        database.reconcile(both)
        #expect(database.plan(both, provenance: &provenance).isEmpty)
        for (table, name) in [("Bridge", "br7"), ("Port", "br7-up"), ("Interface", "eth7")] {
            database.set(table, name, "external_ids:ovs-agent-made=true")
        }
        let plan = database.plan(.small, removal: .allowed, provenance: &provenance)
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(database.children("Bridge", "br7") == ["br7", "br7-up"])
        #expect(database["Bridge", "br7", "external_ids"] == nil)
        #expect(database.plan(.small, provenance: &provenance).isEmpty)
    }
}
