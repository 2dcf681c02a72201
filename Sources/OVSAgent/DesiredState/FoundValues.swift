import JSONRPC
import OVSDB

/// What the agent remembers of the host's own configuration where a layout may say nothing: the values that it found on
/// the rows which it took for its own, and the address that each brN has been pinned to.
///
/// Remembered by name, not by row: who deletes `br0` and makes it again, or restores a database, gets the same host back.
/// A pure value, kept in the state folder (``bytes``).
struct FoundValues: Hashable, Sendable {
    /// A row, as events name it: `Port br0-up`.
    struct Object: Hashable, Comparable, Sendable, CustomStringConvertible {
        var table: DesiredRow.Table
        var name: String

        var description: String { "\(table.name) \(name)" }

        static func < (a: Object, b: Object) -> Bool { (a.table.name, a.name) < (b.table.name, b.name) }
    }

    private(set) var rows: [Object: FoundRow] = [:]

    init(_ rows: [Object: FoundRow] = [:]) { self.rows = rows }

    subscript(_ table: DesiredRow.Table, _ name: String) -> FoundRow? { rows[Object(table: table, name: name)] }

    /// Whether the object stood there before the agent did, so that it is released and not deleted, even where the agent
    /// had to make its row again.
    func isAdopted(_ table: DesiredRow.Table, _ name: String) -> Bool { self[table, name]?.isAdopted == true }

    /// Takes what a plan saw of rows that are not remembered yet, and of rows that the agent had made and somebody else has
    /// made anew. How a brN stood when all was as wanted stays known.
    mutating func note(_ seen: [Object: FoundRow]) {
        rows.merge(seen) { known, seen in
            var seen = seen
            seen.standing = known.standing
            return seen
        }
    }

    /// Takes another value for what was found.
    mutating func set(_ row: FoundRow, for object: Object) { rows[object] = row }

    /// Remembers how a brN stands once all is as wanted.
    mutating func settle(_ bridge: String, _ standing: FoundRow.Standing) {
        let object = Object(table: .bridge, name: bridge)
        guard rows[object]?.standing != standing else { return }
        rows[object, default: FoundRow(isAdopted: false)].standing = standing
    }

    mutating func forget(where isOver: (Object) -> Bool) {
        let over = rows.keys.filter(isOver)
        for object in over { rows[object] = nil }
    }
}

/// What is remembered of one row.
struct FoundRow: Hashable, Sendable {
    /// Whether somebody else made it.
    var isAdopted: Bool
    /// Whole columns.
    var columns: [String: Datum] = [:]
    /// Keys of maps, by column; `nil`: it was absent.
    var keys: [String: [String: String?]] = [:]
    /// Of a brN.
    var standing: Standing?

    /// How a brN was when all was last as wanted, whoever made it.
    struct Standing: Hashable, Sendable {
        /// The row of which the datapath type is told: one that others make anew may have another.
        var row: UUID
        var datapathType: String
        /// What `other_config:hwaddr` is pinned to; `nil` while it is not.
        var hardwareAddress: String?
        /// Whether somebody else had pinned it before the agent did.
        var wasPinned: Bool
    }

    init(isAdopted: Bool) { self.isAdopted = isAdopted }

    /// What a row that somebody else made has, of all that counts for a row of this role.
    init(adopted row: Row, as role: Role) {
        self.init(isAdopted: true)
        take(FoundColumns.of(role, in: row.schema), of: row)
    }

    /// What a row that the agent made carries in VLANs, and `desired` does not state.
    init(made row: Row, _ desired: DesiredRow?) {
        self.init(isAdopted: false)
        let exact = desired?.columns.filter { if case .exact = $0.value { true } else { false } } ?? []
        let stated = Set(exact.map(\.name))
        take(FoundColumns.vlans(in: row.schema).filter { !stated.contains($0.column.name) }, of: row)
    }

