import JSONRPC

/// A schema as `get_schema` answers it (RFC 7047, 4.1.2 and 3.2).
extension DatabaseSchema {
    init(_ json: JSONView) throws(OVSDBError) {
        guard let name = json["name"]?.string, let version = json["version"]?.string, let tables = json["tables"],
            tables.isObject
        else { throw .mismatch(json, wanted: "a database schema") }
        self.init(name: name, version: version, tables: [:])
        for (name, table) in tables.members {
            self.tables[name] = try TableSchema(name: name, table)
        }
    }
}

extension TableSchema {
    fileprivate init(name: String, _ json: JSONView) throws(OVSDBError) {
        guard let described = json["columns"], described.isObject else {
            throw .mismatch(json, wanted: "a table schema")
        }
        var columns: [ColumnSchema] = []
        for (name, column) in described.members {
            guard let type = column["type"] else { throw .mismatch(column, wanted: "a column schema") }
            columns.append(
                ColumnSchema(
                    name,
                    try ColumnType(type),
                    isEphemeral: column["ephemeral"]?.boolean ?? false,
                    isMutable: column["mutable"]?.boolean ?? true
                )
            )
        }
        let indexes = (json["indexes"]?.elements ?? []).map { $0.elements.compactMap(\.string) }
        self.init(name: name, columns: columns, indexes: indexes, isRoot: json["isRoot"]?.boolean ?? false)
    }
}

extension ColumnType {
    fileprivate init(_ json: JSONView) throws(OVSDBError) {
        if !json.isObject {
            self.init(key: try BaseType(json))
            return
        }
        guard let key = json["key"] else { throw .mismatch(json, wanted: "a column type") }
        self.init(key: try BaseType(key), value: nil)
        if let value = json["value"] { self.value = try BaseType(value) }
        if let limit = json["min"] {
            guard let minimum = limit.integer, 0...1 ~= minimum else {
                throw .mismatch(json, wanted: "a min of 0 or 1")
            }
            self.minimum = Int(minimum)
        }
        if let limit = json["max"], limit.isString("unlimited") {
            maximum = .max
        } else if let limit = json["max"] {
            guard let maximum = limit.integer, maximum >= 1 else {
                throw .mismatch(json, wanted: "a max of at least 1")
            }
            self.maximum = Int(maximum)
        }
    }
}

extension BaseType {
    fileprivate init(_ json: JSONView) throws(OVSDBError) {
        guard let kind = (json.string ?? json["type"]?.string).flatMap(Kind.init) else {
            throw .mismatch(json, wanted: "integer, real, boolean, string or uuid")
        }
        self.init(kind)
        if let allowed = json["enum"] {
            self.allowed = try Datum(allowed, ColumnShape(ColumnType(key: BaseType(kind))))
        }
        guard let table = json["refTable"]?.string else { return }
        if json["refType"]?.isString("weak") == true {
            reference = .weak(table: table)
        } else if json["refType"] == nil || json["refType"]?.isString("strong") == true {
            reference = .strong(table: table)
        } else {
            throw .mismatch(json, wanted: "a refType of strong or weak")
        }
    }
}
