import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// How what was found comes to be, from another bond, another mode or an operator's word, and what a br0 is pinned to.
@Suite("A plan by which something comes to be as found")
struct PlanFoundRoadTests {
    @Test(
        "a stated host VLAN is one whatever else says VLANs there",
        arguments: [
            ("", "vlan_mode=trunk trunks=10,20", nil), ("tag=5", "vlan_mode=dot1q-tunnel cvlans=3", nil),
            ("vlan_mode=trunk", "trunks=9", nil), ("trunks=10", "tag= vlan_mode=native-tagged", nil),
            ("vlan_mode=access tag=3", "vlan_mode=trunk", "access"),
            ("vlan_mode=native-untagged tag=3 trunks=3,4", "vlan_mode=trunk tag= trunks=", "native-untagged"),
        ] as [(String, String, String?)]
    )
    func hostVLAN(found: String, edit: String, mode: String?) throws {
        var agent = PlanningAgent(
            database: PlanDatabase("bridge br0\n port br0 \(found)\n port br0-up\n  interface eth0\n  interface eth1")
        )
        agent.layout.virtualSwitches[0].hostVlan = 27
        let trunks = agent.database["Port", "br0", "trunks"]
        try agent.settle()
        for _ in 0..<2 {
            #expect(agent.database["Port", "br0", "tag"] == "27")
            #expect(agent.database["Port", "br0", "vlan_mode"] == mode)
            #expect(agent.database["Port", "br0", "trunks"] == trunks)
            #expect(agent.database["Port", "br0", "cvlans"] == nil)
            for assignment in edit.split(separator: " ") { agent.database.set("Port", "br0", String(assignment)) }
            try agent.settle()
        }
    }

    @Test(
        "a stated host VLAN is the host's whatever mode was found, an edit is undone, and all comes back in the end",
        arguments: ["native-untagged", "native-tagged", "dot1q-tunnel"],
        [0, 100]
    )
    func hostVLAN(mode: String, stated: Int) throws {
        let settings = "vlan_mode=\(mode) tag=5 trunks=5,6 cvlans=7"
        let columns = ["vlan_mode", "tag", "trunks", "cvlans"]
        let found = [mode, "5", "[5, 6]", "7"]
        // A tunnel would take the host's own tags for part of the frame; of VLAN 0 a native port has what its list says.
        let wanted = [mode == "dot1q-tunnel" ? nil : mode, "\(stated)", stated == 0 ? "[0, 5, 6]" : "[5, 6]", "7"]
        var agent = PlanningAgent(
            database: PlanDatabase(
                "bridge br0\n port br0 \(settings)\n port br0-up\n  interface eth0\n  interface eth1"
            )
        )
        func standing() -> [String?] { columns.map { agent.database["Port", "br0", $0] } }
        agent.layout.virtualSwitches[0].hostVlan = stated
        try agent.settle()
        #expect(standing() == wanted)
        try agent.restart()
        for edit in [
            settings, "vlan_mode=access", "vlan_mode=trunk tag=", "tag=9 trunks=", "trunks=9 cvlans=8,9",
            "vlan_mode= cvlans=",
        ] {
            for assignment in edit.split(separator: " ") { agent.database.set("Port", "br0", String(assignment)) }
            try agent.settle()
            #expect(standing() == wanted, "\(edit)")
        }
        agent.layout.virtualSwitches[0].hostVlan = nil
        try agent.settle()
        #expect(standing() == found)
        agent.layout.virtualSwitches[0].hostVlan = stated
        try agent.settle()
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(standing() == found)
    }

