/// The rows of one table, found by identity and, where no two rows share a `name`, by name, each in constant time.
public struct TableReplica: Sendable {
    public let schema: TableSchema

    private var valuesByUUID: [UUID: [Datum]] = [:]
    /// For a table with an index on `name`. An atom is compared as the server compares it, byte by byte.
    private var uuidByName: [Atom: UUID] = [:]
    private let namePosition: Int?
    private let hasUniqueNames: Bool

    init(schema: TableSchema) {
        self.schema = schema
        namePosition = schema.position(of: "name")
        hasUniqueNames = schema.indexes.contains(["name"])
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
        guard let namePosition else { return nil }
        if hasUniqueNames { return uuidByName[.string(name)].flatMap { self[$0] } }
        let wanted = Datum(.string(name))
        return rows.first { $0.values[namePosition] == wanted }
    }

    func contains(_ uuid: UUID) -> Bool { valuesByUUID[uuid] != nil }

    /// Puts a row in place of what stood there.
    mutating func insert(_ uuid: UUID, _ values: [Datum]) {
        remove(uuid)
        valuesByUUID[uuid] = values
        if let name = uniqueName(values) { uuidByName[name] = uuid }
    }

    /// Changes a row's values where they lie; `false` when there is no such row.
    mutating func update(_ uuid: UUID, _ change: (inout [Datum]) -> Void) -> Bool {
        guard let index = valuesByUUID.index(forKey: uuid) else { return false }
        let before = uniqueName(valuesByUUID.values[index])
        change(&valuesByUUID.values[index])
        let after = uniqueName(valuesByUUID.values[index])
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
        forget(name: uniqueName(values), of: uuid)
        return values
    }

    private func uniqueName(_ values: [Datum]) -> Atom? {
        guard hasUniqueNames, let namePosition else { return nil }
        return values[namePosition].atom
    }

    /// Within one notification a name may have gone over to another row before its former row goes.
    private mutating func forget(name: Atom?, of uuid: UUID) {
        guard let name, uuidByName[name] == uuid else { return }
        uuidByName[name] = nil
    }
}
