/// A text that grows as a value is walked through: a repair waits for its transaction to be written, so no tree is
/// made of it first.
struct JSONText {
    private(set) var bytes: [UInt8] = []
    private let indent: Int

    init(indent: Int = 0) {
        self.indent = indent
        bytes.reserveCapacity(1024)
    }

    /// What is JSON already.
    mutating func append(_ json: StaticString) {
        json.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// An array on one line.
    mutating func append<Element>(
        listing elements: some Sequence<Element>,
        _ append: (inout JSONText, Element) -> Void
    ) {
        var isFirst = true
        bytes.append(UInt8(ascii: "["))
        for element in elements {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            append(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func append(_ integer: Int64) { bytes += integer.description.utf8 }

    mutating func append(_ real: Double) { bytes += (real.isFinite ? real.description : "null").utf8 }

    mutating func append(_ boolean: Bool) { append(boolean ? "true" as StaticString : "false") }

    mutating func append(_ json: JSON, level: Int = 0) {
        switch json {
        case .null: append("null" as StaticString)
        case .boolean(let value): append(value)
        case .integer(let value): append(value)
        case .real(let value): append(value)
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
    mutating func append(_ string: String) {
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
