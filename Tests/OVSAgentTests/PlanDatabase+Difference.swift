import OVSDB

extension PlanDatabase {
    /// What a monitor tells of the change, as differences.
    func difference(from before: PlanDatabase) -> TableUpdates {
        var updates = TableUpdates()
        for key in Set(rows.keys).union(before.rows.keys) {
            guard let table = PlanSchema.followed.tables[key.table] else { continue }
            let (old, new) = (before.rows[key] ?? [:], rows[key] ?? [:])
            var values: [TableUpdates.ColumnValue] = []
            for (position, column) in table.columns.enumerated() where old[column.name] != new[column.name] {
                let change = new[column.name] ?? column.type.defaultValue
                guard before.rows[key] != nil, !column.type.isReplacedWhole else {
                    values.append(.init(position: position, value: change))
                    continue
                }
                let formerly = old[column.name] ?? column.type.defaultValue
                let difference =
                    change.isMap
                    ? Datum(
                        map: Set(formerly.entries).subtracting(change.entries) + change.entries.filter(formerly.lacks)
                    )
                    : Datum(set: Set(formerly.atoms).symmetricDifference(change.atoms))
                values.append(.init(position: position, value: difference))
            }
            if rows[key] == nil {
                updates.rows.append(.init(table: key.table, uuid: key.uuid, change: .delete))
            } else if before.rows[key] == nil {
                updates.rows.append(.init(table: key.table, uuid: key.uuid, change: .insert(values)))
            } else if !values.isEmpty {
                updates.rows.append(.init(table: key.table, uuid: key.uuid, change: .modify(values)))
            }
        }
        return updates
    }
}

extension Datum {
    fileprivate func lacks(_ entry: Entry) -> Bool { !entries.contains(entry) }
}
