import OpenFlow

// Anti-spoofing: which frames a NIC may send whose MAC and IP addresses are declared. ARP, neighbour discovery and what
// routers and DHCP servers say tell others where an address or a road is, so they are looked into, too. Any other kind
// of frame is refused.

extension SourceAddresses {
    /// What a NIC of this MAC may send, as far as its source says: of its own addresses, and what it needs to get and defend
    /// them; no IPv6 unless it has an IPv6 address. What it says inside must agree with ``AddressRule/all`` and
    /// ``rules(of:)``, too.
    func matches(of mac: EthernetAddress) -> [Match] {
        let arp = Match(.ethernetSource(mac), .ethernetType(.arp), .arpSHA(mac))
        // A probe asks whether an address is free (RFC 5227); a hypervisor tells by RARP where a VM has moved to.
        let probe = arp.and(.arpSPA(.unspecified))
        let moved = Match(.ethernetSource(mac), .ethernetType(.rarp), .arpSHA(mac), .arpSPA(.unspecified))
        let ip = Match(.ethernetSource(mac), .ethernetType(.ipv4))
        let dhcp = ip.and(
            .ipProtocol(.udp),
            .ipv4Source(.unspecified),
            .ipv4Destination(IPv4Address(rawValue: .max)),
            .udpSource(68),
            .udpDestination(67)
        )
        return ipv4.map { arp.and(.arpSPA($0)) } + ipv4.map { ip.and(.ipv4Source($0)) } + [probe, moved, dhcp]
            + (ipv6.isEmpty ? [] : ipv6Matches(of: mac))
    }

    private func ipv6Matches(of mac: EthernetAddress) -> [Match] {
        let ip = Match(.ethernetSource(mac), .ethernetType(.ipv6))
        // Before it has an address: neighbour and router solicitation (RFC 4861), and the reports that it listens to
        // the group of the address to be (RFC 2710, RFC 3810).
        let first = [ICMPv6.neighbourSolicitation, .routerSolicitation, .listenerReport, .listenerReport2].map { type in
            ip.and(.ipProtocol(.icmpv6), .ipv6Source(.unspecified), .icmpv6Type(type.rawValue))
        }
        return own(mac).map { ip.and(.ipv6Source($0)) } + first
    }

    /// Neighbour discovery that tells the truth: of its own addresses, and with its own MAC where there is one.
    func rules(of mac: EthernetAddress) -> [AddressRule] {
        guard !ipv6.isEmpty else { return [] }
        let none = EthernetAddress(rawValue: 0)
        // Whoever asks whether an address is free keeps others from taking it (RFC 4862, 5.4.3).
        let probes = own(mac).map { address in
            Match(ICMPv6.neighbourSolicitation.fields)
                .and(.ipv6Source(.unspecified), .ndTarget(address), FieldMatch(.ndSLL, 0))
        }
        let solicitations = [mac, none].map { link in
            Match(ICMPv6.neighbourSolicitation.fields).and(FieldMatch(.ndSLL, UInt128(link.rawValue)))
        }
        let advertisements = own(mac).flatMap { address in
            [mac, none].map { link in
                Match(ICMPv6.neighbourAdvertisement.fields)
                    .and(.ndTarget(address), FieldMatch(.ndTLL, UInt128(link.rawValue)))
            }
        }
        return probes.map { AddressRule(180, $0, .passes) }
            + (solicitations + advertisements).map { AddressRule(150, $0, .passes) }
    }

    private func own(_ mac: EthernetAddress) -> [IPv6Address] {
        let linkLocal = IPv6Address.linkLocal(of: mac)
        return ipv6.contains(linkLocal) ? ipv6 : ipv6 + [linkLocal]
    }
}

/// What becomes of a packet from a declared address, by what it says inside. Whatever no rule speaks of passes.
struct AddressRule: Hashable, Sendable {
    enum Verdict: Hashable, Sendable {
        case passes, refused
        /// A router solicitation with an option, whose MAC no flow can look at, is refused; one without passes.
        case passesWithoutOption
    }

    var priority: UInt16
    var match: Match
    var verdict: Verdict

    init(_ priority: UInt16, _ match: Match, _ verdict: Verdict) {
        (self.priority, self.match, self.verdict) = (priority, match, verdict)
    }

    /// A router solicitation's length in bytes, with a tag, without an option, which has 8 at least. What is longer has one,
    /// with a tag or without.
    static let bareSolicitation: UInt16 = 14 + 4 + 40 + 8

    /// What holds for every NIC with declared addresses, whoever signs.
    static let all: [AddressRule] = fragments + servers + routers + neighbours

