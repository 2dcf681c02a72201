/// A table to follow, with the columns to follow in it.
public struct FollowedTable: Hashable, Sendable {
    public var name: String
    public var columns: [String]
    /// Whether to follow every column that the server has, ``columns`` or not.
    public var isWhole = false
    public var rows: RowFilter
    /// The columns that are read by ``Column``, so that where they stand is looked up once.
    public var vocabulary: Table?

    public init(_ name: String, columns: [String], rows: RowFilter = .all) {
        self.name = name
        self.columns = columns
        self.rows = rows
    }

    /// A table of a vocabulary.
    public init(_ table: Table, columns: [Column], rows: RowFilter = .all) {
        self.init(table.name, columns: columns.map(\.name), rows: rows)
        vocabulary = table
    }

    /// All columns of the table.
    public init(whole name: String, rows: RowFilter = .all) {
        self.init(name, columns: [], rows: rows)
        isWhole = true
    }
}

/// Where a session stands with the lock that it asked for (RFC 7047, 4.1.8 to 4.1.10).
public enum LockState: String, Hashable, Sendable {
    /// Ours: `assert` succeeds.
    case held
    /// Somebody else's; it comes to us when they let go.
    case waiting
    /// Taken from us, or gone with the connection.
    case lost
}
