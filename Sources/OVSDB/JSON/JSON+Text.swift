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
        text.append(self, level: 0)
        return String(decoding: text.bytes, as: UTF8.self)
    }
}

extension ByteBuffer {
    /// Appends the text of a JSON value.
    public mutating func writeJSON(_ json: JSON) {
        var text = JSONText(indent: 0)
        text.append(json, level: 0)
        writeBytes(text.bytes)
    }
}

/// A text that grows as a value is walked through: a repair waits for its transaction to be written, so no tree is
/// made of it first.
private struct JSONText {
    let indent: Int
    var bytes: [UInt8] = []

    init(indent: Int) {
        self.indent = indent
        bytes.reserveCapacity(1024)
    }

    mutating func append(_ json: JSON, level: Int) {
        switch json {
        case .null: bytes += "null".utf8
        case .boolean(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += value.description.utf8
        case .real(let value): bytes += (value.isFinite ? value.description : "null").utf8
        case .string(let value): append(value)
        case .array(let elements):
            enclose(elements, "[", "]", level) { text, element in text.append(element, level: level + 1) }
        case .object(let members):
            enclose(members, "{", "}", level) { text, member in
                text.append(member.name)
                text.bytes.append(UInt8(ascii: ":"))
                if text.indent > 0 { text.bytes.append(UInt8(ascii: " ")) }
                text.append(member.value, level: level + 1)
            }
        }
    }

    private mutating func enclose<Element>(
        _ elements: [Element],
        _ opening: Unicode.Scalar,
        _ closing: Unicode.Scalar,
        _ level: Int,
        _ append: (inout JSONText, Element) -> Void
    ) {
        bytes.append(UInt8(ascii: opening))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            breakLine(level + 1)
            append(&self, element)
        }
        if !elements.isEmpty { breakLine(level) }
        bytes.append(UInt8(ascii: closing))
    }

    private mutating func breakLine(_ level: Int) {
        guard indent > 0 else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
    }

    /// RFC 8259, 7: what has to be escaped is.
    private mutating func append(_ string: String) {
        var string = string
        bytes.append(UInt8(ascii: "\""))
        string.withUTF8 { characters in
            if !characters.contains(where: Self.isEscaped) { return bytes.append(contentsOf: characters) }
            for character in characters {
                guard Self.isEscaped(character) else {
                    bytes.append(character)
                    continue
                }
                bytes.append(UInt8(ascii: "\\"))
                switch character {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(character)
                case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
                case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
                case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
                default:
                    bytes += "u00".utf8
                    bytes.append(Self.digits[Int(character >> 4)])
                    bytes.append(Self.digits[Int(character & 15)])
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ character: UInt8) -> Bool {
        character < 0x20 || character == UInt8(ascii: "\"") || character == UInt8(ascii: "\\")
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
