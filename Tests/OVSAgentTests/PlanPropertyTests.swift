import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// Whatever stands in a database: the plan commits, a second one is empty, and nothing foreign is touched.
@Suite("A plan for any database")
struct PlanPropertyTests {
    static let layout = Layout(
        virtualSwitches: [.on(0), .on(7, ["eth7"])],
        networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 27)]
    )

    /// A fixed set, and one run's own; an issue names the seed.
    static let seeds: [UInt64] =
        Array(1...60) + [
            8_676_618_503_546_625_476, 9_836_477_114_798_255_423, 3_156_439_165_644_992_995, 18_021_258_435_110_223_582,
            2_844_518_996_648_069_238, 15_137_962_487_520_132_788,
        ]
        + (0..<20).map { _ in UInt64.random(in: 1000 ... .max) }

    @Test("commits, settles and keeps its hands off what is foreign", arguments: seeds)
    func property(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        var layout = Self.layout
        if random.chance(3) { layout.virtualSwitches[0].uplink?.adopt = true }
        if random.chance(3) { layout.virtualSwitches[1].uplink?.name = "bond0" }
        let removal = random.chance(2) ? Removal.allowed : .refused
        var database = Self.database(&random)
        if random.chance(2) {
            try Self.settle(&database, Self.layout, .refused, seed)
            for _ in 0..<Int.random(in: 1...6, using: &random) { Self.disturb(&database, &random) }
        }
        let before = database
        let plan = database.plan(layout, removal: removal)
        try Self.checkReach(of: plan, in: before, layout, seed)
        try Self.settle(&database, layout, removal, seed)
        for (key, row) in before.rows where Self.isForeign(key, in: before, layout) {
            let (row, after) = (row.filter { $0.value.uuids.isEmpty }, database.rows[key] ?? [:])
            let isPlugged = Self.isPlugged(key, in: before)
            for (column, value) in row where !(isPlugged && column == "tag") {
                let isSame = Self.withoutNotes(after[column], isPlugged) == Self.withoutNotes(value, isPlugged)
                #expect(isSame, "seed \(seed): \(row["name"] ?? "") \(column)")
            }
        }
    }

    @Test("commits part by part, too, in any order, and without any part the rest", arguments: seeds)
    func parts(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        var database = Self.database(&random)
        if random.chance(2) {
            try Self.settle(&database, Self.layout, .refused, seed)
            for _ in 0..<Int.random(in: 1...6, using: &random) { Self.disturb(&database, &random) }
        }
        let plan = database.plan(Self.layout)
        let parts = plan.parts
        // Nothing is lost, and nothing is in two of them.
        #expect(parts.flatMap(\.plan.changes).count == plan.changes.count, "seed \(seed)")
        #expect(Set(parts.flatMap(\.plan.changes)) == Set(plan.changes), "seed \(seed)")
        #expect(parts.flatMap(\.plan.inserts).count == plan.inserts.count, "seed \(seed)")
        for (index, part) in parts.enumerated() {
            let others = parts.enumerated().filter { $0.offset != index }.flatMap(\.element.objects)
            #expect(part.objects.isDisjoint(with: others), "seed \(seed)")
        }

        var whole = database
        try whole.commit(plan.operations(lock: nil, comment: ""))
        var pieces = database
        for part in parts.shuffled(using: &random) {
            try pieces.commit(part.plan.operations(lock: nil, comment: ""))
        }
        #expect(pieces.plan(Self.layout).changes == whole.plan(Self.layout).changes, "seed \(seed)")

        guard let held = parts.randomElement(using: &random) else { return }
        var rest = database
        try rest.commit(plan.without(held.objects).operations(lock: nil, comment: ""))
        let left = rest.plan(Self.layout).changes
        // What the rest freed may be wanted in addition now.
        let isLeft = held.plan.changes.allSatisfy { change in
            left.contains { ($0.object, $0.column) == (change.object, change.column) }
        }
        #expect(isLeft, "seed \(seed)")
    }

    @Test("over what notifications touched is what a plan over everything is", arguments: seeds)
    func scope(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        var layout = Self.layout
        if random.chance(3) { layout.virtualSwitches[0].uplink?.adopt = true }
        var database = Self.database(&random)
        var replica = database.replica
        var planner = RowPlanner(layout: layout, schema: PlanSchema.followed)
        var provenance = Provenance()
        func tell(_ next: PlanDatabase) throws {
            let changes = try replica.apply(next.difference(from: database))
            planner.noticed(changes, in: replica)
            planner.noticed(VMPortChanges(changes, in: replica).ports)
            database = next
        }
        for _ in 0..<8 {
            for _ in 0..<4 {
                var (fresh, seen) = (RowPlanner(layout: layout, schema: PlanSchema.followed), provenance)
                let whole = fresh.plan(replica, provenance: &seen)
                let plan = planner.plan(replica, provenance: &provenance)
                #expect(plan.changes == whole.changes, "seed \(seed)")
                #expect(plan.obstacles == whole.obstacles, "seed \(seed)")
                #expect(plan.isEmpty == whole.isEmpty, "seed \(seed)")
                if plan.isEmpty { break }
                var next = database
                try next.commit(plan.operations(lock: nil, comment: "seed \(seed)"))
                try tell(next)
            }
            var next = database
            for _ in 0..<Int.random(in: 1...3, using: &random) { Self.disturb(&next, &random) }
            try tell(next)
        }
    }

    /// Where one plan frees what another name needs, the next one takes it. Three are nearly always enough, and four for
    /// names that stand in each other's places three deep.
    private static func settle(
        _ database: inout PlanDatabase,
        _ layout: Layout,
        _ removal: Removal,
        _ seed: UInt64
    ) throws {
        for _ in 0..<4 {
            let plan = database.plan(layout, removal: removal)
            #expect(plan.isEmpty == plan.changes.isEmpty, "seed \(seed)")
            if plan.isEmpty { return }
            try database.commit(plan.operations(lock: nil, comment: "seed \(seed)"))
        }
        #expect(database.plan(layout, removal: removal).changes == [], "seed \(seed)")
    }

    /// Every row that an operation names is ours by name, or loses to us something of a name of ours.
    private static func checkReach(
        of plan: Plan,
        in database: PlanDatabase,
        _ layout: Layout,
        _ seed: UInt64
    ) throws {
        for edit in plan.edits where edit.table != OpenVSwitch.table {
            let key = PlanDatabase.Key(table: edit.table.name, uuid: edit.row)
            guard isForeign(key, in: database, layout) else { continue }
            let name = database.rows[key]?["name"]?.string ?? ""
            let isTag =
                isPlugged(key, in: database) && Set(edit.values.keys).isSubset(of: ["tag"])
                && edit.keys.allSatisfy { $0 == "external_ids" && Set($1.keys).isSubset(of: GivenTag.noMarks.keys) }
            #expect(
                (isTag || edit.values.isEmpty && edit.keys.isEmpty) && edit.joining.isEmpty,
                "seed \(seed): \(edit.table.name) \(name)"
            )
            for case .uuid(let uuid) in edit.leaving {
                let child = PlanDatabase.Key(table: edit.table == Bridge.table ? "Port" : "Interface", uuid: uuid)
                let members = database.rows[child]?["interfaces"]?.uuids ?? []
                let isOurs =
                    !isForeign(child, in: database, layout)
                    || members.allSatisfy { !isForeign(.init(table: "Interface", uuid: $0), in: database, layout) }
                #expect(isOurs, "seed \(seed): \(name) loses what is not ours")
            }
        }
    }

    /// Whether a port stands on a brN.local, where its tag may be ours.
    private static func isPlugged(_ key: PlanDatabase.Key, in database: PlanDatabase) -> Bool {
        database.rows.contains { place, row in
            place.table == "Bridge" && Lane(localBridge: row["name"]?.string ?? "") != nil
                && row["ports"]?.contains(.uuid(key.uuid)) == true
        }
    }

    private static func withoutNotes(_ value: Datum?, _ isPlugged: Bool) -> Datum {
        guard let value, value.isMap, isPlugged else { return value ?? .emptyMap }
        return Datum(map: value.entries.filter { !GivenTag.noMarks.keys.map(Atom.string).contains($0.key) })
    }

    private static func isForeign(_ key: PlanDatabase.Key, in database: PlanDatabase, _ layout: Layout) -> Bool {
        guard ["Bridge", "Port", "Interface"].contains(key.table), let row = database.rows[key] else { return false }
        let name = row["name"]?.string ?? ""
        if DerivedName(name) != nil { return false }
        let ours = layout.virtualSwitches.compactMap(\.uplink).flatMap { uplink in
            guard case .list(let nics) = uplink.nics else { return [uplink.name] }
            return nics + [uplink.name]
        }
        if ours.contains(name) || row["external_ids"]?[Mark.role] == Role.uplink.rawValue { return false }
        // A port whose only interface bears a name of ours goes with it.
        let members = (row["interfaces"]?.uuids ?? []).map { PlanDatabase.Key(table: "Interface", uuid: $0) }
        let memberNames = members.compactMap { database.rows[$0]?["name"]?.string }
        if !members.isEmpty, memberNames.allSatisfy({ DerivedName($0) != nil || ours.contains($0) }) { return false }
        // Ports of the shared chain, and what is in them, are removed.
        let places = database.rows.filter { $0.value.values.contains { $0.contains(.uuid(key.uuid)) } }
        return !places.contains { place, row in
            let name = row["name"]?.string ?? ""
            return ChainBridge(name: name) != nil || (place.table == "Port" && !isForeign(place, in: database, layout))
                || (place.table == "Bridge" && LanePort(name: name) != nil)
        }
    }

    // MARK: Databases

    private static let bridgeNames = ["br0", "br7", "br0.local", "br.mx", "br.nf", "ovs1", "ovs2", "br3", "br0.dmx"]
    private static let names =
        bridgeNames + [
            "br0-up", "bond0", "eth0", "eth1", "eth7", "eth9", "vnet0", "vnet1", "vnet2", "br0.mx.s", "br0.nf.n",
            "br7.dmx", "br7.local.n", "br3.mx.s", "br7.local",
        ]
    private static let marks = [
        "external_ids:ovs-agent-role=uplink", "external_ids:ovs-agent-role=lane",
        "external_ids:ovs-agent-role=uplink-bridge", "external_ids:ovs-agent-made=true", "external_ids:theirs=1",
        "external_ids:ovs-agent-uplink=bond0", "external_ids:ovs-agent-hwaddr=02:00:00:00:00:01",
        "other_config:hwaddr=02:00:00:00:00:02", "external_ids:iface-id=x", "external_ids:ovs-agent-network=Production",
        "external_ids:ovs-agent-former-tag=6",
    ]

    private static func database(_ random: inout Seeded) -> PlanDatabase {
        var bridges = bridgeNames.shuffled(using: &random).prefix(Int.random(in: 0...6, using: &random))[...]
        var ports = names.shuffled(using: &random)[...]
        var interfaces = names.shuffled(using: &random)[...]
        var lines: [String] = []
        var written: [String] = []
        while let bridge = bridges.popFirst() {
            lines.append("bridge \(bridge) \(someMarks(&random))")
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                if random.chance(10), let again = written.randomElement(using: &random) {
                    lines.append("port &\(again)")
                    continue
                }
                guard let port = ports.popFirst(), !interfaces.isEmpty else { break }
                lines.append("port \(port) \(random.chance(2) ? "tag=5" : "") \(someMarks(&random))")
                written.append(port)
                let own = interfaces.firstIndex(of: port)
                for index in 0..<Int.random(in: 1...2, using: &random) {
                    guard !interfaces.isEmpty else { break }
                    let usual = index == 0 && own != nil && random.chance(2)
                    let name = usual ? interfaces.remove(at: own ?? interfaces.startIndex) : interfaces.removeFirst()
                    lines.append("interface \(name) \(someMarks(&random))")
                }
            }
        }
        return PlanDatabase(lines.joined(separator: "\n"))
    }

    private static func someMarks(_ random: inout Seeded) -> String {
        marks.filter { _ in random.chance(8) }.joined(separator: " ")
    }

    /// One edit as others might make it.
    private static func disturb(_ database: inout PlanDatabase, _ random: inout Seeded) {
        let table = ["Bridge", "Port", "Interface"].randomElement(using: &random) ?? "Port"
        guard let name = database.names(table).randomElement(using: &random) else { return }
        switch Int.random(in: 0..<8, using: &random) {
        case 6:
            // What may be as found, of any row that there is.
            let found = PlanFoundTests.cases.filter { $0.table == table && !$0.column.contains(":") }
            guard let test = found.randomElement(using: &random) else { return }
            database.set(table, name, "\(test.column)=\(test.values.randomElement(using: &random) ?? "")")
        case 0: database.remove(table, name)
        case 1:
            database.set(
                table,
                name,
                marks.filter { table == "Bridge" || !$0.hasPrefix("other") }.randomElement(using: &random) ?? ""
            )
        case 2:
            guard let port = database.names("Port").randomElement(using: &random),
                let bridge = database.names("Bridge").randomElement(using: &random)
            else { return }
            database.movePort(port, to: bridge)
        case 5:
            // On one more bridge than its own.
            guard let port = database.names("Port").randomElement(using: &random),
                let bridge = database.names("Bridge").randomElement(using: &random),
                !database.children("Bridge", bridge).contains(port)
            else { return }
            database.addPorts(bridge, "port &\(port)")
        case 3: database.set(table, name, "external_ids:ovs-agent-role=")
        case 4:
            let name = "vm\(random.next() % 1_000_000)"
            database.addPorts(
                ["br0.local", "br7.local"].randomElement(using: &random) ?? "",
                "port \(name) tag=5 \(someMarks(&random))\n"
                    + " interface \(name) external_ids:iface-id=x external_ids:ovs-agent-network=Production"
            )
        default:
            guard let bridge = database.names("Bridge").randomElement(using: &random) else { return }
            database.addPorts(bridge, "port x\(random.next() % 1_000_000)")
        }
    }
}
