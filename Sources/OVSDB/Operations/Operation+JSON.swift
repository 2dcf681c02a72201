/// Operations as `transact` carries them (RFC 7047, 5.2).
extension Operation {
    /// The wire form.
    public var json: JSON {
        switch self {
        case .insert(let table, let row, let name):
            let named: [JSON.Member] = name.map { [.init("uuid-name", .string($0))] } ?? []
            return object("insert", table, [.init("row", row.json)] + named)
        case .select(let table, let conditions, let columns):
            let listed: [JSON.Member] = columns.map { [.init("columns", .array($0.map(JSON.string)))] } ?? []
            return object("select", table, [.init("where", conditions.json)] + listed)
        case .update(let table, let conditions, let row):
            return object("update", table, [.init("where", conditions.json), .init("row", row.json)])
        case .mutate(let table, let conditions, let mutations):
            let listed = mutations.map {
                JSON.array([.string($0.column), .string($0.mutator.rawValue), $0.value.json])
            }
            return object("mutate", table, [.init("where", conditions.json), .init("mutations", .array(listed))])
        case .delete(let table, let conditions):
            return object("delete", table, [.init("where", conditions.json)])
        case .wait(let table, let conditions, let columns, let equal, let rows, let timeout):
            let limit: [JSON.Member] = timeout.map { [.init("timeout", .integer(Int64($0)))] } ?? []
            return object(
                "wait",
                table,
                limit + [
                    .init("where", conditions.json), .init("columns", .array(columns.map(JSON.string))),
                    .init("until", equal ? "==" : "!="), .init("rows", .array(rows.map(\.json))),
                ]
            )
        case .commit(let durable): return ["op": "commit", "durable": .boolean(durable)]
        case .abort: return ["op": "abort"]
        case .comment(let text): return ["op": "comment", "comment": .string(text)]
        case .assert(let lock): return ["op": "assert", "lock": .string(lock)]
        }
    }

    private func object(_ name: String, _ table: String, _ members: [JSON.Member]) -> JSON {
        .object([.init("op", .string(name)), .init("table", .string(table))] + members)
    }
}

extension Condition {
    /// The wire form.
    var json: JSON { [.string(column), .string(function.rawValue), value.json] }
}

extension [Condition] {
    fileprivate var json: JSON { .array(map(\.json)) }
}

extension [String: Datum] {
    /// Sorted, so that the same row is always the same text.
    fileprivate var json: JSON {
        .object(sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) })
    }
}