    /// Only the first fragment of a packet shows what the packet is, and it must show it: neighbour discovery is never in
    /// fragments (RFC 6980), and headers that go on in the next one hide it (RFC 7112). Nor does anything show where the
    /// headers can't be read, for which Open vSwitch gives protocol 0.
    private static let fragments: [AddressRule] = {
        let udp: [Match] = [.ipv4, .ipv6].map { Match(.ethernetType($0), .ipProtocol(.udp), .udpSource(0)) }
        let hidden = udp + [ICMPv6.match(type: 0)] + ICMPv6.discovery.map { ICMPv6.match(type: $0.rawValue) }
        return [AddressRule(220, Match(.ethernetType(.ipv6), .ipProtocol(IPProtocol(rawValue: 0))), .refused)]
            + hidden.map { AddressRule(220, $0.and(.firstFragment), .refused) }
    }()

    /// A RARP server's word (RFC 903), and DHCP and DHCPv6 from a server or a relay, or to a client (RFC 2131, 4.1; RFC 8415,
    /// 7.2).
    private static let servers: [AddressRule] =
        [AddressRule(210, Match(.ethernetType(.rarp), .arpOperation(4)), .refused)]
        + [(EtherType.ipv4, server: UInt16(67), client: UInt16(68)), (.ipv6, 547, 546)].flatMap {
            type,
            server,
            client in
            let udp = Match(.ethernetType(type), .ipProtocol(.udp))
            return [udp.and(.udpSource(server)), udp.and(.udpDestination(client))].map {
                AddressRule(210, $0, .refused)
            }
        }

    /// What only a router says, and what binds MACs to addresses in a form that no flow can look into.
    private static let routers: [AddressRule] =
        // Redirect and router advertisement (RFC 792, RFC 1256).
        [5, 9].map { Match(.ethernetType(.ipv4), .ipProtocol(.icmp), .icmpType($0)) }.map {
            AddressRule(210, $0, .refused)
        }
        + [ICMPv6.routerAdvertisement, .redirect, .routerRenumbering, .inverseSolicitation, .inverseAdvertisement]
        .map { AddressRule(210, ICMPv6.match(type: $0.rawValue), .refused) }

    private static let neighbours: [AddressRule] =
        [
            AddressRule(170, Match(ICMPv6.neighbourSolicitation.fields).and(.ipv6Source(.unspecified)), .refused),
            // Of one with two options of the same kind Open vSwitch gives neither option nor target.
            AddressRule(160, Match(ICMPv6.neighbourSolicitation.fields).and(.ndTarget(.unspecified)), .refused),
            AddressRule(150, Match(ICMPv6.routerSolicitation.fields), .passesWithoutOption),
        ]
        // Whatever the code and the hop limit: others than theirs mean nothing, or have no fields that can be checked.
        + ICMPv6.discovery.map { AddressRule(100, ICMPv6.match(type: $0.rawValue), .refused) }
}

/// Types of ICMPv6 messages.
enum ICMPv6: UInt8, CaseIterable {
    case listenerReport = 131
    case routerSolicitation = 133
    case routerAdvertisement = 134
    case neighbourSolicitation = 135
    case neighbourAdvertisement = 136
    case redirect = 137
    case routerRenumbering = 138
    case inverseSolicitation = 141
    case inverseAdvertisement = 142
    case listenerReport2 = 143

    /// What hosts say of their addresses.
    static let discovery = [routerSolicitation, neighbourSolicitation, neighbourAdvertisement]

    /// What a match of this type's own fields requires, and what makes it valid (RFC 4861, 6.1 and 7.1): nobody but a
    /// neighbour can send it.
    var fields: [FieldMatch] {
        [.ethernetType(.ipv6), .ipProtocol(.icmpv6), .ipTTL(255), .icmpv6Type(rawValue), .icmpv6Code(0)]
    }

    static func match(type: UInt8) -> Match {
        Match(.ethernetType(.ipv6), .ipProtocol(.icmpv6), .icmpv6Type(type))
    }
}

extension IPv4Address {
    fileprivate static let unspecified = IPv4Address(rawValue: 0)
}

extension IPv6Address {
    fileprivate static let unspecified = IPv6Address(rawValue: 0)

    /// The address that a NIC gives itself (RFC 4291, appendix A).
    fileprivate static func linkLocal(of mac: EthernetAddress) -> IPv6Address {
        let upper = (mac.rawValue >> 24) ^ 0x02_0000
        let lower = mac.rawValue & 0xff_ffff
        return IPv6Address(rawValue: 0xfe80 << 112 | UInt128(upper << 40 | 0xff_fe00_0000 | lower))
    }
}
