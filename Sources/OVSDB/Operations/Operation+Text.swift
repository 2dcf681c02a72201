import JSONRPC

// Operations as `transact` carries them (RFC 7047, 5.2), written without a tree of JSON first: a repair waits for its
// transaction to be written.

extension Operation: CustomStringConvertible {
    /// The wire form.
    public var description: String {
        var text = JSONText()
        text.append(self)
        return text.string
    }
}

extension JSONText {
    mutating func append(_ operation: Operation) {
        switch operation {
        case .insert(let table, let row, let name):
            begin("insert", table)
            append(",\"row\":", row)
            if let name {
                append(",\"uuid-name\":" as StaticString)
                append(name)
            }
        case .select(let table, let conditions, let columns):
            begin("select", table, where: conditions)
            if let columns { append(",\"columns\":", columns) }
        case .update(let table, let conditions, let row):
            begin("update", table, where: conditions)
            append(",\"row\":", row)
        case .mutate(let table, let conditions, let mutations):
            begin("mutate", table, where: conditions)
            append(",\"mutations\":" as StaticString)
            append(listing: mutations) { $0.append($1.column, $1.mutator.rawValue, $1.value) }
        case .delete(let table, let conditions):
            begin("delete", table, where: conditions)
        case .wait(let table, let conditions, let columns, let equal, let rows, let timeout):
            begin("wait", table)
            if let timeout {
                append(",\"timeout\":" as StaticString)
                append(Int64(timeout))
            }
            append(where: conditions)
            append(",\"columns\":", columns)
            append(equal ? ",\"until\":\"==\",\"rows\":" as StaticString : ",\"until\":\"!=\",\"rows\":")
            append(listing: rows) { $0.append($1) }
        case .commit(let durable):
            append("{\"op\":\"commit\",\"durable\":" as StaticString)
            append(durable)
        case .abort: append("{\"op\":\"abort\"" as StaticString)
        case .comment(let text):
            append("{\"op\":\"comment\",\"comment\":" as StaticString)
            append(text)
        case .assert(let lock):
            append("{\"op\":\"assert\",\"lock\":" as StaticString)
            append(lock)
        }
        append("}" as StaticString)
    }

    private mutating func begin(_ name: StaticString, _ table: String) {
        append("{\"op\":\"" as StaticString)
        append(name)
        append("\",\"table\":" as StaticString)
        append(table)
    }

    private mutating func begin(_ name: StaticString, _ table: String, where conditions: [Condition]) {
        begin(name, table)
        append(where: conditions)
    }

    private mutating func append(where conditions: [Condition]) {
        append(",\"where\":" as StaticString)
        append(listing: conditions) { $0.append($1.column, $1.function.rawValue, $1.value) }
    }

    /// A condition or a mutation (RFC 7047, 5.1).
    private mutating func append(_ column: String, _ word: String, _ value: Datum) {
        append("[" as StaticString)
        append(column)
        append("," as StaticString)
        append(word)
        append("," as StaticString)
        append(value)
        append("]" as StaticString)
    }

    private mutating func append(_ member: StaticString, _ columns: [String]) {
        append(member)
        append(listing: columns) { $0.append($1) }
    }

    private mutating func append(_ member: StaticString, _ row: [String: Datum]) {
        append(member)
        append(row)
    }

    /// Sorted, so that the same row is always the same text.
    private mutating func append(_ row: [String: Datum]) {
        var separator: StaticString = "{"
        for (column, value) in row.count < 2 ? Array(row) : row.sorted(by: { $0.key < $1.key }) {
            append(separator)
            append(column)
            append(":" as StaticString)
            append(value)
            separator = ","
        }
        append(row.isEmpty ? "{}" as StaticString : "}")
    }

    /// As ``Datum/json``.
    mutating func append(_ datum: Datum) {
        if datum.isMap {
            append("[\"map\"," as StaticString)
            append(listing: datum.entries) { text, entry in
                text.append("[" as StaticString)
                text.append(entry.key)
                text.append("," as StaticString)
                text.append(entry.value)
                text.append("]" as StaticString)
            }
            append("]" as StaticString)
        } else if let atom = datum.atom {
            append(atom)
        } else {
            append("[\"set\"," as StaticString)
            append(listing: datum.atoms) { $0.append($1) }
            append("]" as StaticString)
        }
    }

    private mutating func append(_ atom: Atom) {
        switch atom {
        case .integer(let value): append(value)
        case .real(let value): append(value)
        case .boolean(let value): append(value)
        case .string(let value): append(value)
        case .uuid(let value):
            append("[\"uuid\"," as StaticString)
            append(value)
            append("]" as StaticString)
        case .namedUUID(let name):
            append("[\"named-uuid\"," as StaticString)
            append(name)
            append("]" as StaticString)
        }
    }
}
