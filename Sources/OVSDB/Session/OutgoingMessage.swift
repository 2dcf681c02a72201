import JSONRPC

/// What a session sends (JSON-RPC 1.0, RFC 7047, 4).
enum OutgoingMessage: Hashable, Sendable {
    case json(JSON)
    /// RFC 7047, 4.1.3.
    case transact(id: Int64, database: String, [Operation])

    var text: JSONText {
        var text = JSONText()
        switch self {
        case .json(let json): text.append(json)
        case .transact(let id, let database, let operations):
            text.append("{\"id\":" as StaticString)
            text.append(id)
            text.append(",\"method\":\"transact\",\"params\":[" as StaticString)
            text.append(database)
            for operation in operations {
                text.append("," as StaticString)
                text.append(operation)
            }
            text.append("]}" as StaticString)
        }
        return text
    }
}
