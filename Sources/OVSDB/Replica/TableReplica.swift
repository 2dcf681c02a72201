import JSONRPC

/// The rows of one table, found by identity and by the values of every index whose columns are followed, each in
/// constant time.
public struct TableReplica: Sendable {
    public let schema: TableSchema

    private var valuesByUUID: [UUID: [Datum]] = [:]
    private(set) var indexes: [UniqueIndex]
    /// Where the index on `name` alone stands, which nearly every question asks for.
    private let nameIndex: Int?

    init(schema: TableSchema) {
        self.schema = schema
        let indexes: [UniqueIndex] = schema.indexes.compactMap { columns in
            let positions = columns.compactMap(schema.position)
            return positions.count == columns.count ? UniqueIndex(positions: positions) : nil
        }
        self.indexes = indexes
        nameIndex = schema.position(of: "name").flatMap { name in indexes.firstIndex { $0.positions == [name] } }
    }

    /// The number of rows.
    public var count: Int { valuesByUUID.count }

    /// The identities of all rows, in no order.
    public var uuids: some Collection<UUID> { valuesByUUID.keys }

    /// All rows, in no order.
    public var rows: some Sequence<Row> {
        valuesByUUID.lazy.map { Row(uuid: $0.key, schema: schema, values: $0.value) }
    }

    /// The row of this identity.
    public subscript(uuid: UUID) -> Row? {
        valuesByUUID[uuid].map { Row(uuid: uuid, schema: schema, values: $0) }
    }

    /// The row of this name; of several one, found by looking at all, in a table where names may be shared.
    public subscript(name name: String) -> Row? {
        if let nameIndex { return indexes[nameIndex][.atom(.string(name))].flatMap { self[$0] } }
        guard let position = schema.position(of: "name") else { return nil }
        return first(where: [position], [Datum(.string(name))])
    }

    /// A row with these values in these columns: the only one, found in constant time, where an index is on exactly
    /// these columns; else one of those that there are, found by looking at all. `nil` for an unknown column.
    public func first(where wanted: [String: Datum]) -> Row? {
        let columns = wanted.compactMap { column, value in schema.position(of: column).map { ($0, value) } }
            .sorted { $0.0 < $1.0 }
        guard columns.count == wanted.count else { return nil }
        return first(where: columns.map(\.0), columns.map(\.1))
    }

    private func first(where positions: [Int], _ values: [Datum]) -> Row? {
        for index in indexes where index.positions.sorted() == positions {
            let ordered = index.positions.compactMap { position in
                positions.firstIndex(of: position).map { values[$0] }
            }
            return index[.init(ordered)].flatMap { self[$0] }
        }
        return rows.first { row in zip(positions, values).allSatisfy { row.values[$0] == $1 } }
    }

    func contains(_ uuid: UUID) -> Bool { valuesByUUID[uuid] != nil }

    /// Puts a row in place of what stood there, and gives the values that did.
    mutating func insert(_ uuid: UUID, _ values: [Datum]) -> [Datum]? {
        let replaced = valuesByUUID.updateValue(values, forKey: uuid)
        for index in indexes.indices {
            if let replaced { indexes[index].remove(uuid, replaced) }
            indexes[index].insert(uuid, values)
        }
        return replaced
    }

    /// Changes a row's values at these positions where they lie; `false` when there is no such row.
    mutating func update(
        _ uuid: UUID,
        at positions: some Sequence<Int>,
        _ change: (inout [Datum]) -> Void
    ) -> Bool {
        guard let place = valuesByUUID.index(forKey: uuid) else { return false }
        // Nearly every change is of columns that no index has.
        let touched = indexes.indices.filter { index in positions.contains { indexes[index].positions.contains($0) } }
        let before = touched.map { indexes[$0].key(of: valuesByUUID.values[place]) }
        change(&valuesByUUID.values[place])
        for (index, key) in zip(touched, before) {
            indexes[index].update(uuid, from: key, to: valuesByUUID.values[place])
        }
        return true
    }

    /// Takes a row away and gives the values it had.
    mutating func remove(_ uuid: UUID) -> [Datum]? {
        guard let values = valuesByUUID.removeValue(forKey: uuid) else { return nil }
        for index in indexes.indices { indexes[index].remove(uuid, values) }
        return values
    }
}
