import JSONRPC

/// One row of a replica, read by column.
public struct Row: Sendable {
    public let uuid: UUID
    public let schema: TableSchema
    /// In the order of the schema's columns.
    public let values: [Datum]

    /// The value of a column that is followed; an empty set for any other (an older server has fewer columns).
    public subscript(column: String) -> Datum {
        schema.position(of: column).map { values[$0] } ?? .emptySet
    }

    /// The same, without a look at the name where the schema knows the column's vocabulary.
    public subscript(column: Column) -> Datum {
        schema.position(of: column).map { values[$0] } ?? .emptySet
    }

    /// Whether the column is followed, which tells an empty value from an unknown column.
    public func has(_ column: String) -> Bool { schema.position(of: column) != nil }

    public func has(_ column: Column) -> Bool { schema.position(of: column) != nil }

    /// The `name` column's text; empty where there is none.
    public var name: String { schema.namePosition.flatMap { values[$0].string } ?? "" }
}
