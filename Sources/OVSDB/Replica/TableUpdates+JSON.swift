import JSONRPC

/// Updates as monitors carry them, read under the schema that is followed.
extension TableUpdates {
    /// Which of the two forms a monitor speaks.
    enum Form {
        /// `monitor` and `update`: old and new values (RFC 7047, 4.1.5 and 4.1.6).
        case values
        /// `monitor_cond`, `monitor_cond_since`, `update2` and `update3`: differences (ovsdb-server(7)).
        case differences
    }

    /// Throws ``OVSDBError/protocolViolation(_:)`` for tables, columns or values that the schema does not have.
    init(_ json: JSONView, form: Form, schema: DatabaseSchema) throws(OVSDBError) {
        guard json.isObject else { throw .mismatch(json, wanted: "table updates") }
        self.init()
        for (name, updates) in json.members {
            guard let table = schema.tables[name] else {
                throw .protocolViolation("an update of table \(name), which is not monitored")
            }
            guard updates.isObject else { throw .mismatch(updates, wanted: "updates of table \(name)") }
            for (text, update) in updates.members {
                guard let uuid = UUID(text) else { throw .protocolViolation("\(text) is no row of table \(name)") }
                let change = try Change(update, form: form, table: table)
                rows.append(RowUpdate(table: name, uuid: uuid, change: change))
            }
        }
    }
}

extension TableUpdates.RowUpdate {
    /// Reads one row that was cut out of a snapshot.
    init(
        _ row: RowSlicer.Row,
        _ json: JSONView,
        form: TableUpdates.Form,
        schema: DatabaseSchema
    ) throws(OVSDBError) {
        guard let table = schema.tables[row.table] else {
            throw .protocolViolation("an update of table \(row.table), which is not monitored")
        }
        let change = try TableUpdates.Change(json, form: form, table: table)
        self.init(table: row.table, uuid: row.uuid, change: change)
    }
}

extension TableUpdates.Change {
    fileprivate init(_ json: JSONView, form: TableUpdates.Form, table: TableSchema) throws(OVSDBError) {
        switch form {
        case .differences:
            if let row = json["modify"] {
                self = .modify(try Self.values(row, table))
            } else if let row = json["insert"] ?? json["initial"] {
                self = .insert(try Self.values(row, table))
            } else if json["delete"] != nil {
                self = .delete
            } else {
                throw .mismatch(json, wanted: "initial, insert, modify or delete")
            }
        case .values:
            if let row = json["new"] {
                let values = try Self.values(row, table)
                self = json["old"] == nil ? .insert(values) : .replace(values)
            } else if json["old"] != nil {
                self = .delete
            } else {
                throw .mismatch(json, wanted: "old or new")
            }
        }
    }

    private static func values(
        _ row: JSONView,
        _ table: TableSchema
    ) throws(OVSDBError) -> [TableUpdates.ColumnValue] {
        guard row.isObject else { throw .mismatch(row, wanted: "a row") }
        var values: [TableUpdates.ColumnValue] = []
        values.reserveCapacity(row.count)
        for (name, value) in row.members {
            guard let position = table.position(of: name) else {
                throw .protocolViolation("a value of column \(table.name).\(name), which is not monitored")
            }
            values.append(.init(position: position, value: try Datum(value, table.shapes[position])))
        }
        return values
    }
}
