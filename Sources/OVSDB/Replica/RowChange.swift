import JSONRPC

/// One row's change as the replica made it.
public struct RowChange: Hashable, Sendable {
    /// What happened.
    public enum Kind: Hashable, Sendable {
        case inserted
        /// With the columns that changed.
        case modified([ColumnChange])
        /// With the values that the row had.
        case deleted(old: [Datum])
    }

    public var table: String
    public var uuid: UUID
    public var kind: Kind

    public init(table: String, uuid: UUID, kind: Kind) {
        self.table = table
        self.uuid = uuid
        self.kind = kind
    }

    /// What a modified row's column held before this change, where `row` is the row right after it.
    ///
    /// A column that did not change held what it holds. Of an inserted row there was nothing before.
    public func old(_ column: String, of row: Row) -> Datum? {
        guard let position = row.schema.position(of: column) else { return nil }
        switch kind {
        case .inserted: return nil
        case .deleted(let old): return old[position]
        case .modified(let changes):
            guard let change = changes.first(where: { $0.position == position }) else { return row.values[position] }
            return change.old(now: row.values[position])
        }
    }
}

/// One column's change in a row. It takes memory in proportion to what changed: of a bridge with ten thousand ports
/// that gains one, the other ones are not copied.
public struct ColumnChange: Hashable, Sendable {
    private enum Before: Hashable, Sendable {
        case value(Datum)
        /// What makes the old value of the new one.
        case difference(Datum)
    }

    /// Where the column stands in the schema of its table.
    public let position: Int
    private let before: Before

    /// A column that had this value.
    public init(position: Int, old: Datum) {
        self.position = position
        before = .value(old)
    }

    /// A column that has its old value again where this difference is applied to the new one.
    init(position: Int, undo: Datum) {
        self.position = position
        before = .difference(undo)
    }

    /// The value before the change, where `now` is the one after it.
    public func old(now: Datum) -> Datum {
        switch before {
        case .value(let value): return value
        case .difference(let difference):
            var old = now
            old.apply(difference: difference)
            return old
        }
    }

    /// The elements of a set that joined or left it, where `now` is the set after the change. Where the server told the
    /// difference, this takes time in proportion to it, however large the set is.
    public func joinedOrLeft(now: Datum) -> [Atom] {
        switch before {
        case .difference(let difference): return difference.atoms
        case .value(let old): return Array(Set(old.atoms).symmetricDifference(now.atoms))
        }
    }
}
