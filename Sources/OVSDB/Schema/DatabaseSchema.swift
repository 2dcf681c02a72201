/// What a server says its database holds (RFC 7047, 3.2 `<database-schema>`).
public struct DatabaseSchema: Hashable, Sendable {
    public var name: String
    /// In the form `x.y.z`.
    public var version: String
    public var tables: [String: TableSchema]

    public init(name: String, version: String, tables: [String: TableSchema]) {
        self.name = name
        self.version = version
        self.tables = tables
    }

    /// The part of this schema that a client follows: the named tables with the named columns, in that order.
    ///
    /// What the schema does not know is left out: an older server has fewer columns.
    public func selecting(_ wanted: [FollowedTable]) -> DatabaseSchema {
        var selected = DatabaseSchema(name: name, version: version, tables: [:])
        for wanted in wanted {
            guard let table = tables[wanted.name] else { continue }
            selected.tables[wanted.name] = TableSchema(
                name: wanted.name,
                columns: wanted.isWhole
                    ? table.columns : wanted.columns.compactMap { column in table.columns.first { $0.name == column } },
                indexes: table.indexes,
                isRoot: table.isRoot,
                vocabulary: wanted.vocabulary ?? table.vocabulary
            )
        }
        return selected
    }
}

/// One table (RFC 7047, 3.2 `<table-schema>`). A copy costs one reference: every row carries one.
public struct TableSchema: Hashable, Sendable {
    private let parts: Parts

    /// - Parameter vocabulary: the columns that are read by ``Column``. Others can be read so, too, by their names.
    public init(
        name: String,
        columns: [ColumnSchema],
        indexes: [[String]] = [],
        isRoot: Bool = false,
        vocabulary: Table? = nil
    ) {
        parts = Parts(name: name, columns: columns, indexes: indexes, isRoot: isRoot, vocabulary: vocabulary)
    }

    public var name: String { parts.name }
    /// A row's values stand in this order.
    public var columns: [ColumnSchema] { parts.columns }
    /// Sets of columns whose values together no two rows share.
    public var indexes: [[String]] { parts.indexes }
    /// Whether a row lives without a reference to it.
    public var isRoot: Bool { parts.isRoot }

    /// What was resolved for being read by ``Column``.
    var vocabulary: Table? { parts.vocabulary }

    /// What reading and keeping a value needs of each column's type, without the type's lists and names.
    var shapes: [ColumnShape] { parts.shapes }
    /// The values of a row of which nothing was said.
    var defaults: [Datum] { parts.defaults }
    /// The positions of the columns whose references keep rows alive.
    var strongReferences: [Int] { parts.strongReferences }
    /// Where `name` stands, by which rows are found.
    var namePosition: Int? { parts.namePosition }

    /// Where a column's value stands in a row; `nil` for a column that is not here.
    public func position(of column: String) -> Int? { parts.positions[column] }

    /// The same, without a look at the name where the vocabulary has the column.
    public func position(of column: Column) -> Int? {
        assert(column.table == nil || column.table == name, "\(column) is asked of a row of \(name)")
        guard column.ordinal < parts.ordinals.count else { return position(of: column.name) }
        let position = parts.ordinals[column.ordinal]
        assert(position == self.position(of: column.name), "\(column) has another ordinal in \(name)")
        return position
    }

    /// The column of this name.
    public subscript(column: String) -> ColumnSchema? { position(of: column).map { columns[$0] } }

    public static func == (a: TableSchema, b: TableSchema) -> Bool {
        a.parts === b.parts
            || a.name == b.name && a.columns == b.columns && a.indexes == b.indexes && a.isRoot == b.isRoot
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    private final class Parts: Sendable {
        let name: String
        let columns: [ColumnSchema]
        let indexes: [[String]]
        let isRoot: Bool
        let shapes: [ColumnShape]
        let defaults: [Datum]
        let strongReferences: [Int]
        let positions: [String: Int]
        let namePosition: Int?
        let vocabulary: Table?
        /// Where the vocabulary's columns stand, by their ordinals; empty without one.
        let ordinals: [Int?]

        init(name: String, columns: [ColumnSchema], indexes: [[String]], isRoot: Bool, vocabulary: Table?) {
            self.name = name
            self.columns = columns
            self.indexes = indexes
            self.isRoot = isRoot
            shapes = columns.map { ColumnShape($0.type) }
            defaults = columns.map(\.type.defaultValue)
            strongReferences = columns.indices.filter { columns[$0].type.isStrongReference }
            let positions = Dictionary(columns.enumerated().map { ($1.name, $0) }) { first, _ in first }
            self.positions = positions
            namePosition = positions["name"]
            self.vocabulary = vocabulary
            ordinals = vocabulary?.columns.map { positions[$0.name] } ?? []
        }
    }
}

/// One column (RFC 7047, 3.2 `<column-schema>`).
public struct ColumnSchema: Hashable, Sendable {
    public var name: String
    public var type: ColumnType
    /// Whether the value may be lost when the server restarts.
    public var isEphemeral: Bool
    /// Whether the value may change after the insert.
    public var isMutable: Bool

    public init(_ name: String, _ type: ColumnType, isEphemeral: Bool = false, isMutable: Bool = true) {
        self.name = name
        self.type = type
        self.isEphemeral = isEphemeral
        self.isMutable = isMutable
    }
}
