/// A text that grows as a value is walked through: a repair waits for its transaction to be written, so no tree is
/// made of it first, and hundreds of small pieces go straight into memory of the text's own.
package struct JSONText: ~Copyable {
    package private(set) var count = 0
    private var capacity = 1024
    private var start: UnsafeMutablePointer<UInt8>
    private let indent: Int

    package init(indent: Int = 0) {
        self.indent = indent
        start = .allocate(capacity: capacity)
    }

    deinit { start.deallocate() }

    /// Shows the bytes so far.
    package func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: start, count: count))
    }

    package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    private mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: start, count: count)
        start.deallocate()
        start = larger
    }

    private mutating func put(_ byte: UInt8) {
        reserve(1)
        start[count] = byte
        count += 1
    }

    private mutating func put(_ bytes: UnsafePointer<UInt8>, _ number: Int) {
        reserve(number)
        (start + count).update(from: bytes, count: number)
        count += number
    }

    private mutating func put(_ bytes: some Sequence<UInt8>) { for byte in bytes { put(byte) } }

    /// What is JSON already.
    package mutating func append(_ json: StaticString) { put(json.utf8Start, json.utf8CodeUnitCount) }

    /// As a string.
    package mutating func append(_ uuid: UUID) {
        put(UInt8(ascii: "\""))
        reserve(UUID.length)
        uuid.write(to: start + count)
        count += UUID.length
        put(UInt8(ascii: "\""))
    }

    /// An array on one line.
    package mutating func append<Element>(
        listing elements: some Sequence<Element>,
        _ append: (inout JSONText, Element) -> Void
    ) {
        var isFirst = true
        put(UInt8(ascii: "["))
        for element in elements {
            if !isFirst { put(UInt8(ascii: ",")) }
            isFirst = false
            append(&self, element)
        }
        put(UInt8(ascii: "]"))
    }

    package mutating func append(_ integer: Int64) { put(integer.description.utf8) }

    package mutating func append(_ real: Double) { put((real.isFinite ? real.description : "null").utf8) }

    package mutating func append(_ boolean: Bool) { append(boolean ? "true" as StaticString : "false") }

    package mutating func append(_ json: JSON, level: Int = 0) {
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
                text.put(UInt8(ascii: ":"))
                if text.indent > 0 { text.put(UInt8(ascii: " ")) }
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
        put(UInt8(ascii: opening))
        for (index, element) in elements.enumerated() {
            if index > 0 { put(UInt8(ascii: ",")) }
            breakLine(level + 1)
            append(&self, element)
        }
        if !elements.isEmpty { breakLine(level) }
        put(UInt8(ascii: closing))
    }

    private mutating func breakLine(_ level: Int) {
        guard indent > 0 else { return }
        put(UInt8(ascii: "\n"))
        put(repeatElement(UInt8(ascii: " "), count: indent * level))
    }

    /// RFC 8259, 7: what has to be escaped is.
    package mutating func append(_ string: String) {
        var string = string
        put(UInt8(ascii: "\""))
        string.withUTF8 { characters in
            guard let first = characters.baseAddress else { return }
            if !characters.contains(where: Self.isEscaped) { return put(first, characters.count) }
            for character in characters {
                guard Self.isEscaped(character) else {
                    put(character)
                    continue
                }
                put(UInt8(ascii: "\\"))
                switch character {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(character)
                case UInt8(ascii: "\n"): put(UInt8(ascii: "n"))
                case UInt8(ascii: "\r"): put(UInt8(ascii: "r"))
                case UInt8(ascii: "\t"): put(UInt8(ascii: "t"))
                default:
                    append("u00" as StaticString)
                    put(UUID.digit(character >> 4))
                    put(UUID.digit(character & 0xF))
                }
            }
        }
        put(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ character: UInt8) -> Bool {
        character < 0x20 || character == UInt8(ascii: "\"") || character == UInt8(ascii: "\\")
    }
}
