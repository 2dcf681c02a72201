import JSONRPC
import OVSDB

// Columns: patched where they differ, on the row that stands.

extension Planner {
    /// Brings a standing row's columns to what is wanted. `quietly` when the row comes with something that is listed.
    mutating func compare(_ row: Row, with desired: DesiredRow, quietly: Bool = false) {
        note(row, as: desired)
        if !hasItsMark(row) {
            setKeys(row, desired.table, .externalIDs, [Mark.made: isMade(row, as: desired.role) ? "true" : nil])
        }
        for place in desired.glance.differences(in: row) {
            let column = desired.columns[place]
            if column.isOnlyForMadeRows, !isMade(row, as: desired.role) { continue }
            patch(row, desired, column, row.values[column.position], quietly: quietly)
        }
    }

    /// Makes a row with its marks, and gives what refers to it. `extra` fills columns that the layout does not state.
    mutating func insert(_ desired: DesiredRow, extra: [String: Datum] = [:], marks: [String: String] = [:]) -> Atom {
        var values = extra.filter { !$0.value.isEmpty }
        values[.rowName] = Datum(.string(desired.name))
        // What stood there before the agent is not the agent's to delete when it leaves the layout.
        let isAdopted = desired.memory == .kept(isAdopted: true)
        let made = isAdopted ? [:] : [Mark.made: "true"]
        var maps: [String: [String: String]] = [Column.externalIDs.name: marks.merging(made) { $1 }]
        var absent: [String: Set<Atom>] = [:]
        let schema = replica.schema.tables[desired.table.vocabulary.name]
        for column in desired.columns where !(isAdopted && column.isOnlyForMadeRows) {
            switch column.value {
            case .exact(let value):
                let isDefault = schema.map { value == $0.columns[column.position].type.defaultValue } ?? false
                let isCarried = column.isOnlyForMadeRows && extra[column.name] != nil
                if !isDefault && !isCarried { values[column.name] = value }
            case .entries(let entries):
                for entry in entries {
                    maps[column.name, default: [:]][entry.key] = entry.value
                    if entry.value == nil { absent[column.name, default: []].insert(.string(entry.key)) }
                }
            }
        }
        for (column, entries) in maps where !entries.isEmpty {
            let carried = (values[column]?.entries ?? []).filter { absent[column]?.contains($0.key) != true }
            values[column] = Datum(map: carried + Datum(map: entries).entries)
        }
        let symbol = nextSymbol(for: desired.table)
        plan.inserts.append(RowInsert(table: desired.table.vocabulary, values: values, symbol: symbol))
        return .namedUUID(symbol)
    }

    mutating func setKeys(_ row: Row, _ table: DesiredRow.Table, _ column: Column, _ entries: [String: String?]) {
        setKeys(row, table, column.name, entries)
    }

    /// Sets or (with `nil`) removes keys of a map, and lists each that differs.
    mutating func setKeys(_ row: Row, _ table: DesiredRow.Table, _ column: String, _ entries: [String: String?]) {
        let found = row[column]
        let differing = entries.filter { found[$0.key] != $0.value }
        guard !differing.isEmpty else { return }
        edit(table.vocabulary, row.uuid) { edit in
            edit.assumed[column] = found
            edit.keys[column, default: [:]].merge(differing) { $1 }
        }
        for (key, wanted) in differing.sorted(by: { $0.key < $1.key }) {
            list("\(table.name) \(row.name)", "\(column):\(key)", found: found[key], wanted: wanted)
        }
    }

    /// Whether the agent inserted the row.
    func isMade(_ row: Row, as role: Role) -> Bool { provenance.isMade(row, as: role) }

    /// Remembers what the row has where it is seen for the first time, or is somebody else's by now.
    private mutating func note(_ row: Row, as desired: DesiredRow) {
        switch desired.memory {
        case .none, .kept(isAdopted: true): return
        case .kept(isAdopted: false): if isMade(row, as: desired.role) { return }
        case .firstSight: break
        }
        let object = FoundValues.Object(table: desired.table, name: desired.name)
        plan.noted[object] =
            isMade(row, as: desired.role)
            ? FoundRow(made: row, desired) : FoundRow(adopted: row, as: desired.role)
    }

