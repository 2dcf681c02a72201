import JSONRPC

@testable import OVSDB

/// Shows a JSON text to `body` as the client sees what a server sends.
func reading<T>(_ text: String, _ body: (JSONView) throws -> T) throws -> T {
    try Array(text.utf8).withUnsafeBytes { try withJSON($0, body) }
}

/// A row's identity that is easy to tell from others.
func row(_ number: Int) -> JSONRPC.UUID {
    let digits = String(number)
    let text = "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    return JSONRPC.UUID(text) ?? .zero
}
