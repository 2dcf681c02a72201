import OVSDB
import Testing

@testable import OVSAgent

@Suite("Names and columns of the chain")
struct PlanNamesTests {
    @Test("a lane's ports are those of the data plane, in pairs", arguments: [0, 7, 999])
    func lane(_ number: Int) throws {
        let lane = try #require(Lane(number))
        let ports = LanePort.all(of: lane)
        let b = "br\(number)"
        let expected: [(name: String, bridge: String, peer: String, port: Int64, tag: Int64?)] = [
            ("\(b).local.n", "\(b).local", "\(b).mx.s", 50_000, nil),
            ("\(b).mx.s", "br.mx", "\(b).local.n", 40_000, 1001),
            ("\(b).mx.n", "br.mx", "\(b).ms.s", 50_000, 2001),
            ("\(b).ms.s", "br.microseg", "\(b).mx.n", 40_000, 1001),
            ("\(b).ms.n", "br.microseg", "\(b).nf.s", 50_000, 2001),
            ("\(b).nf.s", "br.nf", "\(b).ms.n", 40_000, 1001),
            ("\(b).nf.n", "br.nf", "\(b).dmx.s", 50_000, 2001),
            ("\(b).dmx.s", "br.dmx", "\(b).nf.n", 40_000, 1001),
            ("\(b).dmx.n", "br.dmx", "\(b).dmx", 50_000, 2001),
            ("\(b).dmx", b, "\(b).dmx.n", 40_000, nil),
        ]
        #expect(ports.map(\.name) == expected.map(\.name))
        for (port, wanted) in zip(ports, expected) {
            #expect(port.bridge == wanted.bridge)
            #expect(port.peer.name == wanted.peer)
            #expect(port.peer.peer == port)
            #expect(port.portRequest == wanted.port + Int64(number))
            #expect(port.accessTag == wanted.tag.map { $0 + Int64(number) })
            #expect(port.trunks == (port.place == .local ? [4095] : nil))
            #expect(LanePort(name: port.name) == port)
            #expect(DerivedName(port.name) == .lanePort(port))
        }
        #expect(lane.localBridge.utf8.count <= 15, "a bridge is a network device")
    }

    @Test("tags of a bridge's lane ports are unique over all lanes, and VLANs")
    func tags() {
        let ports = (0...999).compactMap { Lane($0) }.flatMap { LanePort.all(of: $0) }
        for (bridge, ports) in Dictionary(grouping: ports, by: \.bridge) {
            let tags = ports.compactMap(\.accessTag)
            #expect(Set(tags).count == tags.count, "\(bridge)")
            #expect(tags.allSatisfy { (1...4094).contains($0) })
        }
    }

    @Test(
        "other names stand for nothing",
        arguments: [
            "br", "br1000", "br07", "br0.", "br0.mx", "br0.mx.x", "br0.local.s", "br.ms", "br.mx.s", "br-1", "", ".",
        ]
    )
    func foreign(_ name: String) { #expect(DerivedName(name) == nil) }

    @Test("a newer server's columns are named and not enforced")
    func unknown() throws {
        let unknown = ConfigurationColumns.unknown(in: PlanSchema.whole)
        #expect(unknown.map(\.table) == ["Bridge"])
        #expect(unknown.flatMap(\.columns) == ["new_feature"])
        // A server tells its columns in any order.
        let type = try #require(PlanSchema.whole.tables["Bridge"]?.columns.first { $0.name == "name" }?.type)
        let columns = ["zone", "alpha", "new_feature", "name"].map { ColumnSchema($0, type) }
        let bridge = TableSchema(name: "Bridge", columns: columns)
        let newer = DatabaseSchema(name: "Open_vSwitch", version: "99.0.0", tables: ["Bridge": bridge])
        #expect(ConfigurationColumns.unknown(in: newer).flatMap(\.columns) == ["alpha", "new_feature", "zone"])
        var database = PlanDatabase()
        database.reconcile(.small)
        database.set("Bridge", "br.mx", "new_feature=5")
        #expect(database.plan(.small).isEmpty)
    }

    @Test("columns that an older server lacks are left out")
    func older() throws {
        let absent: Set = ["cvlans", "ingress_policing_kpkts_rate", "protected", "auto_attach"]
        let older = PlanSchema.followed.selecting(
            ReplicaColumns.followed.map { FollowedTable($0.name, columns: $0.columns.filter { !absent.contains($0) }) }
        )
        var planner = RowPlanner(layout: .small, schema: older)
        var provenance = Provenance()
        let plan = planner.plan(Replica(schema: older), provenance: &provenance)
        #expect(plan.inserts.count > 30)
        #expect(plan.inserts.allSatisfy { absent.isDisjoint(with: $0.values.keys) })
    }

    @Test("statistics and status are not followed; what is shown is")
    func followed() throws {
        for table in ReplicaColumns.followed {
            #expect(Set(table.columns).isDisjoint(with: ["statistics", "status"]))
            #expect(Set(table.columns).count == table.columns.count)
        }
        let interface = try #require(ReplicaColumns.followed.first { $0.name == "Interface" })
        #expect(interface.columns.contains("mac_in_use"))
    }
}
