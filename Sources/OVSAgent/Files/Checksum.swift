/// 64-bit FNV-1a. It tells versions of a file apart, and damage; it proves nothing.
enum Checksum {
    /// 16 hexadecimal digits.
    static func text(of bytes: [UInt8]) -> String {
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
