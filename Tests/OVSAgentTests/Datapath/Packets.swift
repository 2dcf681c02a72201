import OpenFlow
import TestSupport

/// Packets as a NIC sends them, byte by byte, right and wrong: what Open vSwitch reads of them decides what passes.
struct Packets: Sendable {
    /// The NIC's own.
    var mac: String

    static let all = "255.255.255.255"

    /// A frame with this payload, to many stations.
    func frame(_ type: UInt16, _ payload: [UInt8], to destination: String = ChainHost.broadcast) -> EthernetFrame {
        EthernetFrame(to: destination, from: mac, type: type, payload: payload)
    }

    func arp(
        operation: UInt8 = 1,
        hardware: [UInt8] = [0, 1],
        sender: String,
        _ address: String,
        target: String = "192.0.2.11",
        type: UInt16 = 0x0806
    ) -> EthernetFrame {
        let head = hardware + [8, 0, 6, 4, 0, operation]
        let none = [UInt8](repeating: 0, count: 6)
        return frame(type, head + Self.mac(sender) + Self.ipv4(address) + none + Self.ipv4(target))
    }

    // MARK: IP

    /// - Parameter offset: of a fragment in units of 8 bytes; `nil` for a packet in one piece.
    func ipv4(
        _ source: String,
        _ destination: String,
        _ payload: [UInt8],
        protocol number: UInt8,
        offset: UInt16? = nil,
        more: Bool = false
    ) -> EthernetFrame {
        let fragment = offset.map { $0 | (more ? 0x2000 : 0) } ?? 0
        let header: [UInt8] =
            [0x45, 0] + Self.pair(UInt16(20 + payload.count)) + [0, 7] + Self.pair(fragment) + [64, number, 0, 0]
        return frame(0x0800, header + Self.ipv4(source) + Self.ipv4(destination) + payload)
    }

    /// - Parameter headers: what stands before the payload, each with the number by which the one before names it.
    func ipv6(
        _ source: String,
        to destination: String = "ff02::1",
        _ payload: [UInt8],
        protocol number: UInt8,
        hops: UInt8 = 255,
        headers: [Header] = []
    ) -> EthernetFrame {
        var body = payload
        var next = number
        for header in headers.reversed() {
            body = [next] + header.rest + body
            next = header.number
        }
        let head: [UInt8] = [0x60, 0, 0, 0] + Self.pair(UInt16(body.count)) + [next, hops]
        return frame(0x86dd, head + Self.ipv6(source) + Self.ipv6(destination) + body, to: "33:33:00:00:00:01")
    }

    /// An extension header.
    struct Header: Sendable {
        var number: UInt8
        /// What follows its first byte, which names the next one.
        var rest: [UInt8]

        static let hopByHop = Header(number: 0, rest: [0, 5, 2, 0, 0, 1, 0])
        static let destinationOptions = Header(number: 60, rest: [0, 1, 4, 0, 0, 0, 0])
        static let routing = Header(number: 43, rest: [0, 4, 0, 0, 0, 0, 0])
        /// Which says that it goes on beyond the packet.
        static let endless = Header(number: 60, rest: [9, 1, 4, 0, 0, 0, 0])

        static func fragment(offset: UInt16, more: Bool) -> Header {
            Header(number: 44, rest: [0] + pair(offset << 3 | (more ? 1 : 0)) + [0, 0, 0, 9])
        }
        static let first = fragment(offset: 0, more: true)
        static let atomic = fragment(offset: 0, more: false)
        static let later = fragment(offset: 3, more: false)
    }

    static func udp(_ source: UInt16, _ destination: UInt16) -> [UInt8] {
        pair(source) + pair(destination) + [0, 24, 0, 0] + [UInt8](repeating: 0x55, count: 16)
    }

    // MARK: ICMPv6

    func icmpv6(
        _ source: String,
        _ type: UInt8,
        _ body: [UInt8] = [0, 0, 0, 0],
        code: UInt8 = 0,
        hops: UInt8 = 255,
        headers: [Header] = []
    ) -> EthernetFrame {
        ipv6(source, [type, code, 0, 0] + body, protocol: 58, hops: hops, headers: headers)
    }

    /// A neighbour's or a router's message about an address, with options.
    func discovery(
        _ type: UInt8,
        _ source: String,
        about target: String? = nil,
        _ options: [UInt8]...,
        code: UInt8 = 0,
        hops: UInt8 = 255,
        headers: [Header] = []
    ) -> EthernetFrame {
        var body: [UInt8] = [0, 0, 0, 0]
        if let target { body += Self.ipv6(target) }
        for option in options { body += option }
        return icmpv6(source, type, body, code: code, hops: hops, headers: headers)
    }

    /// The option that tells the MAC of who sends, or of the address that is told about.
    static func source(_ mac: String) -> [UInt8] { [1, 1] + Self.mac(mac) }
    static func target(_ mac: String) -> [UInt8] { [2, 1] + Self.mac(mac) }

    // MARK: Bytes

    static func mac(_ text: String) -> [UInt8] { bytes(EthernetAddress(text)!.rawValue, count: 6) }
    static func ipv4(_ text: String) -> [UInt8] { bytes(IPv4Address(text)!.rawValue, count: 4) }
    static func ipv6(_ text: String) -> [UInt8] { bytes(IPv6Address(text)!.rawValue, count: 16) }
    static func pair(_ value: UInt16) -> [UInt8] { bytes(value, count: 2) }

    private static func bytes(_ value: some FixedWidthInteger, count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
