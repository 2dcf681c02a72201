/// A column that the code knows by name. A vocabulary of them lets a typo not compile, and a row be read without a hash of
/// the name: see ``Table``.
public struct Column: Hashable, Sendable {
    /// The name of its table; `nil` for a column that many tables have, each with the same ordinal.
    public let table: String?
    public let name: String
    /// Its number within the vocabulary of its table.
    public let ordinal: Int

    /// - Parameter table: `nil` where every table that is asked for the column has it with this ordinal.
    public init(_ table: String?, _ ordinal: Int, _ name: String) {
        self.table = table
        self.ordinal = ordinal
        self.name = name
    }
}

/// A table that the code knows by name, with the columns that it knows of it.
///
/// Given with what is followed (``FollowedTable``), it has the schema that is made of that look up once where each of the
/// columns stands, or that the server lacks it.
public struct Table: Sendable {
    public let name: String
    /// In the order of their ordinals.
    public let columns: [Column]

    /// - Parameter columns: in any order; their ordinals count from 0 without a gap.
    public init(_ name: String, _ columns: [Column]) {
        self.name = name
        self.columns = columns.sorted { $0.ordinal < $1.ordinal }
        for (ordinal, column) in self.columns.enumerated() {
            precondition(column.table == name, "\(column.name) is not of \(name)")
            precondition(column.ordinal == ordinal, "\(name) has not one column with the ordinal \(ordinal)")
        }
    }
}

extension Table: Hashable {
    public static func == (a: Table, b: Table) -> Bool { a.name == b.name }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
