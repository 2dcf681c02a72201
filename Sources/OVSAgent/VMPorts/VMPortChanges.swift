import JSONRPC
import OVSDB

/// What a notification says of VM ports: the rows of ports and interfaces on which a VM port's flows or `tag` may depend
/// and that it touches, in proportion to the notification.
struct VMPortChanges: Hashable, Sendable {
    /// Rows of Port, those that went included.
    private(set) var ports: Set<UUID> = []
    /// Rows of Interface, those that went included.
    private(set) var interfaces: Set<UUID> = []

    var isEmpty: Bool { ports.isEmpty && interfaces.isEmpty }

    /// `replica` is the one right after the changes.
    init(_ changes: [RowChange], in replica: Replica) {
        for change in changes {
            guard let table = replica.schema.tables[change.table] else { continue }
            switch change.table {
            case Interface.table.name where change.changes(anyOf: Self.columnsOfInterface, in: table):
                interfaces.insert(change.uuid)
                ports.formUnion(replica.referrers(of: change.uuid).lazy.map(\.row))
            case Port.table.name where change.changes(anyOf: Self.columnsOfPort, in: table):
                ports.insert(change.uuid)
                interfaces.formUnion(change.joinedOrLeft(Port.interfaces, in: replica))
            case Bridge.table.name where change.changes(anyOf: [Bridge.ports], in: table):
                ports.formUnion(change.joinedOrLeft(Bridge.ports, in: replica))
            default: continue
            }
        }
        let table = replica[Port.table]
        for port in ports { interfaces.formUnion(table[port]?[Port.interfaces].uuids ?? []) }
    }

    private static let columnsOfInterface = [
        Interface.externalIDs, Interface.name, Interface.type, Interface.ofport, Interface.ifindex,
    ]
    private static let columnsOfPort = [Port.interfaces, Port.vlanMode, Port.tag, Port.trunks, Port.externalIDs]
}

extension RowChange {
    /// Whether a row came or went, or one of these columns of it changed.
    fileprivate func changes(anyOf columns: [Column], in table: TableSchema) -> Bool {
        guard case .modified(let changes) = kind else { return true }
        return columns.contains { column in
            let position = table.position(of: column)
            return changes.contains { $0.position == position }
        }
    }

    /// The rows that came to a column of references or left it, with the row itself or by a change.
    func joinedOrLeft(_ column: Column, in replica: Replica) -> [UUID] {
        let table = replica[table]
        guard let position = table.schema.position(of: column) else { return [] }
        switch kind {
        case .inserted: return table[uuid]?.values[position].uuids ?? []
        case .deleted(let old): return old[position].uuids
        case .modified(let changes):
            guard let change = changes.first(where: { $0.position == position }), let row = table[uuid] else {
                return []
            }
            return Datum(set: change.joinedOrLeft(now: row.values[position])).uuids
        }
    }
}
