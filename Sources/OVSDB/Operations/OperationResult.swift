import JSONRPC

/// What one operation of a committed transaction gave (RFC 7047, 5.2).
public enum OperationResult: Hashable, Sendable {
    /// An insert's new row.
    case inserted(UUID)
    /// A select's rows as they came; their types are the schema's.
    case rows([JSON])
    /// How many rows an update, mutate or delete changed.
    case count(Int)
    /// A wait, commit, comment or assert.
    case done
}

extension [OperationResult] {
    /// Reads the result of a `transact` of so many operations (RFC 7047, 4.1.3).
    ///
    /// Throws the first error among the results, or one that the server appended for the commit itself. Operations
    /// after one that failed have null for a result.
    init(_ json: JSONView, count: Int) throws(OVSDBError) {
        guard json.isArray else { throw .mismatch(json, wanted: "a transaction's results") }
        self = []
        reserveCapacity(count)
        for (index, result) in json.elements.enumerated() {
            if let error = result["error"], !error.isNull {
                guard let name = error.string else { throw .mismatch(result, wanted: "an error's name") }
                let operation = index < count ? index : nil
                throw .transaction(
                    TransactionError(operation: operation, name: name, details: result["details"]?.string)
                )
            }
            append(try OperationResult(result))
        }
        guard self.count == count else { throw .mismatch(json, wanted: "\(count) results") }
    }
}

extension OperationResult {
    fileprivate init(_ json: JSONView) throws(OVSDBError) {
        guard json.isObject else { throw .mismatch(json, wanted: "an operation's result") }
        if let uuid = json["uuid"] {
            guard case .uuid(let uuid) = try Atom(uuid, .uuid) else { throw .mismatch(uuid, wanted: "a uuid") }
            self = .inserted(uuid)
        } else if let rows = json["rows"] {
            guard rows.isArray else { throw .mismatch(json, wanted: "a select's rows") }
            self = .rows(rows.elements.map { JSON($0) })
        } else if let count = json["count"] {
            guard let count = count.integer, count >= 0 else { throw .mismatch(json, wanted: "a count of rows") }
            self = .count(Int(count))
        } else {
            self = .done
        }
    }
}
