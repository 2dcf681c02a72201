import NIOCore

extension JSON {
    /// Parses exactly one JSON text; throws ``JSONError``.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        self = try Array(bytes).withUnsafeBytes { try withJSON($0) { JSON($0) } }
    }

    /// The text on one line, or indented by so many blanks a level.
    ///
    /// A real that is no number, which JSON cannot say, is written as `null`.
    public func text(indent: Int = 0) -> String {
        var text = JSONText(indent: indent)
        text.append(self)
        return text.string
    }
}

extension ByteBuffer {
    /// Appends the text of a JSON value.
    public mutating func writeJSON(_ json: JSON) {
        var text = JSONText()
        text.append(json)
        write(text)
    }

    package mutating func write(_ text: borrowing JSONText) { text.withBytes { _ = writeBytes($0) } }
}
