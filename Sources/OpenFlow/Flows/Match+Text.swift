// A match as `ovs-ofctl dump-flows` prints it.

extension Match: CustomStringConvertible {
    /// Such as `ip,in_port=7,nw_src=192.0.2.0/24`; empty for every packet.
    public var description: String { terms.joined(separator: ",") }

    var terms: [String] {
        var terms: [String] = []
        let keyword = typeKeyword
        // A type that has no name of its own stands after the Ethernet addresses.
        var typeNumber: String?
        for entry in entries {
            if let number = typeNumber, entry.field.rawValue > Field.ethernetDestination.rawValue {
                terms.append(number)
                typeNumber = nil
            }
            switch entry.field {
            case .ethernetType:
                if let keyword { terms.append(keyword.text) } else { typeNumber = entry.term }
            case .ipProtocol where keyword?.holdsProtocol == true:
                break
            default:
                terms.append(entry.term)
            }
        }
        if let typeNumber { terms.append(typeNumber) }
        return terms + opaque.map(\.description)
    }

    /// `tcp` stands for the type and the protocol, `ip` for the type alone.
    private var typeKeyword: (text: String, holdsProtocol: Bool)? {
        guard let type = self[.ethernetType] else { return nil }
        let number = self[.ipProtocol].map { IPProtocol(rawValue: UInt8($0.value)) }
        switch EtherType(rawValue: UInt16(type.value)) {
        case .ipv4:
            switch number {
            case .icmp: return ("icmp", true)
            case .tcp: return ("tcp", true)
            case .udp: return ("udp", true)
            case .sctp: return ("sctp", true)
            default: return ("ip", false)
            }
        case .ipv6:
            switch number {
            case .icmpv6: return ("icmp6", true)
            case .tcp: return ("tcp6", true)
            case .udp: return ("udp6", true)
            case .sctp: return ("sctp6", true)
            default: return ("ipv6", false)
            }
        case .arp: return ("arp", false)
        case .rarp: return ("rarp", false)
        case .mpls: return ("mpls", false)
        case .mplsMulticast: return ("mplsm", false)
        default: return nil
        }
    }
}

extension OpaqueField: CustomStringConvertible {
    /// A name that no field has, so that nobody takes it for one.
    var description: String {
        "oxm_0x" + hexDigits(header, width: 8) + "=0x" + payload.map { hexDigits($0, width: 2) }.joined()
    }
}

extension FieldMatch: CustomStringConvertible {
    public var description: String { term }

    /// The name is not always the field's own: a match is printed with the names of OpenFlow 1.0.
    fileprivate var term: String {
        switch field {
        case .vlanTCI: vlanTerm
        case .ethernetType: "dl_type=0x" + hexDigits(value, width: 4)
        case .ethernetSource: "dl_src=\(ethernetText)"
        case .ethernetDestination: "dl_dst=\(ethernetText)"
        case .arpSHA, .arpTHA, .ndSLL, .ndTLL: "\(field.name)=\(ethernetText)"
        case .ipv4Source: "nw_src=\(ipv4Text)"
        case .ipv4Destination: "nw_dst=\(ipv4Text)"
        case .arpSPA, .arpTPA, .ctIPv4Source, .ctIPv4Destination, .tunnelSource, .tunnelDestination:
            "\(field.name)=\(ipv4Text)"
        case .ipv6Source, .ipv6Destination, .ndTarget, .ctIPv6Source, .ctIPv6Destination,
            .tunnelIPv6Source, .tunnelIPv6Destination:
            "\(field.name)=\(ipv6Text)"
        case .tcpSource, .udpSource, .sctpSource: "tp_src=\(decimalText)"
        case .tcpDestination, .udpDestination, .sctpDestination: "tp_dst=\(decimalText)"
        case .icmpv6Type: "icmp_type=\(decimalText)"
        case .icmpv6Code: "icmp_code=\(decimalText)"
        case .ipDSCP: "nw_tos=\(value << 2)"
        case .ctState: "ct_state=" + Self.flags(value, isExact ? nil : mask, Self.ctStateNames)
        case .tcpFlags: "tcp_flags=" + Self.flags(value, isExact ? nil : mask, Self.tcpFlagNames)
        case .ipFragment: "nw_frag=\(fragmentText)"
        case .ipv6Label:
            "ipv6_label=0x" + hexDigits(value, width: 5) + (isExact ? "" : "/0x" + hexDigits(mask, width: 5))
        case .inPort, .actionSetOutput: "\(field.name)=\(FlowAction.portText(UInt32(value)))"
        case .ctZone: "\(field.name)=\(decimalText)"
        default:
            switch field.format {
            case .hexadecimal: "\(field.name)=\(prefixedHex(value))" + (isExact ? "" : "/\(prefixedHex(mask))")
            default: "\(field.name)=\(decimalText)"
            }
        }
    }

