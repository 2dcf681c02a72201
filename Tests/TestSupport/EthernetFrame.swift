/// One Ethernet frame: what a test sends, and what it finds at a port. Equal when every byte is.
public struct EthernetFrame: Hashable, Sendable {
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// A frame of at least the 60 bytes that Ethernet asks for.
    ///
    /// - Parameters:
    ///   - to, from: MAC addresses as text.
    ///   - vlan: the tag's VLAN id; 0 is a priority tag, `nil` no tag.
    ///   - priority: the tag's priority.
    ///   - type: of the payload; left out, one that is kept for experiments (IEEE 802, 9.2.3).
    public init(
        to destination: String,
        from source: String,
        vlan: UInt16? = nil,
        priority: UInt16 = 0,
        type: UInt16 = 0x88b5,
        payload: [UInt8] = Array("frame".utf8)
    ) {
        bytes = Self.address(destination) + Self.address(source)
        if let vlan { bytes += Self.pair(0x8100) + Self.pair(priority << 13 | vlan) }
        bytes += Self.pair(type) + payload
        bytes += [UInt8](repeating: 0, count: max(0, (vlan == nil ? 60 : 64) - bytes.count))
    }

    /// The same frame in another VLAN; `nil` takes the tag off.
    public func tagged(_ vlan: UInt16?, priority: UInt16 = 0) -> EthernetFrame {
        let isTagged = bytes[12...13] == [0x81, 0x00]
        let tag = vlan.map { Self.pair(0x8100) + Self.pair(priority << 13 | $0) } ?? []
        return EthernetFrame(bytes: bytes[..<12] + tag + bytes[(isTagged ? 16 : 12)...])
    }

    /// One tag in front of a frame.
    public struct Tag: Hashable, Sendable {
        public var type: UInt16
        public var vlan: UInt16
        public var priority: UInt16

        public init(_ vlan: UInt16, type: UInt16 = 0x8100, priority: UInt16 = 0) {
            self.type = type
            self.vlan = vlan
            self.priority = priority
        }
    }

    /// The same frame with these tags before all that it has, the outermost first.
    public func under(_ tags: [Tag]) -> EthernetFrame {
        let added = tags.flatMap { Self.pair($0.type) + Self.pair($0.priority << 13 | $0.vlan) }
        return EthernetFrame(bytes: bytes[..<12] + added + bytes[12...])
    }

    /// The tags, the outermost first.
    public var tags: [Tag] {
        var tags: [Tag] = []
        var next = 12
        func pair(_ at: Int) -> UInt16 { UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1]) }
        while next + 4 <= bytes.count, [0x8100, 0x88a8].contains(pair(next)) {
            let control = pair(next + 2)
            tags.append(Tag(control & 0xfff, type: pair(next), priority: control >> 13))
            next += 4
        }
        return tags
    }

    /// What follows the last tag, without the type.
    public var payload: ArraySlice<UInt8> { bytes.dropFirst(14 + 4 * tags.count) }

    /// The RARP by which a hypervisor tells where a VM has moved to.
    public static func moved(_ station: String, to destination: String = "ff:ff:ff:ff:ff:ff") -> EthernetFrame {
        let (mac, none): ([UInt8], [UInt8]) = (address(station), [0, 0, 0, 0])
        return EthernetFrame(
            to: destination,
            from: station,
            type: 0x8035,
            payload: [0, 1, 8, 0, 6, 4, 0, 3] + mac + none + mac + none
        )
    }

    /// A gratuitous ARP request of a station for its address.
    public static func gratuitous(_ station: String, _ ip: [UInt8] = [192, 0, 2, 1]) -> EthernetFrame {
        EthernetFrame(
            to: "ff:ff:ff:ff:ff:ff",
            from: station,
            type: 0x0806,
            payload: [0, 1, 8, 0, 6, 4, 0, 1] + address(station) + ip + [0, 0, 0, 0, 0, 0] + ip
        )
    }

    /// The neighbour advertisement to all nodes by which a station tells where its address is (RFC 4861, 7.2.6).
    ///
    /// - Parameter option: whether it has the station's link-layer address.
    public static func advertised(_ station: String, option: Bool = true) -> EthernetFrame {
        let mac = address(station)
        let source: [UInt8] =
            [0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]
        let target: [UInt8] = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        var message: [UInt8] = [136, 0, 0, 0, 0x20, 0, 0, 0] + source + (option ? [2, 1] + mac : [])
        let length = pair(UInt16(message.count))
        let sum = checksum(source + target + [0, 0] + length + [0, 0, 0, 58] + message)
        message.replaceSubrange(2..<4, with: pair(sum))
        return EthernetFrame(
            to: "33:33:00:00:00:01",
            from: station,
            type: 0x86dd,
            payload: [0x60, 0, 0, 0] + length + [58, 255] + source + target + message
        )
    }

    /// The internet checksum (RFC 1071).
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }

    /// Whether it is IPv6.
    public var isAdvertisement: Bool { bytes[12..<14] == [0x86, 0xdd] }

    public var hexadecimal: String { bytes.map(Self.hexadecimal).joined() }

    private static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    private static func pair(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
    private static func address(_ text: String) -> [UInt8] { text.split(separator: ":").map { UInt8($0, radix: 16)! } }
}

extension EthernetFrame: CustomStringConvertible {
    /// Such as `02:..:01 > ff:ff:..:ff vlan 7 88b5 6672616d65`.
    public var description: String {
        func text(_ range: Range<Int>) -> String { bytes[range].map(Self.hexadecimal).joined(separator: ":") }
        guard bytes.count >= 18 else { return hexadecimal }
        let isTagged = bytes[12...13] == [0x81, 0x00]
        let tag = isTagged ? " vlan \((UInt16(bytes[14]) << 8 | UInt16(bytes[15])) & 0xfff) of \(text(14..<16))" : ""
        let rest = bytes[(isTagged ? 16 : 12)...].prefix(40).map(Self.hexadecimal).joined()
        return "\(text(6..<12)) > \(text(0..<6))\(tag) \(rest)"
    }
}
