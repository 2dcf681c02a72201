import JSONRPC

/// Rows by the values of columns that no two rows share (RFC 7047, 3.2 `indexes`).
struct UniqueIndex: Sendable {
    /// The values of a row's indexed columns.
    enum Key: Hashable, Sendable {
        /// By far the commonest, and the smallest: a name. An atom is compared as the server compares it, byte by byte.
        case atom(Atom)
        case values([Datum])

        /// In the order of the index's columns.
        init(_ values: [Datum]) {
            self = if values.count == 1, let atom = values[0].atom { .atom(atom) } else { .values(values) }
        }
    }

    /// Where the columns stand in a row.
    let positions: [Int]
    private var rows: [Key: UUID] = [:]

    init(positions: [Int]) { self.positions = positions }

    var count: Int { rows.count }

    subscript(key: Key) -> UUID? { rows[key] }

    mutating func insert(_ uuid: UUID, _ row: [Datum]) { rows[key(of: row)] = uuid }

    mutating func remove(_ uuid: UUID, _ row: [Datum]) { remove(uuid, key(of: row)) }

    /// A row changed that had this key.
    mutating func update(_ uuid: UUID, from old: Key, to row: [Datum]) {
        let new = key(of: row)
        guard old != new else { return }
        remove(uuid, old)
        rows[new] = uuid
    }

    func key(of row: [Datum]) -> Key {
        // Without a list for the one column that there nearly always is.
        if positions.count == 1, let atom = row[positions[0]].atom { return .atom(atom) }
        return .values(positions.map { row[$0] })
    }

    /// Within one notification the values may have gone over to another row before their former row goes.
    private mutating func remove(_ uuid: UUID, _ key: Key) {
        if rows[key] == uuid { rows[key] = nil }
    }
}
