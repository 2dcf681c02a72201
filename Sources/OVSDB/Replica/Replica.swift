import JSONRPC

/// A live copy, in memory, of the tables and columns that a monitor follows.
///
/// It begins with a whole snapshot and is then changed in place, in proportion to each notification. A row is found by
/// identity, by name, or by who refers to it. It is a value without a socket, clock or lock: whoever owns it feeds it.
public struct Replica: Sendable {
    /// The part of the server's schema that is followed.
    public let schema: DatabaseSchema

    private var tables: [String: TableReplica]
    private var referrers = ReferenceIndex()

    /// An empty replica of the tables and columns in `schema`.
    public init(schema: DatabaseSchema) {
        self.schema = schema
        tables = schema.tables.mapValues(TableReplica.init)
    }

    /// A table that is followed; an empty one for any other name.
    public subscript(table: String) -> TableReplica {
        tables[table] ?? TableReplica(schema: TableSchema(name: table, columns: []))
    }

    public subscript(table: Table) -> TableReplica { self[table.name] }

    /// The rows whose strong references keep a row alive: for an interface its port, for a port its bridge.
    public func referrers(of uuid: UUID) -> [Reference] { referrers[uuid] }

    /// How many there are of ``referrers(of:)``, without making the list.
    public func referrerCount(of uuid: UUID) -> Int { referrers.count(of: uuid) }

    /// The rows that a column of a row refers to, weakly or strongly, as far as they are followed: for a bridge's
    /// `ports` its ports. For a map whose keys and values both refer, those of its keys come first.
    public func referenced(by row: Row, _ column: String) -> [Row] {
        guard let type = row.schema[column]?.type else { return [] }
        let tables = [type.key.reference, type.value?.reference].compactMap { $0?.table }
        let targets = row[column].referenced
        return tables.flatMap { table in targets.compactMap { self[table][$0] } }
    }

    /// How many rows something refers to, or seems to.
    var referredCount: Int { referrers.count }
}

/// One place where a row is referred to.
public struct Reference: Hashable, Sendable {
    public var table: String
    public var column: String
    public var row: UUID

    public init(table: String, column: String, row: UUID) {
        self.table = table
        self.column = column
        self.row = row
    }
}

/// Why an update does not fit the replica: the server and we no longer hold the same, and only a new snapshot helps.
public enum ReplicaError: Error, Hashable, Sendable {
    case unknownTable(String)
    case missingRow(table: String, uuid: UUID)
    /// Twice in one snapshot.
    case repeatedRow(table: String, uuid: UUID)
}

extension Replica {
    /// Applies one notification and tells what changed, one entry a row.
    ///
    /// A row stands in a notification once. One that the server inserts twice is replaced, one that it deletes twice is
    /// gone: both are harmless. A change of a row that is not here throws ``ReplicaError`` and changes nothing: what is
    /// here stays whole, but only a new snapshot brings it up to date.
    @discardableResult
    public mutating func apply(_ updates: TableUpdates) throws(ReplicaError) -> [RowChange] {
        for row in updates.rows { try check(row) }
        var changes: [RowChange] = []
        changes.reserveCapacity(updates.rows.count)
        for row in updates.rows {
            guard let table = schema.tables[row.table] else { throw .unknownTable(row.table) }
            guard let change = try apply(row, in: table) else { continue }
            changes.append(RowChange(table: row.table, uuid: row.uuid, kind: change))
        }
        return changes
    }

    /// Adds one row of a snapshot that is still arriving, in which each stands once.
    ///
    /// Throws ``ReplicaError`` where it stands there already, or is told to change rather than to be there.
    mutating func add(_ row: TableUpdates.RowUpdate) throws(ReplicaError) {
        guard let table = schema.tables[row.table] else { throw .unknownTable(row.table) }
        guard case .insert(let values) = row.change else { throw .missingRow(table: row.table, uuid: row.uuid) }
        guard tables[row.table]?.contains(row.uuid) == false else {
            throw .repeatedRow(table: row.table, uuid: row.uuid)
        }
        _ = insert(row.uuid, values, in: table)
    }