    @Test("a bond of another name that is taken keeps what its partner knows", arguments: [true, false])
    func takenBond(isRestarted: Bool) throws {
        var agent = PlanningAgent(
            database: PlanDatabase(
                """
                bridge br0
                  port br0
                  port bond0 lacp=active bond_mode=balance-tcp trunks=27,100 bond_updelay=200 other_config:lacp-system-priority=9
                    interface eth0
                    interface eth1
                """
            )
        )
        agent.layout = Layout(virtualSwitches: [.on(0) { $0.adopt = true }])
        let plan = try agent.settle()
        #expect(plan.notes == [])
        func check() {
            let bond = ["lacp", "bond_mode", "trunks", "bond_updelay", "other_config:lacp-system-priority"]
            #expect(
                bond.map { agent.database["Port", "br0-up", $0] } == ["active", "balance-tcp", "[27, 100]", "200", "9"]
            )
            #expect(agent.database["Port", "br0-up", "other_config:lacp-time"] == nil)
            #expect(agent.database.children("Port", "br0-up") == ["eth0", "eth1"])
            #expect(agent.database.uuid("Port", "bond0") == nil)
        }
        check()
        if isRestarted { try agent.restart() }
        agent.database.remove("Port", "br0-up")
        try agent.settle()
        check()
    }

    @Test(
        "what the uplink inherits from a NIC's own port comes back with it",
        arguments: ["tag=5", "trunks=3,4 vlan_mode=trunk", "tag=3 vlan_mode=native-tagged trunks=3", "lacp=active", ""]
    )
    func ownPort(settings: String) throws {
        var agent = PlanningAgent(database: PlanDatabase("bridge br0\n port br0\n port eth0 \(settings)"))
        agent.layout = Layout(virtualSwitches: [.on(0, ["eth0"])])
        let columns = ["tag", "trunks", "vlan_mode", "cvlans", "other_config:qinq-ethtype"]
        func standing(_ port: String) -> [String?] { columns.map { agent.database["Port", port, $0] } }
        let (found, lacp) = (standing("eth0"), agent.database["Port", "eth0", "lacp"] ?? "off")
        try agent.settle()
        #expect(standing("br0-up") == found)
        try agent.restart()
        for edit in [
            { $0.remove("Port", "br0-up") }, { $0.remove("Bridge", "br0") },
            { database in for column in ["tag", "vlan_mode"] { database.set("Port", "br0-up", "\(column)=") } },
            { $0.set("Port", "br0-up", "trunks=77") },
        ] as [(inout PlanDatabase) -> Void] {
            edit(&agent.database)
            try agent.settle()
            #expect(standing("br0-up") == found)
            #expect(agent.database["Port", "br0-up", "lacp"] == lacp)
        }
    }

    @Test("an address and a datapath that an operator adopts are br0's from then on, and stay when it is released")
    func adoptedBridge() throws {
        var agent = PlanningAgent(
            database: PlanDatabase("bridge br0\n port br0\n  interface br0 type=internal mac_in_use=02:00:00:00:00:01")
        )
        try agent.settle()
        agent.database.set("Bridge", "br0", "other_config:hwaddr=02:00:00:00:00:02")
        agent.database.set("Bridge", "br0", "datapath_type=netdev")
        var planner = RowPlanner(layout: agent.layout, schema: PlanSchema.followed)
        var provenance = agent.provenance
        let plan = planner.plan(agent.database.replica, provenance: &provenance)
        #expect(plan.changes.map(\.column).contains("datapath_type"))
        let adoption = try Adoption(
            of: "Bridge br0",
            desired: try #require(planner.desired),
            replica: agent.database.replica,
            provenance: agent.provenance
        )
        for (object, row) in adoption.rows { agent.provenance.adopt(row, for: object) }
        try agent.restart()
        for _ in 0..<2 {
            try agent.settle()
            #expect(agent.database["Bridge", "br0", "other_config:hwaddr"] == "02:00:00:00:00:02")
            #expect(agent.database["Bridge", "br0", "datapath_type"] == "netdev")
            #expect(agent.database["Bridge", "br.mx", "datapath_type"] == "netdev")
            agent.database.remove("Bridge", "br0")
        }
        try agent.settle()
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(agent.database["Bridge", "br0", "other_config:hwaddr"] == "02:00:00:00:00:02")
    }

    @Test("a NIC that leaves its bond comes back with what it was found with", arguments: [false, true])
    func leavingNIC(isRestarted: Bool) throws {
        let columns = ["mtu_request", "bfd:enable", "other_config:lacp-port-id"]
        let found = ["9000", "true", "7"]
        var agent = PlanningAgent(
            database: PlanDatabase(
                """
                bridge br0
                  port br0
                  port br0-up lacp=active
                    interface eth0
                    interface eth1 mtu_request=9000 bfd:enable=true other_config:lacp-port-id=7
                """
            )
        )
        try agent.settle()
        agent.layout = Layout(virtualSwitches: [.on(0, ["eth0"])])
        try agent.settle()
        #expect(agent.database.uuid("Interface", "eth1") == nil)
        if isRestarted { try agent.restart() }
        try agent.settle()
        agent.layout = .small
        try agent.settle()
        #expect(columns.map { agent.database["Interface", "eth1", $0] } == found)
        // One that somebody uses for something else is his.
        agent.layout = Layout(virtualSwitches: [.on(0, ["eth0"])])
        try agent.settle()
        agent.database.addBridge("bridge lab\n port eth1\n  interface eth1 mtu_request=1400")
        try agent.settle()
        agent.database.remove("Bridge", "lab")
        agent.layout = .small
        try agent.settle()
        #expect(columns.map { agent.database["Interface", "eth1", $0] } == [nil, nil, nil])
    }

    @Test("what a NIC's own port had and its bond has not is said")
    func lostVLANs() throws {
        var agent = PlanningAgent(
            database: PlanDatabase(
                "bridge br0\n port br0\n port br0-up trunks=3\n  interface eth1\n port eth0 tag=9 trunks=4"
            )
        )
        let plan = try agent.settle()
        #expect(plan.notes.count == 1)
        #expect(plan.notes.first?.contains("Port eth0") == true)
        #expect(plan.notes.first?.contains("tag 9, trunks 4") == true)
    }

    @Test(
        "what an operator adopts is as found from then on; what the layout states is not",
        arguments: [
            "Port br0-up", "br0-up", nil,
        ]
    )
    func adoption(selection: String?) throws {
        var agent = PlanningAgent(
            database: PlanDatabase(
                "bridge br0\n port br0 tag=5\n port br0-up lacp=active bond_updelay=3\n  interface eth0\n  interface eth1"
            )
        )
        agent.layout.virtualSwitches[0].uplink?.upDelay = 9
        try agent.settle()
        agent.database.set("Port", "br0-up", "lacp=passive")
        agent.database.set("Port", "br0-up", "bond_updelay=4")
        agent.database.set("Port", "br0-up", "other_config:lacp-time=fast")
        agent.database.set("Port", "br0", "tag=6")
        var planner = RowPlanner(layout: agent.layout, schema: PlanSchema.followed)
        var provenance = agent.provenance
        _ = planner.plan(agent.database.replica, provenance: &provenance)
        let adoption = try Adoption(
            of: selection,
            desired: try #require(planner.desired),
            replica: agent.database.replica,
            provenance: agent.provenance
        )
        let bond = ["~ Port br0-up: lacp active -> passive", "+ Port br0-up: other_config:lacp-time fast"]
        #expect(
            adoption.changes.map(\.description).sorted()
                == (bond + (selection == nil ? ["~ Port br0: tag 5 -> 6"] : [])).sorted()
        )
        for (object, row) in adoption.rows { agent.provenance.adopt(row, for: object) }
        try agent.restart()
        try agent.settle()
        #expect(agent.database["Port", "br0-up", "lacp"] == "passive")
        #expect(agent.database["Port", "br0-up", "other_config:lacp-time"] == "fast")
        #expect(agent.database["Port", "br0-up", "bond_updelay"] == "9")
        #expect(agent.database["Port", "br0", "tag"] == (selection == nil ? "6" : "5"))
        agent.layout.virtualSwitches[0].uplink?.upDelay = nil
        try agent.settle()
        #expect(agent.database["Port", "br0-up", "bond_updelay"] == "3")
    }

    @Test(
        "a br0 of the agent's own gets the address that ovs-vswitchd gives it in the end, and keeps it",
        arguments: [
            (["eth0": "00:16:3e:00:00:09", "eth1": "00:16:3e:00:00:02"], "00:16:3e:00:00:09"),
            (["eth0": "02:00:00:00:00:09", "eth1": "00:16:3e:00:00:02"], "0e:00:00:00:00:01"),
            (["eth0": "00:16:3e:00:00:09", "eth1": "", "vnet1": "00:16:3e:00:00:03"], "00:16:3e:00:00:03"),
            (
                ["eth0": "00:16:3E:00:00:09", "eth1": "00:16:3e:00:00:02", "vnet1": "fe:16:3e:00:00:03"],
                "00:16:3e:00:00:09"
            ),
        ]
    )
    func birthAddress(addresses: [String: String], wanted: String) throws {
        var agent = PlanningAgent(database: PlanDatabase())
        try agent.settle()
        agent.database.addPorts("br0", "port vnet1")
        for name in ["br0", "eth1", "eth0"] {
            agent.database.set("Interface", name, "mac_in_use=\(addresses[name] ?? "0e:00:00:00:00:01")")
            if addresses[name] == "" { agent.database.set("Interface", name, "error=no such device") }
            if let other = addresses["vnet1"] { agent.database.set("Interface", "vnet1", "mac_in_use=\(other)") }
            if name != "eth0" { #expect(agent.database.plan(agent.layout, provenance: &agent.provenance).isEmpty) }
        }
        try agent.settle()
        #expect(agent.database["Bridge", "br0", "other_config:hwaddr"] == wanted)
        try agent.restart()
        // In the transaction that makes it again.
        for edit in [
            { $0.remove("Bridge", "br0") },
            { database in database.names("Bridge").forEach { database.remove("Bridge", $0) } },
        ] as [(inout PlanDatabase) -> Void] {
            edit(&agent.database)
            let plan = agent.database.plan(agent.layout, provenance: &agent.provenance)
            try agent.database.commit(plan.operations(lock: nil, comment: ""))
            #expect(agent.database["Bridge", "br0", "other_config:hwaddr"] == wanted)
            try agent.settle()
        }
        // It is the agent's own pin, and goes with it.
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(agent.database["Bridge", "br0", "other_config:hwaddr"] == nil)
    }

    @Test(
        "a layout that does not say the datapath any more leaves the one that its bridges have",
        arguments: [true, false]
    )
    func unsaid(isRestarted: Bool) {
        var layout = Layout.small
        layout.datapath = .netdev
        var database = PlanDatabase()
        var provenance = Provenance()
        database.reconcile(layout)
        if !isRestarted { _ = database.plan(layout, provenance: &provenance) }
        #expect(database.plan(.small, provenance: provenance).changes.map(\.description) == [])
        // What is made anew is as the rest.
        database.remove("Bridge", "br.nf")
        database.reconcile(.small)
        #expect(database.replica["Bridge"][name: "br.nf"]?["datapath_type"].string == "netdev")
    }
}
