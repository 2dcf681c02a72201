import JSONRPC

extension Condition {
    /// The wire form (RFC 7047, 5.1 `<condition>`).
    var json: JSON { [.string(column), .string(function.rawValue), value.json] }
}
