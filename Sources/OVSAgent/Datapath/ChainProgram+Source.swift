import OpenFlow

// Anti-spoofing: which frames a NIC may send whose MAC and IP addresses are declared. ARP and neighbour discovery tell
// others where an address is, so they are checked inside, too. Any other kind of frame is refused.

extension SourceAddresses {
    /// ARP and IPv4 that a NIC of this MAC may send: of its own addresses, and what it needs to get and defend them.
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
    }

    /// IPv6 that a NIC of this MAC may send, as far as its source says: none unless it has an IPv6 address. What of it
    /// is neighbour discovery must agree with ``neighbourMatches(of:)``, too.
    func ipv6Matches(of mac: EthernetAddress) -> [Match] {
        guard !ipv6.isEmpty else { return [] }
        let ip = Match(.ethernetSource(mac), .ethernetType(.ipv6))
        // Before it has an address: neighbour and router solicitation (RFC 4861), and the reports that it listens to
        // the group of the address to be (RFC 2710, RFC 3810).
        let first = [ICMPv6.neighbourSolicitation, .routerSolicitation, .listenerReport, .listenerReport2].map { type in
            ip.and(.ipProtocol(.icmpv6), .ipv6Source(.unspecified), .icmpv6Type(type.rawValue))
        }
        return own(mac).map { ip.and(.ipv6Source($0)) } + first
    }

    /// Neighbour discovery that tells the truth: of its own addresses, and with its own MAC where there is one. Nothing
    /// of another type is told about here.
    func neighbourMatches(of mac: EthernetAddress) -> [Match] {
        guard !ipv6.isEmpty else { return [] }
        let none = EthernetAddress(rawValue: 0)
        let solicitations = [mac, none].map { link in
            Match(ICMPv6.neighbourSolicitation.fields).and(FieldMatch(.ndSLL, UInt128(link.rawValue)))
        }
        let advertisements = own(mac).flatMap { address in
            [mac, none].map { link in
                Match(ICMPv6.neighbourAdvertisement.fields)
                    .and(.ndTarget(address), FieldMatch(.ndTLL, UInt128(link.rawValue)))
            }
        }
        return solicitations + advertisements
    }

    private func own(_ mac: EthernetAddress) -> [IPv6Address] {
        let linkLocal = IPv6Address.linkLocal(of: mac)
        return ipv6.contains(linkLocal) ? ipv6 : ipv6 + [linkLocal]
    }
}

/// Types of ICMPv6 messages.
enum ICMPv6: UInt8, CaseIterable {
    case listenerReport = 131
    case routerSolicitation = 133
    case neighbourSolicitation = 135
    case neighbourAdvertisement = 136
    case listenerReport2 = 143

    /// The two that say whose MAC an address has.
    static let neighbourDiscovery = [neighbourSolicitation, neighbourAdvertisement]

    /// What a match of this type's own fields requires.
    var fields: [FieldMatch] {
        [.ethernetType(.ipv6), .ipProtocol(.icmpv6), .icmpv6Type(rawValue), .icmpv6Code(0)]
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
