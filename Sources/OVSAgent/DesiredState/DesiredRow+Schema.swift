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
    private var memory = DesiredRow.Memory.none

    init(_ kind: DesiredRow.Table, _ name: String, _ role: Role, schema: DatabaseSchema) {
        table = schema.tables[kind.vocabulary.name]
        self.kind = kind
        self.name = name
        self.role = role
        entries(.externalIDs, [Mark.role: role.rawValue])
    }

    /// Wants a column to have this value, whoever made the row.
    mutating func exact(_ column: Column, _ value: Datum, isAsFound: Bool = false) {
        add(column.name, .exact(value), isAsFound: isAsFound)
    }

    /// Wants what the layout states; where it states nothing, the documented default on a row of our own.
    mutating func exact(_ column: Column, _ stated: Datum?, otherwiseWhereMade documented: Datum) {
        add(column.name, .exact(stated ?? documented), isOnlyForMadeRows: stated == nil)
    }

    /// Wants these keys of a map; `nil` means absent.
    mutating func entries(
        _ column: Column,
        _ wanted: [String: String?],
        followingStatus: Bool = false,
        isAsFound: Bool = false
    ) {
        addEntries(column.name, wanted, followsStatus: followingStatus, isAsFound: isAsFound)
    }

    /// Wants what the layout states under a key; where it states nothing, the documented default on a row of our own.
    mutating func entry(_ column: Column, _ key: String, _ stated: String?, otherwiseWhereMade documented: String?) {
        addEntries(column.name, [key: stated ?? documented], isOnlyForMadeRows: stated == nil)
    }

    /// The row with the columns wanted so far, and what was found in all others that are remembered. What the layout
    /// states wins over what was found, and that over a documented default.
    func partial(asFound found: FoundValues) -> DesiredRow {
        var row = self
        row.take(found[kind, name])
        return DesiredRow(table: kind, name: name, role: role, memory: row.memory, columns: row.columns)
    }

    private mutating func take(_ found: FoundRow?) {
        guard let found else {
            memory = .firstSight
            return
        }
        memory = .kept(isAdopted: found.isAdopted)
        for (column, value) in found.columns.sorted(by: { $0.key < $1.key }) {
            if columns.contains(where: { $0.name == column && !$0.isOnlyForMadeRows }) { continue }
            columns.removeAll { $0.name == column }
            add(column, .exact(value), isAsFound: true)
        }
        for (column, entries) in found.keys.sorted(by: { $0.key < $1.key }) {
            let stated = Set(columns.filter { !$0.isOnlyForMadeRows }.flatMap { $0.keys(of: column) })
            let others = entries.filter { !stated.contains($0.key) }
            columns = columns.compactMap { $0.isOnlyForMadeRows ? $0.without(others.keys, of: column) : $0 }
            let found = others.map { DesiredColumn.Entry(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
            if !found.isEmpty { add(column, .entries(found), isAsFound: true) }
        }
    }

    /// The row with every other configuration column at the schema's default.
    func exclusive() -> DesiredRow {
        var columns = columns
        for column in ConfigurationColumns.of(table: kind.name) where ConfigurationColumns.isOwnedByDefault(column) {
            guard let table, let position = table.position(of: column),
                !columns.contains(where: { $0.position == position })
            else { continue }
            let value = table.columns[position].type.defaultValue
            columns.append(DesiredColumn(name: column.name, position: position, value: .exact(value)))
        }
        return DesiredRow(table: kind, name: name, role: role, columns: columns)
    }

    private mutating func addEntries(
        _ column: String,
        _ wanted: [String: String?],
        isOnlyForMadeRows: Bool = false,
        followsStatus: Bool = false,
        isAsFound: Bool = false
    ) {
        var entries = wanted.map { DesiredColumn.Entry(key: $0.key, value: $0.value) }
        let same = columns.firstIndex {
            $0.name == column && $0.isOnlyForMadeRows == isOnlyForMadeRows && $0.followsStatus == followsStatus
                && $0.isAsFound == isAsFound
        }
        if let same, case .entries(let before) = columns[same].value {
            entries += before
            columns[same].value = .entries(entries.sorted { $0.key < $1.key })
        } else {
            entries.sort { $0.key < $1.key }
            add(
                column,
                .entries(entries),
                isOnlyForMadeRows: isOnlyForMadeRows,
                followsStatus: followsStatus,
                isAsFound: isAsFound
            )
        }
    }

    private mutating func add(
        _ column: String,
        _ value: DesiredColumn.Value,
        isOnlyForMadeRows: Bool = false,
        followsStatus: Bool = false,
        isAsFound: Bool = false
    ) {
        guard let position = table?.position(of: column) else { return }
        columns.append(
            DesiredColumn(
                name: column,
                position: position,
                value: value,
                isOnlyForMadeRows: isOnlyForMadeRows,
                followsStatus: followsStatus,
                isAsFound: isAsFound
            )
        )
    }
}

extension DesiredColumn {
    /// The keys that are wanted of a map.
    fileprivate func keys(of column: String) -> [String] {
        guard name == column, case .entries(let entries) = value else { return [] }
        return entries.map(\.key)
    }

    /// Without these keys; `nil` where none is left.
    fileprivate func without(_ keys: some Collection<String>, of column: String) -> DesiredColumn? {
        guard name == column, case .entries(let entries) = value else { return self }
        let rest = entries.filter { !keys.contains($0.key) }
        if rest.isEmpty { return nil }
        var column = self
        column.value = .entries(rest)
        return column
    }
}