    private func check(_ row: TableUpdates.RowUpdate) throws(ReplicaError) {
        guard let table = tables[row.table] else { throw .unknownTable(row.table) }
        switch row.change {
        case .modify, .replace:
            guard table.contains(row.uuid) else { throw .missingRow(table: row.table, uuid: row.uuid) }
        case .insert, .delete: break
        }
    }

    private mutating func apply(
        _ row: TableUpdates.RowUpdate,
        in table: TableSchema
    ) throws(ReplicaError) -> RowChange.Kind? {
        switch row.change {
        case .insert(let values): return insert(row.uuid, values, in: table)
        case .modify(let values): return try modify(row.uuid, values, in: table, byDifference: true)
        case .replace(let values): return try modify(row.uuid, values, in: table, byDifference: false)
        case .delete: return delete(row.uuid, in: table)
        }
    }

    private mutating func insert(
        _ uuid: UUID,
        _ named: [TableUpdates.ColumnValue],
        in table: TableSchema
    ) -> RowChange.Kind {
        var values = table.defaults
        for column in named { values[column.position] = column.value }
        if let replaced = tables[table.name]?.insert(uuid, values) { forgetReferences(of: uuid, replaced, in: table) }
        for position in table.strongReferences { addReferences(from: uuid, in: table, position, to: values[position]) }
        return .inserted
    }

    private mutating func modify(
        _ uuid: UUID,
        _ named: [TableUpdates.ColumnValue],
        in table: TableSchema,
        byDifference: Bool
    ) throws(ReplicaError) -> RowChange.Kind {
        var gone: [TableUpdates.ColumnValue] = []
        var come: [TableUpdates.ColumnValue] = []
        var changed: [ColumnChange] = []
        changed.reserveCapacity(named.count)
        let found =
            tables[table.name]?.update(uuid, at: named.lazy.map(\.position)) { values in
                for change in named {
                    let (position, shape) = (change.position, table.shapes[change.position])
                    if byDifference, !shape.isReplacedWhole {
                        if shape.isStrongReference {
                            let (left, joined) = values[position].effect(of: change.value)
                            gone.append(.init(position: position, value: left))
                            come.append(.init(position: position, value: joined))
                        }
                        changed.append(.init(position: position, undo: values[position].undo(of: change.value)))
                        values[position].apply(difference: change.value)
                    } else {
                        if shape.isStrongReference {
                            gone.append(.init(position: position, value: values[position]))
                            come.append(change)
                        }
                        changed.append(.init(position: position, old: values[position]))
                        values[position] = change.value
                    }
                }
            } ?? false
        guard found else { throw .missingRow(table: table.name, uuid: uuid) }
        for change in gone { removeReferences(from: uuid, in: table, change.position, to: change.value) }
        for change in come { addReferences(from: uuid, in: table, change.position, to: change.value) }
        return .modified(changed)
    }

    private mutating func delete(_ uuid: UUID, in table: TableSchema) -> RowChange.Kind? {
        guard let values = tables[table.name]?.remove(uuid) else { return nil }
        forgetReferences(of: uuid, values, in: table)
        return .deleted(old: values)
    }

    private mutating func forgetReferences(of row: UUID, _ values: [Datum], in table: TableSchema) {
        for position in table.strongReferences {
            removeReferences(from: row, in: table, position, to: values[position])
        }
    }

    private mutating func addReferences(from row: UUID, in table: TableSchema, _ position: Int, to value: Datum) {
        guard !value.isEmpty else { return }
        let reference = Reference(table: table.name, column: table.columns[position].name, row: row)
        if let only = value.uuid { return referrers.insert(reference, to: only) }
        for target in value.referenced { referrers.insert(reference, to: target) }
    }

    private mutating func removeReferences(from row: UUID, in table: TableSchema, _ position: Int, to value: Datum) {
        guard !value.isEmpty else { return }
        let reference = Reference(table: table.name, column: table.columns[position].name, row: row)
        for target in value.referenced { referrers.remove(reference, to: target) }
    }
}

extension Datum {
    /// The rows named, as elements or as keys or values of a map.
    var referenced: [UUID] {
        guard isMap else { return uuids }
        return entries.flatMap { entry in
            [entry.key, entry.value].compactMap { if case .uuid(let uuid) = $0 { uuid } else { nil } }
        }
    }
}
