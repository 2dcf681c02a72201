@testable import OVSDB

/// Random numbers that a printed seed brings back (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Shows a JSON text to `body` as the client sees what a server sends.
func reading<T>(_ text: String, _ body: (JSONView) throws -> T) throws -> T {
    try Array(text.utf8).withUnsafeBytes { try withJSON($0, body) }
}

/// A row's identity that is easy to tell from others.
func row(_ number: Int) -> OVSDB.UUID {
    let digits = String(number)
    let text = "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    return OVSDB.UUID(text) ?? .zero
}
