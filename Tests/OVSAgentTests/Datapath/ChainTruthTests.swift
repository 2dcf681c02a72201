import TestSupport
import Testing

@testable import OVSAgent

/// What a NIC with declared addresses may tell others of addresses and roads, whatever its packets are wrapped in.
@Suite("Chain: what is told", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainTruthTests {
    private static let mac = "02:00:00:00:00:0a"
    private static let other = "02:00:00:00:00:0b"
    private static let ip = "192.0.2.10"
    private static let otherIP = "192.0.2.11"
    private static let ipv6 = "2001:db8::10"
    private static let otherIPv6 = "2001:db8::11"
    private static let link = "fe80::ff:fe00:a"
    private static let nobody = "::"

    private typealias Case = (what: String, frame: EthernetFrame)
    private static let packets = Packets(mac: mac)
    private static let own = Packets.source(mac)
    private static let foreign = Packets.source(other)

    /// What an ordinary guest sends to get its addresses, to be reached at them and to reach others.
    private static let ordinary: [Case] = {
        let p = packets
        return [
            ("solicitation", p.discovery(135, ipv6, about: otherIPv6, own)),
            ("solicitation to see whether a neighbour is still there", p.discovery(135, link, about: otherIPv6)),
            ("solicitation with a nonce", p.discovery(135, link, about: otherIPv6, own, [14, 1, 1, 2, 3, 4, 5, 6])),
            (
                "solicitation behind options",
                p.discovery(135, link, about: otherIPv6, own, headers: [.destinationOptions])
            ),
            ("duplicate address detection", p.discovery(135, nobody, about: ipv6)),
            ("duplicate address detection, link-local", p.discovery(135, nobody, about: link)),
            (
                "duplicate address detection with a nonce",
                p.discovery(135, nobody, about: ipv6, [14, 1, 1, 2, 3, 4, 5, 6])
            ),
            ("advertisement", p.discovery(136, ipv6, about: ipv6, Packets.target(mac))),
            ("advertisement of its link-local address", p.discovery(136, link, about: link, Packets.target(mac))),
            ("advertisement without MAC", p.discovery(136, ipv6, about: ipv6)),
            ("router solicitation before any address", p.discovery(133, nobody)),
            ("router solicitation", p.discovery(133, link)),
            ("listener report", p.icmpv6(nobody, 143, headers: [.hopByHop])),
            ("listener report of an address", p.icmpv6(link, 143, hops: 1, headers: [.hopByHop])),
            ("listener report of old", p.icmpv6(link, 131, hops: 1, headers: [.hopByHop])),
            ("ping", p.icmpv6(ipv6, 128, hops: 64)),
            ("packet too big", p.icmpv6(ipv6, 2, hops: 64)),
            ("ping in pieces, the first", p.icmpv6(ipv6, 128, hops: 64, headers: [.first])),
            ("ping in pieces, a later", p.icmpv6(ipv6, 136, hops: 64, headers: [.later])),
            ("UDP", p.ipv6(ipv6, Packets.udp(5000, 53), protocol: 17)),
            ("UDP behind options", p.ipv6(ipv6, Packets.udp(5000, 53), protocol: 17, headers: [.hopByHop, .routing])),
            ("UDP in pieces, the first", p.ipv6(ipv6, Packets.udp(5000, 2049), protocol: 17, headers: [.first])),
            ("UDP in pieces, a later", p.ipv6(ipv6, Packets.udp(547, 546), protocol: 17, headers: [.later])),
            ("multicast DNS", p.ipv6(link, to: "ff02::fb", Packets.udp(5353, 5353), protocol: 17)),
            ("DHCPv6 client", p.ipv6(link, to: "ff02::1:2", Packets.udp(546, 547), protocol: 17)),
            ("DHCP client", p.ipv4("0.0.0.0", Packets.all, Packets.udp(68, 67), protocol: 17)),
            ("DHCP client that renews", p.ipv4(ip, otherIP, Packets.udp(68, 67), protocol: 17)),
            ("IPv4 UDP", p.ipv4(ip, otherIP, Packets.udp(5000, 53), protocol: 17)),
            (
                "IPv4 UDP in pieces, the first",
                p.ipv4(ip, otherIP, Packets.udp(5000, 53), protocol: 17, offset: 0, more: true)
            ),
            ("IPv4 UDP in pieces, a later", p.ipv4(ip, otherIP, Packets.udp(67, 68), protocol: 17, offset: 3)),
            ("IPv4 ping", p.ipv4(ip, otherIP, [8, 0, 0, 0, 0, 0, 0, 0], protocol: 1)),
            ("IPv4 ping in pieces", p.ipv4(ip, otherIP, [8, 0, 0, 0, 0, 0, 0, 0], protocol: 1, offset: 0, more: true)),
            ("ARP request", p.arp(sender: mac, ip)), ("ARP reply", p.arp(operation: 2, sender: mac, ip)),
            ("announcement of a move", p.arp(operation: 3, sender: mac, "0.0.0.0", target: "0.0.0.0", type: 0x8035)),
        ]
    }()

    /// What takes another's address, or a router's or a server's place.
    private static let spoofs: [Case] = {
        let p = packets
        let dhcp = Packets.udp(67, 68)
        let dhcpv6 = Packets.udp(547, 546)
        return [
            // RFC 4861, 4.1 and 4.2: with an option no flow can look at, and what only a router says.
            ("router solicitation with another's MAC", p.discovery(133, link, foreign)),
            ("router solicitation with another's MAC from nobody", p.discovery(133, nobody, foreign)),
            (
                "router solicitation with another's MAC behind a nonce",
                p.discovery(133, link, [14, 1, 1, 2, 3, 4, 5, 6], foreign)
            ),
            ("router solicitation from afar", p.discovery(133, link, hops: 64)),
            ("router advertisement", p.discovery(134, link, [0, 0, 0, 0, 0, 0, 0, 0], own)),
            ("router advertisement with another's MAC", p.discovery(134, link, [0, 0, 0, 0, 0, 0, 0, 0], foreign)),
            ("router advertisement behind options", p.icmpv6(link, 134, headers: [.hopByHop, .destinationOptions])),
            ("router advertisement of another code", p.icmpv6(link, 134, code: 1)),
            ("router advertisement in pieces", p.icmpv6(link, 134, headers: [.first])),
            ("router advertisement in one piece", p.icmpv6(link, 134, headers: [.atomic])),
            ("redirect", p.discovery(137, link, about: otherIPv6, Packets.ipv6(ipv6), Packets.target(other))),
            ("redirect to itself", p.discovery(137, link, about: ipv6, Packets.ipv6(ipv6), Packets.target(mac))),
            ("router renumbering", p.icmpv6(ipv6, 138)),
            ("inverse solicitation", p.icmpv6(ipv6, 141)), ("inverse advertisement", p.icmpv6(ipv6, 142)),
            // Neighbour solicitation.
            ("solicitation with another's MAC", p.discovery(135, ipv6, about: otherIPv6, foreign)),
            ("solicitation with two MACs", p.discovery(135, ipv6, about: otherIPv6, foreign, foreign)),
            ("solicitation with its own MAC first", p.discovery(135, ipv6, about: otherIPv6, own, foreign)),
            ("solicitation with its own MAC last", p.discovery(135, ipv6, about: otherIPv6, foreign, own)),
            (
                "solicitation with another's MAC behind a nonce",
                p.discovery(135, ipv6, about: otherIPv6, [14, 1, 1, 2, 3, 4, 5, 6], foreign)
            ),
            ("solicitation of another code", p.discovery(135, ipv6, about: otherIPv6, foreign, code: 1)),
            ("solicitation from afar", p.discovery(135, ipv6, about: otherIPv6, own, hops: 64)),
            ("solicitation in pieces", p.discovery(135, ipv6, about: otherIPv6, foreign, headers: [.first])),
            ("solicitation behind options", p.discovery(135, ipv6, about: otherIPv6, foreign, headers: [.hopByHop])),
            ("duplicate address detection of another's", p.discovery(135, nobody, about: otherIPv6)),
            ("duplicate address detection with a MAC", p.discovery(135, nobody, about: ipv6, foreign)),
            ("solicitation without target", p.discovery(135, ipv6)),
            // Neighbour advertisement.
            ("advertisement of another's address", p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac))),
            (
                "the same as a first fragment",
                p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac), headers: [.first])
            ),
            (
                "the same as the only fragment",
                p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac), headers: [.atomic])
            ),
            (
                "the same behind options",
                p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac), headers: [.destinationOptions])
            ),
            (
                "the same behind a fragment behind options",
                p.discovery(
                    136,
                    ipv6,
                    about: otherIPv6,
                    Packets.target(mac),
                    headers: [.hopByHop, .first, .destinationOptions]
                )
            ),
            ("the same of another code", p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac), code: 1)),
            ("the same from afar", p.discovery(136, ipv6, about: otherIPv6, Packets.target(mac), hops: 64)),
            (
                "a truth as a first fragment",
                p.discovery(136, ipv6, about: ipv6, Packets.target(mac), headers: [.first])
            ),
            ("advertisement with another's MAC", p.discovery(136, ipv6, about: ipv6, Packets.target(other))),
            (
                "advertisement with two MACs",
                p.discovery(136, ipv6, about: ipv6, Packets.target(mac), Packets.target(other))
            ),
            // Headers that end in the next fragment, or nowhere.
            ("options that never end", p.discovery(136, ipv6, about: otherIPv6, headers: [.endless])),
            (
                "options that end in the next fragment",
                p.discovery(136, ipv6, about: otherIPv6, headers: [.first, .endless])
            ),
            ("a first fragment of nothing", p.ipv6(ipv6, [], protocol: 58, headers: [.first])),
            // Servers, in pieces or not.
            ("DHCP server", p.ipv4(ip, Packets.all, dhcp, protocol: 17)),
            ("DHCP server to one client", p.ipv4(ip, otherIP, dhcp, protocol: 17)),
            ("DHCP server of another port", p.ipv4(ip, Packets.all, Packets.udp(1067, 68), protocol: 17)),
            ("DHCP relay", p.ipv4(ip, otherIP, Packets.udp(67, 67), protocol: 17)),
            ("DHCP server, first fragment", p.ipv4(ip, Packets.all, dhcp, protocol: 17, offset: 0, more: true)),
            ("DHCP server without ports", p.ipv4(ip, Packets.all, [], protocol: 17, offset: 0, more: true)),
            ("DHCPv6 server", p.ipv6(link, dhcpv6, protocol: 17)),
            ("DHCPv6 server of another port", p.ipv6(link, Packets.udp(1547, 546), protocol: 17)),
            ("DHCPv6 relay", p.ipv6(link, Packets.udp(547, 547), protocol: 17)),
            ("DHCPv6 server, first fragment", p.ipv6(link, dhcpv6, protocol: 17, headers: [.first])),
            ("DHCPv6 server behind options", p.ipv6(link, dhcpv6, protocol: 17, headers: [.hopByHop])),
            ("IPv4 redirect", p.ipv4(ip, otherIP, [5, 1, 0, 0, 192, 0, 2, 10], protocol: 1)),
            (
                "IPv4 redirect, first fragment",
                p.ipv4(ip, otherIP, [5, 1, 0, 0, 192, 0, 2, 10], protocol: 1, offset: 0, more: true)
            ),
            ("IPv4 router advertisement", p.ipv4(ip, otherIP, [9, 0, 0, 0, 1, 2, 0, 30], protocol: 1)),
            // ARP.
            ("RARP answer", p.arp(operation: 4, sender: mac, "0.0.0.0", type: 0x8035)),
            ("ARP of another hardware", p.arp(hardware: [0, 6], sender: mac, otherIP)),
        ]
    }()

    private static let vms = [
        ChainHost.VM(name: "vma", mac: mac, tag: 7, addresses: "\(ip), \(ipv6)"),
        ChainHost.VM(name: "vmt", mac: mac, trunks: [9], addresses: "\(ip), \(ipv6)"),
        ChainHost.VM(name: "vmz", mac: mac, tag: 0, addresses: "\(ip), \(ipv6)"),
    ]

    /// Lets a frame into the port of each kind, and gives those that it did not leave by as it came.
    private static func refusing(_ frame: EthernetFrame, _ host: ChainHost) async throws -> [String] {
        var refusing: [String] = []
        for (port, tag, vlan) in [("vma", nil, 7), ("vmt", 9, 9), ("vmz", nil, nil)] as [(String, UInt16?, UInt16?)] {
            let arrivals = try await host.capture.send(frame.tagged(tag), into: port)
            if arrivals[host.wire] != [frame.tagged(vlan)] {
                #expect(arrivals.isEmpty, "\(frame)")
                refusing.append(port)
            }
        }
        return refusing
    }

    @Test("what an ordinary guest needs passes; what takes another's address or a router's place does not")
    func told() async throws {
        try await ChainHost.with(Self.vms) { host in
            try await Self.seesFragments(host)
            for (what, frame) in Self.ordinary {
                #expect(try await Self.refusing(frame, host) == [], "\(what)")
            }
            for (what, frame) in Self.spoofs {
                #expect(try await Self.refusing(frame, host) == ["vma", "vmt", "vmz"], "\(what)")
            }
        }
    }

    /// Returns once brN.local shows the ports of a first fragment, as the agent asks for a moment after it has its flows.
    private static func seesFragments(_ host: ChainHost) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "get-frags", "br0.local"]) != "nx-match" {
            try #require(ContinuousClock.now < deadline)
        }
    }

    @Test(
        "solicitations and advertisements pass if they are true, whatever they are wrapped in",
        arguments: [1, 2, 3] as [UInt64]
    )
    func random(seed: UInt64) async throws {
        var random = Seeded(state: seed)
        let wraps: [Packets.Header] = [.hopByHop, .destinationOptions, .routing, .atomic]
        let fillers: [[UInt8]] = [[14, 1, 1, 2, 3, 4, 5, 6], [200, 2] + [UInt8](repeating: 7, count: 14)]
        var cases: [(frame: EthernetFrame, isTrue: Bool)] = []
        for _ in 0..<40 {
            let isSolicitation = Bool.random(using: &random)
            let told = [Self.mac, Self.other, nil, nil].randomElement(using: &random) ?? nil
            let target = [Self.ipv6, Self.link, Self.otherIPv6].randomElement(using: &random) ?? Self.ipv6
            let source = [Self.ipv6, Self.link].randomElement(using: &random) ?? Self.ipv6
            let link = told.map { isSolicitation ? Packets.source($0) : Packets.target($0) } ?? []
            let options = ([link] + fillers.filter { _ in Bool.random(using: &random) }).shuffled(using: &random)
            let headers = wraps.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
            let frame = Self.packets.discovery(
                isSolicitation ? 135 : 136,
                source,
                about: target,
                options.flatMap { $0 },
                headers: headers
            )
            cases.append((frame, told != Self.other && (isSolicitation || target != Self.otherIPv6)))
        }
        try await ChainHost.with(Self.vms) { host in
            for (frame, isTrue) in cases {
                let refusing = try await Self.refusing(frame, host)
                #expect(refusing == (isTrue ? [] : ["vma", "vmt", "vmz"]), "seed \(seed): \(frame)")
            }
        }
    }
}
