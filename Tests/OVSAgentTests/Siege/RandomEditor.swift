import JSONRPC
import NIOPosix
import OVSDB
import TestSupport

@testable import OVSAgent

/// A client that changes whatever it finds in a database, row by row, as an operator's scripts, a controller and a
/// mistake would between them.
actor RandomEditor {
    /// What it may do.
    enum Hands: Sendable {
        /// Anything.
        case all
        /// Change columns whose change asks ovs-vswitchd to make nothing anew.
        case columns
    }

    private let client: OVSDBClient
    private let socket: String
    private let hands: Hands
    private var random: Seeded
    private var made = 0
    private let name: String

    init(_ ovs: PrivateSwitch, name: String, seed: UInt64, hands: Hands = .all) async throws {
        self.name = name
        self.hands = hands
        socket = ovs.databaseSocket
        random = Seeded(state: seed)
        client = try OVSDBClient(
            .init(
                remotes: [Remote(ovs.databaseRemote)],
                database: "Open_vSwitch",
                followed: ReplicaColumns.followed
            ),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: .quiet
        )
        await client.start { _ in }
    }

    func stop() async { await client.stop() }

    /// What the database holds, once all that was committed before this call is in it.
    func replica() async -> Replica? {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            // The server may have been restarted a moment ago.
            if (try? await client.transact([.comment("all before this is known now")])) != nil { break }
            await Task.yield()
        }
        return await client.replica
    }

    /// Makes so many edits, each one to three operations in one transaction; what the server refuses is an edit, too.
    func edit(_ count: Int) async {
        for _ in 0..<count {
            guard let replica = await client.replica else {
                // The server is being restarted.
                _ = try? await client.transact([.comment("anybody there?")])
                await Task.yield()
                continue
            }
            var operations: [OVSDB.Operation] = []
            for _ in 0..<Int.random(in: 1...3, using: &random) { operations += edit(of: replica) }
            guard !operations.isEmpty else { continue }
            if random.chance(20) { breakOff() }
            _ = try? await client.transact(operations)
        }
    }

    /// Somebody else begins a transaction and is gone before it is whole.
    private func breakOff() {
        let text =
            #"{"method":"transact","id":1,"params":["Open_vSwitch",{"op":"delete","table":"Bridge","where":[]}]}"#
        PrivateSwitch.write(text.utf8.prefix(Int.random(in: 1..<text.utf8.count, using: &random)), to: socket)
    }

    private func edit(of replica: Replica) -> [OVSDB.Operation] {
        if hands == .columns { return setColumn(replica) }
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<9: return setColumn(replica)
        case 9..<11: return addPort(replica)
        case 11..<14: return unhook("Bridge", "ports", replica)
        case 14: return unhook("Port", "interfaces", replica)
        case 15: return steal(replica)
        case 16: return addReferenced(replica)
        case 17: return dropBridge(replica)
        case 18: return addBridge()
        default: return random.chance(8) ? dropAllBridges(replica) : setColumn(replica)
        }
    }

    // MARK: Edits

    private func pick(_ table: String, _ replica: Replica) -> Row? {
        replica[table].rows.sorted { $0.name < $1.name }.randomElement(using: &random)
    }

    private func setColumn(_ replica: Replica) -> [OVSDB.Operation] {
        let table = ["Bridge", "Port", "Interface"].randomElement(using: &random) ?? "Port"
        guard let row = pick(table, replica), let (column, values) = Self.values[table]?.randomElement(using: &random),
            row.has(column), hands == .all || !Self.remaking.contains(column),
            let value = values.randomElement(using: &random)
        else { return [] }
        return [.update(table: table, where: [.row(row.uuid)], row: [column: value])]
    }

    private func newName() -> String {
        made += 1
        return "\(name)\(made)"
    }

    private func addPort(_ replica: Replica) -> [OVSDB.Operation] {
        guard let bridge = pick("Bridge", replica) else { return [] }
        let name = newName()
        return [
            .insert(table: "Interface", row: ["name": Datum(.string(name))], name: "i\(made)"),
            .insert(
                table: "Port",
                row: ["name": Datum(.string(name)), "interfaces": Datum(set: [.namedUUID("i\(made)")])],
                name: "p\(made)"
            ),
            hook("Bridge", bridge.uuid, "ports", .namedUUID("p\(made)")),
        ]
    }

    private func hook(_ table: String, _ row: UUID, _ column: String, _ child: Atom) -> OVSDB.Operation {
        .mutate(table: table, where: [.row(row)], mutations: [Mutation(column, .insert, Datum(set: [child]))])
    }

    private func unhook(_ table: String, _ column: String, _ replica: Replica) -> [OVSDB.Operation] {
        guard let row = pick(table, replica), let child = row[column].uuids.randomElement(using: &random) else {
            return []
        }
        return [
            .mutate(
                table: table,
                where: [.row(row.uuid)],
                mutations: [Mutation(column, .delete, Datum(set: [.uuid(child)]))]
            )
        ]
    }

    /// A port of one bridge, whosever it is, goes to another, or is on both.
    private func steal(_ replica: Replica) -> [OVSDB.Operation] {
        guard let port = pick("Port", replica), let thief = pick("Bridge", replica) else { return [] }
        let places = random.chance(4) ? [] : replica.referrers(of: port.uuid).map(\.row)
        return [hook("Bridge", thief.uuid, "ports", .uuid(port.uuid))]
            + places.filter { $0 != thief.uuid }.map { place in
                .mutate(
                    table: "Bridge",
                    where: [.row(place)],
                    mutations: [Mutation("ports", .delete, Datum(set: [.uuid(port.uuid)]))]
                )
            }
    }

    private func addReferenced(_ replica: Replica) -> [OVSDB.Operation] {
        guard let bridge = pick("Bridge", replica) else { return [] }
        let symbol = Datum(set: [.namedUUID("r")])
        let (table, column, row): (String, String, [String: Datum]) =
            switch Int.random(in: 0..<3, using: &random) {
            case 0: ("Controller", "controller", ["target": "tcp:127.0.0.1:9"])
            case 1: ("Mirror", "mirrors", ["name": Datum(.string(newName())), "select_all": Datum(.boolean(true))])
            default: ("sFlow", "sflow", ["targets": "127.0.0.1"])
            }
        return [
            .insert(table: table, row: row, name: "r"),
            .update(table: "Bridge", where: [.row(bridge.uuid)], row: [column: symbol]),
        ]
    }

    private func dropBridge(_ replica: Replica) -> [OVSDB.Operation] {
        guard let root = replica["Open_vSwitch"].uuids.first, let bridge = pick("Bridge", replica) else { return [] }
        return [
            .mutate(
                table: "Open_vSwitch",
                where: [.row(root)],
                mutations: [Mutation("bridges", .delete, Datum(set: [.uuid(bridge.uuid)]))]
            )
        ]
    }

    private func dropAllBridges(_ replica: Replica) -> [OVSDB.Operation] {
        guard let root = replica["Open_vSwitch"].uuids.first else { return [] }
        return [.update(table: "Open_vSwitch", where: [.row(root)], row: ["bridges": .emptySet])]
    }

    private func addBridge() -> [OVSDB.Operation] {
        let name = Datum(.string(newName()))
        let root = Condition("next_cfg", .greaterOrEqual, Datum(.integer(0)))
        return [
            .insert(table: "Interface", row: ["name": name, "type": "internal"], name: "i\(made)"),
            .insert(
                table: "Port",
                row: ["name": name, "interfaces": Datum(set: [.namedUUID("i\(made)")])],
                name: "p\(made)"
            ),
            .insert(
                table: "Bridge",
                row: ["name": name, "ports": Datum(set: [.namedUUID("p\(made)")])],
                name: "b\(made)"
            ),
            .mutate(
                table: "Open_vSwitch",
                where: [root],
                mutations: [Mutation("bridges", .insert, Datum(set: [.namedUUID("b\(made)")]))]
            ),
        ]
    }

    /// Columns of which ovs-vswitchd makes a port anew.
    private static let remaking: Set<String> = ["type", "ofport_request"]

    private static let values: [String: [String: [Datum]]] = [
        "Bridge": [
            "fail_mode": [.emptySet, "standalone", "secure"],
            "stp_enable": [Datum(.boolean(true)), Datum(.boolean(false))],
            "mcast_snooping_enable": [Datum(.boolean(true))],
            "flood_vlans": [Datum(.integer(7)), .emptySet],
            "protocols": ["OpenFlow10", .emptySet],
            "other_config": [["x": "y"], ["hwaddr": "02:00:00:00:00:77"], .emptySet],
            "external_ids": [["theirs": "1"], ["ovs-agent-role": "uplink"], ["ovs-agent-made": "true"], .emptySet],
        ],
        "Port": [
            "tag": [Datum(.integer(5)), .emptySet], "trunks": [Datum(.integer(9)), .emptySet],
            "vlan_mode": ["trunk", "access", .emptySet],
            "bond_mode": ["balance-slb", .emptySet], "lacp": ["active", .emptySet],
            "protected": [Datum(.boolean(true))],
            "other_config": [["x": "y"], .emptySet],
            "external_ids": [["theirs": "2"], ["ovs-agent-role": "lane"], .emptySet],
        ],
        "Interface": [
            "type": ["internal", "patch", ""], "options": [["peer": "nobody"], .emptySet],
            "ofport_request": [Datum(.integer(77)), .emptySet], "mtu_request": [Datum(.integer(1400)), .emptySet],
            "ingress_policing_rate": [Datum(.integer(100)), Datum(.integer(0))],
            "lldp": [["enable": "true"], .emptySet],
            "external_ids": [["iface-id": "x"], ["ovs-agent-role": "lane"], .emptySet],
        ],
    ]
}
