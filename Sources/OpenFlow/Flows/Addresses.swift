import Glibc

/// A MAC address; as text `0a:0b:0c:0d:0e:0f`.
public struct EthernetAddress: RawRepresentable, Hashable, Sendable {
    /// The lower 48 bits, the first byte highest.
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue & 0xffff_ffff_ffff
    }

    public static let broadcast = EthernetAddress(rawValue: .max)
    /// The one bit that tells a multicast from a unicast address: for a match's mask, and for its value.
    public static let multicastBit = EthernetAddress(rawValue: 1 << 40)

    public var isMulticast: Bool { rawValue & Self.multicastBit.rawValue != 0 }
}

extension EthernetAddress: LosslessStringConvertible {
    /// Six pairs of hexadecimal digits with colons between.
    public init?(_ description: String) {
        let parts = description.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var value: UInt64 = 0
        for part in parts {
            guard part.count == 2, let byte = UInt8(Substring(part), radix: 16), part.first != UInt8(ascii: "+") else {
                return nil
            }
            value = value << 8 | UInt64(byte)
        }
        self.init(rawValue: value)
    }

    public var description: String {
        stride(from: 40, through: 0, by: -8).map { hexDigits((rawValue >> $0) & 0xff, width: 2) }.joined(separator: ":")
    }
}

/// An IPv4 address; as text `192.0.2.1`.
public struct IPv4Address: RawRepresentable, Hashable, Sendable {
    /// The first byte is the highest.
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The mask of a prefix; `length` from 0 to 32.
    public static func mask(prefix length: Int) -> IPv4Address {
        IPv4Address(rawValue: ~(UInt32.max >> length))
    }
}

extension IPv4Address: LosslessStringConvertible {
    public init?(_ description: String) {
        var address = in_addr()
        guard inet_pton(AF_INET, description, &address) == 1 else { return nil }
        self.init(rawValue: UInt32(bigEndian: address.s_addr))
    }

    public var description: String {
        stride(from: 24, through: 0, by: -8).map { String((rawValue >> $0) & 0xff) }.joined(separator: ".")
    }
}

/// An IPv6 address; as text `2001:db8::1`.
public struct IPv6Address: RawRepresentable, Hashable, Sendable {
    /// The first byte is the highest.
    public let rawValue: UInt128

    public init(rawValue: UInt128) {
        self.rawValue = rawValue
    }

    /// The mask of a prefix; `length` from 0 to 128.
    public static func mask(prefix length: Int) -> IPv6Address {
        IPv6Address(rawValue: ~(UInt128.max >> UInt128(length)))
    }
}

extension IPv6Address: LosslessStringConvertible {
    public init?(_ description: String) {
        var bytes: UInt128 = 0
        guard inet_pton(AF_INET6, description, &bytes) == 1 else { return nil }
        self.init(rawValue: UInt128(bigEndian: bytes))
    }

    public var description: String {
        var bytes = rawValue.bigEndian
        // A buffer of this size always suffices.
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Lower-case hexadecimal digits, zeros in front up to `width`.
func hexDigits(_ value: some BinaryInteger, width: Int = 0) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

/// As `%#x` of printf(3), which Open vSwitch uses in many places: `0x1f`, but `0` for zero.
func prefixedHex(_ value: some BinaryInteger) -> String {
    value == 0 ? "0" : "0x" + hexDigits(value)
}
