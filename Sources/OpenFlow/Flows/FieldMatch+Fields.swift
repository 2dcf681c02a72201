// The fields that flows are made of, each with values of its own type.

extension FieldMatch {
    // MARK: Where a packet comes from, and what the switch noted down with it

    /// The number of a port, or ``SwitchPort/local``.
    public static func inPort(_ number: UInt32) -> FieldMatch { FieldMatch(.inPortOXM, UInt128(number)) }

    public static func register(_ number: Int, _ value: UInt32, mask: UInt32 = .max) -> FieldMatch {
        FieldMatch(.register(number), UInt128(value), mask: UInt128(mask))
    }

    public static func metadata(_ value: UInt64, mask: UInt64 = .max) -> FieldMatch {
        FieldMatch(.metadata, UInt128(value), mask: UInt128(mask))
    }

    public static func packetMark(_ value: UInt32, mask: UInt32 = .max) -> FieldMatch {
        FieldMatch(.packetMark, UInt128(value), mask: UInt128(mask))
    }

    // MARK: Connection tracking

    /// Asks that all of these bits are set, and that none of those others is.
    public static func ctState(_ set: CTState, not unset: CTState = []) -> FieldMatch {
        FieldMatch(.ctState, UInt128(set.rawValue), mask: UInt128(set.rawValue | unset.rawValue))
    }

    public static func ctMark(_ value: UInt32, mask: UInt32 = .max) -> FieldMatch {
        FieldMatch(.ctMark, UInt128(value), mask: UInt128(mask))
    }

    public static func ctZone(_ zone: UInt16) -> FieldMatch { FieldMatch(.ctZone, UInt128(zone)) }

    // MARK: Ethernet and VLAN

