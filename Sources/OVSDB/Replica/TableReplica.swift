/// The rows of one table, found by identity and, where the table has a `name`, by name, each in constant time.
public struct TableReplica: Sendable {
    public let schema: TableSchema

    private var valuesByUUID: [UUID: [Datum]] = [:]
    private var uuidByName: [String: UUID] = [:]
    private let namePosition: Int?

    init(schema: TableSchema) {
        self.schema = schema
        namePosition = schema.position(of: "name")
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

    /// The row of this name.
    public subscript(name name: String) -> Row? { uuidByName[name].flatMap { self[$0] } }

    /// Puts a row in place of what stood there.
    mutating func insert(_ uuid: UUID, _ values: [Datum]) {
        remove(uuid)
        valuesByUUID[uuid] = values
        if let namePosition, let name = values[namePosition].string { uuidByName[name] = uuid }
    }

    /// Changes a row's values where they lie; `false` when there is no such row.
    mutating func update(_ uuid: UUID, _ change: (inout [Datum]) -> Void) -> Bool {
        guard let index = valuesByUUID.index(forKey: uuid) else { return false }
        guard let namePosition else {
            change(&valuesByUUID.values[index])
            return true
        }
        let before = valuesByUUID.values[index][namePosition].string
        change(&valuesByUUID.values[index])
        let after = valuesByUUID.values[index][namePosition].string
        if before != after {
            forget(name: before, of: uuid)
            if let after { uuidByName[after] = uuid }
        }
        return true
    }

    /// Takes a row away and gives the values it had.
    @discardableResult
    mutating func remove(_ uuid: UUID) -> [Datum]? {
        guard let values = valuesByUUID.removeValue(forKey: uuid) else { return nil }
        if let namePosition { forget(name: values[namePosition].string, of: uuid) }
        return values
    }

    /// Within one notification a name may have gone over to another row before its former row goes.
    private mutating func forget(name: String?, of uuid: UUID) {
        guard let name, uuidByName[name] == uuid else { return }
        uuidByName[name] = nil
    }
}
