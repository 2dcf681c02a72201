import OVSDB

/// How a server's schema differs from what this agent knows, a line for each table.
struct SchemaFindings: Hashable, Sendable {
    /// What a newer server has and nobody here enforces.
    private(set) var unknown: [String] = []
    /// What an older one has not: it is read as empty and never written.
    private(set) var lacking: [String] = []

    init() {}

    init(_ schema: DatabaseSchema) {
        unknown = ConfigurationColumns.unknown(in: schema).map { table, columns in
            """
            columns of table \(table) that this agent does not know and leaves alone: \
            \(columns.joined(separator: ", "))
            """
        }
        lacking = ReplicaColumns.lacking(in: schema).map { table, columns in
            "columns of table \(table) that this server lacks: \(columns.joined(separator: ", "))"
        }
    }

    /// The lines that an earlier schema had not.
    func news(since former: SchemaFindings) -> [String] {
        unknown.filter { !former.unknown.contains($0) } + lacking.filter { !former.lacking.contains($0) }
    }
}
