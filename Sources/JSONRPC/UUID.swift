/// A row's identity: 128 bits, written as `550e8400-e29b-41d4-a716-446655440000` (RFC 4122, RFC 7047 3.1 `<uuid>`).
public struct UUID: Hashable, Comparable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// All bits zero, which no row has.
    public static let zero = UUID(high: 0, low: 0)

    /// A random version 4 UUID.
    public static func random() -> UUID {
        UUID(
            high: UInt64.random(in: 0 ... .max) & ~0xF000 | 0x4000,
            low: UInt64.random(in: 0 ... .max) & ~(0b11 << 62) | (0b10 << 62)
        )
    }

    /// The value of 36 characters in the form 8-4-4-4-12; `nil` for anything else. Upper case is taken too.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let uuid = text.withUTF8({ UUID(ascii: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = uuid
    }

    /// The same of text that is not a string yet.
    package init?(ascii text: UnsafeRawBufferPointer) {
        guard text.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for position in 0..<36 {
            let byte = text[position]
            if Self.dashes.contains(position) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Self.hexadecimal(byte) else { return nil }
            if position < 18 { high = high << 4 | digit } else { low = low << 4 | digit }
        }
        self.init(high: high, low: low)
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The lower-case text form.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.length) { text in
            if let start = text.baseAddress { write(to: start) }
            return Self.length
        }
    }

    /// Characters of the text form.
    package static let length = 36

    /// Writes the text form's ``length`` bytes.
    package func write(to text: UnsafeMutablePointer<UInt8>) {
        var position = 0
        for index in 0..<16 {
            if Self.dashes.contains(position) {
                text[position] = UInt8(ascii: "-")
                position += 1
            }
            let byte = UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> (56 - 8 * UInt64(index % 8)))
            text[position] = Self.digit(byte >> 4)
            text[position + 1] = Self.digit(byte & 0xF)
            position += 2
        }
    }

    /// A hexadecimal digit of a value below 16.
    package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    public static func < (a: UUID, b: UUID) -> Bool { (a.high, a.low) < (b.high, b.low) }

    private struct Positions {
        func contains(_ position: Int) -> Bool {
            position == 8 || position == 13 || position == 18 || position == 23
        }
    }

    private static let dashes = Positions()

    private static func hexadecimal(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