    public static func ethernetSource(_ address: EthernetAddress, mask: EthernetAddress = .broadcast) -> FieldMatch {
        FieldMatch(.ethernetSource, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func ethernetDestination(
        _ address: EthernetAddress,
        mask: EthernetAddress = .broadcast
    ) -> FieldMatch {
        FieldMatch(.ethernetDestination, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func ethernetType(_ type: EtherType) -> FieldMatch {
        FieldMatch(.ethernetType, UInt128(type.rawValue))
    }

    /// Packets with the tag of this VLAN, 0 to 4095; 0 is a priority tag.
    public static func vlan(_ id: UInt16) -> FieldMatch { FieldMatch(.vlanID, 0x1000 | UInt128(id & 0xfff)) }

    /// Packets with a tag of this priority, 0 to 7.
    public static func vlanPriority(_ priority: UInt8) -> FieldMatch { FieldMatch(.vlanPriority, UInt128(priority)) }

    /// Priority, 0x1000 where there is a tag, and VLAN id, as the last two bytes of a tag; zero without one.
    public static func vlanTCI(_ value: UInt16, mask: UInt16 = .max) -> FieldMatch {
        FieldMatch(.vlanTCI, UInt128(value), mask: UInt128(mask))
    }

    /// Packets without a tag.
    public static let untagged = vlanTCI(0, mask: 0x1000)

    // MARK: ARP

    /// 1 is a request, 2 a reply.
    public static func arpOperation(_ operation: UInt16) -> FieldMatch {
        FieldMatch(.arpOperation, UInt128(operation))
    }

    public static func arpSPA(_ address: IPv4Address, mask: IPv4Address = .mask(prefix: 32)) -> FieldMatch {
        FieldMatch(.arpSPA, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func arpTPA(_ address: IPv4Address, mask: IPv4Address = .mask(prefix: 32)) -> FieldMatch {
        FieldMatch(.arpTPA, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func arpSHA(_ address: EthernetAddress, mask: EthernetAddress = .broadcast) -> FieldMatch {
        FieldMatch(.arpSHA, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func arpTHA(_ address: EthernetAddress, mask: EthernetAddress = .broadcast) -> FieldMatch {
        FieldMatch(.arpTHA, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    // MARK: IP

    public static func ipv4Source(_ address: IPv4Address, mask: IPv4Address = .mask(prefix: 32)) -> FieldMatch {
        FieldMatch(.ipv4Source, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func ipv4Destination(_ address: IPv4Address, mask: IPv4Address = .mask(prefix: 32)) -> FieldMatch {
        FieldMatch(.ipv4Destination, UInt128(address.rawValue), mask: UInt128(mask.rawValue))
    }

    public static func ipv6Source(_ address: IPv6Address, mask: IPv6Address = .mask(prefix: 128)) -> FieldMatch {
        FieldMatch(.ipv6Source, address.rawValue, mask: mask.rawValue)
    }

    public static func ipv6Destination(_ address: IPv6Address, mask: IPv6Address = .mask(prefix: 128)) -> FieldMatch {
        FieldMatch(.ipv6Destination, address.rawValue, mask: mask.rawValue)
    }

    public static func ipProtocol(_ number: IPProtocol) -> FieldMatch {
        FieldMatch(.ipProtocol, UInt128(number.rawValue))
    }

    /// The hop limit of IPv6, the time to live of IPv4.
    public static func ipTTL(_ hops: UInt8) -> FieldMatch { FieldMatch(.ipTTL, UInt128(hops)) }

    /// The first fragment of a packet, where it is one of several.
    public static let firstFragment = FieldMatch(.ipFragment, 1)

    // MARK: Above IP

    public static func tcpSource(_ port: UInt16, mask: UInt16 = .max) -> FieldMatch {
        FieldMatch(.tcpSource, UInt128(port), mask: UInt128(mask))
    }

    public static func tcpDestination(_ port: UInt16, mask: UInt16 = .max) -> FieldMatch {
        FieldMatch(.tcpDestination, UInt128(port), mask: UInt128(mask))
    }

    public static func udpSource(_ port: UInt16, mask: UInt16 = .max) -> FieldMatch {
        FieldMatch(.udpSource, UInt128(port), mask: UInt128(mask))
    }

    public static func udpDestination(_ port: UInt16, mask: UInt16 = .max) -> FieldMatch {
        FieldMatch(.udpDestination, UInt128(port), mask: UInt128(mask))
    }

    public static func icmpType(_ type: UInt8) -> FieldMatch { FieldMatch(.icmpType, UInt128(type)) }
    public static func icmpCode(_ code: UInt8) -> FieldMatch { FieldMatch(.icmpCode, UInt128(code)) }
    public static func icmpv6Type(_ type: UInt8) -> FieldMatch { FieldMatch(.icmpv6Type, UInt128(type)) }
    public static func icmpv6Code(_ code: UInt8) -> FieldMatch { FieldMatch(.icmpv6Code, UInt128(code)) }

    /// The address that a neighbour solicitation or advertisement is about.
    public static func ndTarget(_ address: IPv6Address, mask: IPv6Address = .mask(prefix: 128)) -> FieldMatch {
        FieldMatch(.ndTarget, address.rawValue, mask: mask.rawValue)
    }
}

/// What connection tracking found out about a packet (ovs-fields(7), `ct_state`).
public struct CTState: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let new = CTState(rawValue: 1 << 0)
    public static let established = CTState(rawValue: 1 << 1)
    public static let related = CTState(rawValue: 1 << 2)
    public static let reply = CTState(rawValue: 1 << 3)
    public static let invalid = CTState(rawValue: 1 << 4)
    public static let tracked = CTState(rawValue: 1 << 5)
    public static let sourceNAT = CTState(rawValue: 1 << 6)
    public static let destinationNAT = CTState(rawValue: 1 << 7)
}

/// A type of Ethernet frame.
public struct EtherType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let ipv4 = EtherType(rawValue: 0x0800)
    public static let arp = EtherType(rawValue: 0x0806)
    public static let rarp = EtherType(rawValue: 0x8035)
    public static let vlan = EtherType(rawValue: 0x8100)
    public static let ipv6 = EtherType(rawValue: 0x86dd)
    public static let mpls = EtherType(rawValue: 0x8847)
    public static let mplsMulticast = EtherType(rawValue: 0x8848)
    public static let serviceVLAN = EtherType(rawValue: 0x88a8)
}

/// A protocol above IPv4 or IPv6.
public struct IPProtocol: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let icmp = IPProtocol(rawValue: 1)
    public static let tcp = IPProtocol(rawValue: 6)
    public static let udp = IPProtocol(rawValue: 17)
    public static let icmpv6 = IPProtocol(rawValue: 58)
    public static let sctp = IPProtocol(rawValue: 132)
}