    private var decimalText: String {
        isExact ? "\(value)" : "0x\(hexDigits(value))/0x\(hexDigits(mask))"
    }

    /// The VLAN and the priority of a tag that is asked for; anything else in hexadecimal.
    private var vlanTerm: String {
        let id = mask & 0xfff
        let priority = mask & 0xe000
        let hasWholeParts = (id == 0 || id == 0xfff) && (priority == 0 || priority == 0xe000)
        if value & 0x1000 != 0, hasWholeParts, id != 0 || priority != 0 {
            let terms = [
                id == 0 ? nil : "dl_vlan=\(value & 0xfff)", priority == 0 ? nil : "dl_vlan_pcp=\(value >> 13)",
            ]
            return terms.compactMap { $0 }.joined(separator: ",")
        }
        return "vlan_tci=0x" + hexDigits(value, width: 4) + (isExact ? "" : "/0x" + hexDigits(mask, width: 4))
    }

    private var ethernetText: String {
        "\(EthernetAddress(rawValue: UInt64(value)))"
            + (isExact ? "" : "/\(EthernetAddress(rawValue: UInt64(mask)))")
    }

    private var ipv4Text: String {
        let address = IPv4Address(rawValue: UInt32(value))
        if isExact { return "\(address)" }
        let mask = UInt32(mask)
        let prefix = (~mask).leadingZeroBitCount
        let isPrefix = mask == IPv4Address.mask(prefix: prefix).rawValue
        return "\(address)/" + (isPrefix ? "\(prefix)" : "\(IPv4Address(rawValue: mask))")
    }

    private var ipv6Text: String {
        let address = IPv6Address(rawValue: value)
        if isExact { return "\(address)" }
        let prefix = (~mask).leadingZeroBitCount
        let isPrefix = mask == IPv6Address.mask(prefix: prefix).rawValue
        return "\(address)/" + (isPrefix ? "\(prefix)" : "\(IPv6Address(rawValue: mask))")
    }

    private var fragmentText: String {
        let isAny = value & 1 != 0
        let isLater = value & 2 != 0
        switch mask & 3 {
        case 1: return isAny ? "yes" : "no"
        case 2: return isLater ? "later" : "not_later"
        default: return isAny ? (isLater ? "later" : "first") : (isLater ? "<error>" : "no")
        }
    }

    /// What `set_field` prints before its arrow.
    var assignment: String {
        switch field.format {
        case .ethernet: ethernetText
        case .ipv4: ipv4Text
        case .ipv6: ipv6Text
        case .ctState: Self.flags(value, mask, Self.ctStateNames)
        case .tcpFlags: Self.flags(value, isExact ? nil : mask, Self.tcpFlagNames)
        case .port where isExact: FlowAction.portText(UInt32(value))
        case .fragment where isExact || mask & 3 != 0: fragmentText
        case .hexadecimal: prefixedHex(value) + (isExact ? "" : "/\(prefixedHex(mask))")
        default: "\(value)" + (isExact ? "" : "/0x\(hexDigits(mask))")
        }
    }

    // MARK: Flags

    private static let ctStateNames = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"]

    private static let tcpFlagNames = [
        "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]",
    ]

    /// `+est-new` for some bits, in their order; `est|trk` where every bit counts.
    private static func flags(_ value: UInt128, _ mask: UInt128?, _ names: [String]) -> String {
        guard let mask else {
            let set = names.enumerated().filter { value >> UInt128($0.offset) & 1 != 0 }.map(\.element)
            return set.isEmpty ? "0" : set.joined(separator: "|")
        }
        return (0..<32).filter { mask >> UInt128($0) & 1 != 0 }.map { bit in
            (value >> UInt128(bit) & 1 != 0 ? "+" : "-") + (bit < names.count ? names[bit] : "[Unknown]")
        }.joined()
    }
}