    private mutating func take(_ found: [FoundColumns.Item], of row: Row) {
        for item in found where row.has(item.column) {
            let value = row[item.column]
            if let key = item.key {
                keys[item.column, default: [:]][key] = .some(value[key])
            } else {
                columns[item.column] = value
            }
        }
    }

    /// Leaves out what a new row has by itself.
    mutating func leaveOutDefaults(of table: TableSchema, exceptFor kept: [Column]) {
        let kept = Set(kept.map(\.name))
        columns = columns.filter { column, value in
            kept.contains(column) || value != table[column]?.type.defaultValue
        }
        keys = keys.mapValues { $0.filter { $0.value != nil } }
    }

    /// What this has of another row of the same kind, and what it had itself where `isKept` says so.
    mutating func replace(with other: FoundRow, keeping isKept: (_ column: String, _ key: String?) -> Bool) {
        for (column, value) in other.columns where !isKept(column, nil) { columns[column] = value }
        for (column, entries) in other.keys {
            for (key, value) in entries where !isKept(column, key) { keys[column, default: [:]][key] = .some(value) }
        }
    }
}

/// The columns and keys that a layout could state, or that decide whether frames pass: what is remembered of a row that
/// others made. All else on it is theirs, and free.
///
/// Source: ovs-vswitchd.conf.db(5), of Open vSwitch 2.17 to 3.5.
enum FoundColumns {
    struct Item: Hashable, Sendable {
        var column: Column
        /// Of a map; `nil` for the whole column.
        var key: String?
    }

    /// Of a row of this role; none for roles whose rows the agent owns whole.
    static func of(_ role: Role, in table: TableSchema) -> [Item] {
        switch (role, table.name) {
        case (.uplinkBridge, _): bridge
        case (.hostPort, Port.table.name): vlanColumns + port
        case (.uplink, _): vlanColumns + port + bond
        case (.hostPort, _): interface
        case (.uplinkMember, _): interface + member
        default: []
        }
    }

    /// What says the VLANs of a port; none of another table.
    static func vlans(in table: TableSchema) -> [Item] { table.name == Port.table.name ? vlanColumns : [] }

    // `datapath_type` and `other_config:hwaddr` are remembered apart, as `FoundRow.Standing`.
    private static let bridge =
        columns(Bridge.protocols, Bridge.floodVLANs, Bridge.mcastSnoopingEnable, Bridge.stpEnable, Bridge.rstpEnable)
        + keys(Bridge.otherConfig, "forward-bpdu", "mcast-snooping-disable-flood-unregistered")

    private static let vlanColumns =
        columns(Port.tag, Port.trunks, Port.vlanMode, Port.cvlans)
        + keys(Port.otherConfig, "qinq-ethtype", "priority-tags")

    private static let port = columns(Port.mac, Port.protected) + keys(Port.otherConfig, "stp-enable", "rstp-enable")

    private static let bond =
        columns(Port.bondMode, Port.bondUpdelay, Port.bondDowndelay, Port.bondFakeIface, Port.lacp)
        + keys(
            Port.otherConfig,
            "bond-detect-mode",
            "bond-hash-basis",
            "bond-miimon-interval",
            "bond-primary",
            "bond-rebalance-interval",
            "all-members-active",
            "all-slaves-active",
            "lb-output-action",
            "lacp-fallback-ab",
            "lacp-system-id",
            "lacp-system-priority",
            "lacp-time"
        )

    private static let interface = columns(Interface.mtuRequest, Interface.mac)

    /// With what the device is, since a NIC of DPDK or AF_XDP is none without it, and what can take a member out.
    private static let member =
        columns(Interface.type, Interface.cfmMPID)
        + keys(Interface.options, "dpdk-devargs", "xdp-mode")
        + keys(Interface.bfd, "enable")
        + keys(Interface.otherConfig, "lacp-aggregation-key", "lacp-port-id", "lacp-port-priority")

    private static func columns(_ columns: Column...) -> [Item] { columns.map { Item(column: $0) } }

    private static func keys(_ column: Column, _ keys: String...) -> [Item] {
        keys.map { Item(column: column, key: $0) }
    }
}
