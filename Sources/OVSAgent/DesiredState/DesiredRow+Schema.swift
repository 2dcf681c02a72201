import OVSDB

// Builds the wanted columns of one row against the schema of the server at hand: what an older server lacks is left
// out, and an exclusively owned row is filled up with the schema's defaults.

/// Collects what is wanted of a row.
struct DesiredRowBuilder {
    private let table: TableSchema?
    private let kind: DesiredRow.Table
    private let name: String
    private let role: Role
    private var columns: [DesiredColumn] = []

    init(_ kind: DesiredRow.Table, _ name: String, _ role: Role, schema: DatabaseSchema) {
        table = schema.tables[kind.rawValue]
        self.kind = kind
        self.name = name
        self.role = role
        entries("external_ids", [Mark.role: role.rawValue])
    }

    /// Wants a column to have this value, whoever made the row.
    mutating func exact(_ column: String, _ value: Datum) {
        add(column, .exact(value), isOnlyForMadeRows: false)
    }

    /// Wants what the layout states; where it states nothing, the documented default on a row of our own.
    mutating func exact(_ column: String, _ stated: Datum?, otherwiseWhereMade documented: Datum) {
        add(column, .exact(stated ?? documented), isOnlyForMadeRows: stated == nil)
    }

    /// Wants these keys of a map; `nil` means absent.
    mutating func entries(_ column: String, _ wanted: [String: String?], followingStatus: Bool = false) {
        addEntries(column, wanted, isOnlyForMadeRows: false, followsStatus: followingStatus)
    }

    /// Wants what the layout states under a key; where it states nothing, the documented default on a row of our own.
    mutating func entry(_ column: String, _ key: String, _ stated: String?, otherwiseWhereMade documented: String?) {
        addEntries(column, [key: stated ?? documented], isOnlyForMadeRows: stated == nil)
    }

    /// The row with the columns wanted so far.
    func partial() -> DesiredRow {
        DesiredRow(table: kind, name: name, role: role, columns: columns)
    }

    /// The row with every other configuration column at the schema's default.
    func exclusive() -> DesiredRow {
        var columns = columns
        for column in ConfigurationColumns.of(table: kind.rawValue) where ConfigurationColumns.isOwnedByDefault(column)
        {
            guard let table, let position = table.position(of: column),
                !columns.contains(where: { $0.position == position })
            else { continue }
            let value = table.columns[position].type.defaultValue
            columns.append(DesiredColumn(name: column, position: position, value: .exact(value)))
        }
        return DesiredRow(table: kind, name: name, role: role, columns: columns)
    }

    private mutating func addEntries(
        _ column: String,
        _ wanted: [String: String?],
        isOnlyForMadeRows: Bool,
        followsStatus: Bool = false
    ) {
        var entries = wanted.map { DesiredColumn.Entry(key: $0.key, value: $0.value) }
        let same = columns.firstIndex {
            $0.name == column && $0.isOnlyForMadeRows == isOnlyForMadeRows && $0.followsStatus == followsStatus
        }
        if let same, case .entries(let before) = columns[same].value {
            entries += before
            columns[same].value = .entries(entries.sorted { $0.key < $1.key })
        } else {
            entries.sort { $0.key < $1.key }
            add(column, .entries(entries), isOnlyForMadeRows: isOnlyForMadeRows, followsStatus: followsStatus)
        }
    }

    private mutating func add(
        _ column: String,
        _ value: DesiredColumn.Value,
        isOnlyForMadeRows: Bool,
        followsStatus: Bool = false
    ) {
        guard let position = table?.position(of: column) else { return }
        columns.append(
            DesiredColumn(
                name: column,
                position: position,
                value: value,
                isOnlyForMadeRows: isOnlyForMadeRows,
                followsStatus: followsStatus
            )
        )
    }
}
