import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// NICs whose IP addresses are declared, too.
@Suite("Chain: anti-spoofing", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainSpoofTests {
    private static let mac = "02:00:00:00:00:0a"
    private static let otherMAC = "02:00:00:00:00:0b"
    private static let none = "00:00:00:00:00:00"
    private static let ip = "192.0.2.10"
    private static let otherIP = "192.0.2.11"
    private static let ipv6 = "2001:db8::10"
    private static let otherIPv6 = "2001:db8::11"
    private static let linkLocal = "fe80::ff:fe00:a"
    private static let all = "255.255.255.255"

    /// What a VM sends, whether IPv4 alone is declared for it, and what becomes of it.
    private static let frames: [(what: String, frame: EthernetFrame, withIPv6: Bool, withoutIPv6: Bool)] = [
        ("ARP of its own", arp(mac, ip), true, true),
        ("ARP probe", arp(mac, "0.0.0.0"), true, true),
        ("ARP of another's address", arp(mac, otherIP), false, false),
        ("ARP with another's MAC inside", arp(otherMAC, ip), false, false),
        ("RARP of its own", arp(mac, "0.0.0.0", type: 0x8035), true, true),
        ("RARP of another's MAC", arp(otherMAC, "0.0.0.0", type: 0x8035), false, false),
        ("IPv4", udp(ip, otherIP, 50, 53), true, true),
        ("IPv4 of another", udp(otherIP, ip, 50, 53), false, false),
        ("IPv4 from another MAC", udp(ip, otherIP, 50, 53, from: otherMAC), false, false),
        ("DHCP request", udp("0.0.0.0", all, 68, 67), true, true),
        ("DHCP answer", udp("0.0.0.0", all, 67, 68), false, false),
        ("IPv4 from nobody", udp("0.0.0.0", otherIP, 68, 67), false, false),
        ("IPv6", icmp(ipv6, 128), true, false),
        ("IPv6 link-local", icmp(linkLocal, 128), true, false),
        ("IPv6 of another", icmp(otherIPv6, 128), false, false),
        ("IPv6 link-local of another", icmp("fe80::1", 128), false, false),
        ("IPv6 from nobody", icmp("::", 128), false, false),
        ("router solicitation before any address", icmp("::", 133), true, false),
        ("duplicate address detection", neighbour("::", 135, ipv6, nil), true, false),
        ("the same with a MAC of another", neighbour("::", 135, ipv6, otherMAC), false, false),
        ("listener report", icmp("::", 143), true, false),
        ("neighbour solicitation", neighbour(ipv6, 135, otherIPv6, mac), true, false),
        ("neighbour solicitation with another's MAC", neighbour(ipv6, 135, otherIPv6, otherMAC), false, false),
        ("neighbour advertisement", neighbour(ipv6, 136, ipv6, mac), true, false),
        ("neighbour advertisement without MAC", neighbour(ipv6, 136, ipv6, nil), true, false),
        ("neighbour advertisement of its link-local address", neighbour(ipv6, 136, linkLocal, mac), true, false),
        ("neighbour advertisement of another's address", neighbour(ipv6, 136, otherIPv6, mac), false, false),
        ("neighbour advertisement with another's MAC", neighbour(ipv6, 136, ipv6, otherMAC), false, false),
        ("neither ARP nor IP", EthernetFrame(to: ChainHost.broadcast, from: mac), false, false),
    ]

    @Test("with declared addresses a VM sends as itself only, in ARP and neighbour discovery, too")
    func addresses() async throws {
        let vms = [
            ChainHost.VM(name: "vma", mac: Self.mac, tag: 7, addresses: "\(Self.ip), \(Self.ipv6)"),
            ChainHost.VM(name: "vmb", mac: Self.mac, tag: 8, addresses: Self.ip),
        ]
        try await ChainHost.with(vms) { host in
            for (what, frame, withIPv6, withoutIPv6) in Self.frames {
                for (port, vlan, passes) in [("vma", 7, withIPv6), ("vmb", 8, withoutIPv6)] as [(String, UInt16, Bool)]
                {
                    let arrivals = try await host.capture.send(frame, into: port)
                    #expect(arrivals == (passes ? [host.wire: [frame.tagged(vlan)]] : [:]), "\(what) from \(port)")
                }
            }
        }
    }

    // MARK: Frames

    private static func arp(_ hardware: String, _ address: String, type: UInt16 = 0x0806) -> EthernetFrame {
        let payload = [0, 1, 8, 0, 6, 4, 0, 1] + bytes(mac: hardware) + bytes(ipv4: address) + bytes(mac: none)
        return EthernetFrame(to: ChainHost.broadcast, from: mac, type: type, payload: payload + bytes(ipv4: otherIP))
    }

    private static func udp(
        _ source: String,
        _ destination: String,
        _ sourcePort: UInt8,
        _ destinationPort: UInt8,
        from address: String = mac
    ) -> EthernetFrame {
        let header: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]
        let ports = [0, sourcePort, 0, destinationPort, 0, 8, 0, 0]
        return EthernetFrame(
            to: ChainHost.broadcast,
            from: address,
            type: 0x0800,
            payload: header + bytes(ipv4: source) + bytes(ipv4: destination) + ports
        )
    }

    private static func icmp(_ source: String, _ type: UInt8, _ body: [UInt8] = [0, 0, 0, 0]) -> EthernetFrame {
        let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(4 + body.count), 58, 255]
        return EthernetFrame(
            to: "33:33:00:00:00:01",
            from: mac,
            type: 0x86dd,
            payload: header + bytes(ipv6: source) + bytes(ipv6: "ff02::1") + [type, 0, 0, 0] + body
        )
    }

    /// - Parameter link: in the option that tells a MAC; without it there is none.
    private static func neighbour(_ source: String, _ type: UInt8, _ target: String, _ link: String?) -> EthernetFrame {
        let option: [UInt8] = link.map { [type == 135 ? 1 : 2, 1] + bytes(mac: $0) } ?? []
        return icmp(source, type, [0, 0, 0, 0] + bytes(ipv6: target) + option)
    }

    private static func bytes(mac: String) -> [UInt8] { bytes(EthernetAddress(mac)!.rawValue, count: 6) }
    private static func bytes(ipv4: String) -> [UInt8] { bytes(IPv4Address(ipv4)!.rawValue, count: 4) }
    private static func bytes(ipv6: String) -> [UInt8] { bytes(IPv6Address(ipv6)!.rawValue, count: 16) }

    private static func bytes(_ value: some FixedWidthInteger, count: Int) -> [UInt8] {
        (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