    /// Whether the mark of a made row stands where the agent has seen it stand, and nowhere else.
    func hasItsMark(_ row: Row) -> Bool {
        guard let isMade = provenance.isMade(row.uuid) else { return true }
        return (row[.externalIDs][Mark.made] == "true") == isMade
    }

    /// Whether the row bears the mark of this role.
    static func isMarked(_ row: Row, as role: Role) -> Bool { row[.externalIDs][Mark.role] == role.rawValue }

    private mutating func patch(
        _ row: Row,
        _ desired: DesiredRow,
        _ column: DesiredColumn,
        _ found: Datum,
        quietly: Bool
    ) {
        var differing: [String: String?] = [:]
        if case .entries(let entries) = column.value {
            for entry in entries where found[entry.key] != entry.value { differing[entry.key] = .some(entry.value) }
        }
        edit(desired.table.vocabulary, row.uuid) { edit in
            edit.assumed[column.name] = found
            switch column.value {
            case .exact(let value): edit.values[column.name] = value
            case .entries: edit.keys[column.name, default: [:]].merge(differing) { $1 }
            }
        }
        guard !quietly else { return }
        let listed = plan.changes.endIndex
        let object = "\(desired.table.name) \(desired.name)"
        switch column.value {
        case .exact(let value) where found.isMap && value.isMap: listEntries(object, column.name, found, value)
        case .exact(let value): list(object, column.name, found: text(found, column.name), wanted: text(value, ""))
        case .entries:
            for (key, wanted) in differing.sorted(by: { $0.key < $1.key }) {
                let answer: Change.Answer? = column.followsStatus ? .status : nil
                list(object, "\(column.name):\(key)", found: found[key], wanted: wanted, answer: answer)
            }
        }
        if column.isAsFound { for index in listed..<plan.changes.endIndex { plan.changes[index].isAsFound = true } }
    }

    /// Gives a row that is released what it had when it was found. Its datapath stays: another would destroy it.
    mutating func giveBack(_ row: Row, _ table: DesiredRow.Table) {
        guard let found = provenance.found[table, row.name], found.isAdopted else { return }
        for (column, value) in found.columns.sorted(by: { $0.key < $1.key }) where row.has(column) {
            let standing = row[column]
            if standing == value { continue }
            edit(table.vocabulary, row.uuid) { edit in
                edit.assumed[column] = standing
                edit.values[column] = value
            }
            list("\(table.name) \(row.name)", column, found: text(standing, column), wanted: text(value, column))
        }
        for (column, entries) in found.keys.sorted(by: { $0.key < $1.key }) { setKeys(row, table, column, entries) }
    }

    private mutating func listEntries(_ object: String, _ column: String, _ found: Datum, _ wanted: Datum) {
        var (before, after) = (found.entries[...], wanted.entries[...])
        // Both are sorted by key.
        while let key = [before.first?.key, after.first?.key].compactMap(\.self).min() {
            let old = before.first?.key == key ? before.removeFirst().value : nil
            let new = after.first?.key == key ? after.removeFirst().value : nil
            if old != new { list(object, "\(column):\(key)", found: old?.description, wanted: new?.description) }
        }
    }

    /// Tells of a difference; `nil` where there is no value.
    mutating func list(
        _ object: String,
        _ column: String,
        found: String?,
        wanted: String?,
        answer: Change.Answer? = nil,
        note: String? = nil
    ) {
        let kind: Change.Kind =
            switch (found, wanted) {
            case (nil, _): .add
            case (_, nil): .remove
            default: .modify
            }
        var change = Change(kind, object, column, found: found ?? "", wanted: wanted ?? "")
        change.answer = answer
        change.note = note
        plan.changes.append(change)
    }

    /// `nil` for an empty set; controllers by their targets, since row identities say nothing to people.
    private func text(_ value: Datum, _ column: String) -> String? {
        if value.isEmpty { return nil }
        guard column == Bridge.controller.name else { return value.description }
        let controllers = replica[Controller.table]
        let targets = value.uuids.map { controllers[$0]?[Controller.target].string ?? $0.description }.sorted()
        return targets.joined(separator: ", ")
    }
}
