// ovs-fields(7) as a table: name, width, how values are printed, and the numbers on the wire.

extension FieldLayout {
    static let table: [FieldLayout] = {
        var table: [FieldLayout] = [
            nx(.packetMark, "pkt_mark", "PKT_MARK", 33, 32, .hexadecimal),
            nx(.conjunctionID, "conj_id", "CONJ_ID", 37, 32, .decimal),
            FieldLayout(
                field: .actionSetOutput,
                name: "actset_output",
                symbol: "ONFOXM_ET_ACTSET_OUTPUT",
                bits: 32,
                bytes: 4,
                format: .port,
                oxm: OXMHeader(class: OXMHeader.experimenterClass, field: 43, experimenter: OXMHeader.onf)
            ),
            nx(.ctState, "ct_state", "CT_STATE", 105, 32, .ctState),
            nx(.ctZone, "ct_zone", "CT_ZONE", 106, 16, .hexadecimal),
            nx(.ctMark, "ct_mark", "CT_MARK", 107, 32, .hexadecimal),
            nx(.ctLabel, "ct_label", "CT_LABEL", 108, 128, .hexadecimal),
            nx(.ctIPProtocol, "ct_nw_proto", "CT_NW_PROTO", 119, 8, .decimal),
            nx(.ctIPv4Source, "ct_nw_src", "CT_NW_SRC", 120, 32, .ipv4),
            nx(.ctIPv4Destination, "ct_nw_dst", "CT_NW_DST", 121, 32, .ipv4),
            nx(.ctIPv6Source, "ct_ipv6_src", "CT_IPV6_SRC", 122, 128, .ipv6),
            nx(.ctIPv6Destination, "ct_ipv6_dst", "CT_IPV6_DST", 123, 128, .ipv6),
            nx(.ctPortSource, "ct_tp_src", "CT_TP_SRC", 124, 16, .decimal),
            nx(.ctPortDestination, "ct_tp_dst", "CT_TP_DST", 125, 16, .decimal),
            nx(.tunnelID, "tun_id", "TUN_ID", 16, 64, .hexadecimal, oxm: 38),
            nx(.tunnelSource, "tun_src", "TUN_IPV4_SRC", 31, 32, .ipv4),
            nx(.tunnelDestination, "tun_dst", "TUN_IPV4_DST", 32, 32, .ipv4),
            nx(.tunnelIPv6Source, "tun_ipv6_src", "TUN_IPV6_SRC", 109, 128, .ipv6),
            nx(.tunnelIPv6Destination, "tun_ipv6_dst", "TUN_IPV6_DST", 110, 128, .ipv6),
            of(.inPort, "in_port", "IN_PORT", 0, 16, .port),
            oxm(.inPortOXM, "in_port_oxm", "IN_PORT", 0, 32, .port),
            oxm(.metadata, "metadata", "METADATA", 2, 64, .hexadecimal),
            of(.ethernetDestination, "eth_dst", "ETH_DST", 1, 48, .ethernet, oxm: 3),
            of(.ethernetSource, "eth_src", "ETH_SRC", 2, 48, .ethernet, oxm: 4),
            of(.ethernetType, "eth_type", "ETH_TYPE", 3, 16, .hexadecimal, oxm: 5),
            of(.vlanTCI, "vlan_tci", "VLAN_TCI", 4, 16, .hexadecimal),
            oxm(.vlanID, "vlan_vid", "VLAN_VID", 6, 12, .decimal, bytes: 2),
            oxm(.vlanPriority, "vlan_pcp", "VLAN_PCP", 7, 3, .decimal, bytes: 1),
            oxm(.mplsLabel, "mpls_label", "MPLS_LABEL", 34, 20, .decimal, bytes: 4),
            oxm(.mplsTC, "mpls_tc", "MPLS_TC", 35, 3, .decimal, bytes: 1),
            oxm(.mplsBottomOfStack, "mpls_bos", "MPLS_BOS", 36, 1, .decimal, bytes: 1),
            nx(.mplsTTL, "mpls_ttl", "MPLS_TTL", 30, 8, .decimal),
            of(.ipv4Source, "ip_src", "IP_SRC", 7, 32, .ipv4, oxm: 11),
            of(.ipv4Destination, "ip_dst", "IP_DST", 8, 32, .ipv4, oxm: 12),
            nx(.ipv6Source, "ipv6_src", "IPV6_SRC", 19, 128, .ipv6, oxm: 26),
            nx(.ipv6Destination, "ipv6_dst", "IPV6_DST", 20, 128, .ipv6, oxm: 27),
            nx(.ipv6Label, "ipv6_label", "IPV6_LABEL", 27, 20, .hexadecimal, bytes: 4, oxm: 28),
            of(.ipProtocol, "nw_proto", "IP_PROTO", 6, 8, .decimal, oxm: 10),
            of(.ipTOS, "nw_tos", "IP_TOS", 5, 8, .decimal),
            oxm(.ipDSCP, "ip_dscp", "IP_DSCP", 8, 6, .decimal, bytes: 1),
            nx(.ipECN, "nw_ecn", "IP_ECN", 28, 2, .decimal, bytes: 1, oxm: 9),
            nx(.ipTTL, "nw_ttl", "IP_TTL", 29, 8, .decimal),
            nx(.ipFragment, "ip_frag", "IP_FRAG", 26, 2, .fragment, bytes: 1),
            of(.arpOperation, "arp_op", "ARP_OP", 15, 16, .decimal, oxm: 21),
            of(.arpSPA, "arp_spa", "ARP_SPA", 16, 32, .ipv4, oxm: 22),
            of(.arpTPA, "arp_tpa", "ARP_TPA", 17, 32, .ipv4, oxm: 23),
            nx(.arpSHA, "arp_sha", "ARP_SHA", 17, 48, .ethernet, oxm: 24),
            nx(.arpTHA, "arp_tha", "ARP_THA", 18, 48, .ethernet, oxm: 25),
            of(.tcpSource, "tcp_src", "TCP_SRC", 9, 16, .decimal, oxm: 13),
            of(.tcpDestination, "tcp_dst", "TCP_DST", 10, 16, .decimal, oxm: 14),
            of(.udpSource, "udp_src", "UDP_SRC", 11, 16, .decimal, oxm: 15),
            of(.udpDestination, "udp_dst", "UDP_DST", 12, 16, .decimal, oxm: 16),
            oxm(.sctpSource, "sctp_src", "SCTP_SRC", 17, 16, .decimal),
            oxm(.sctpDestination, "sctp_dst", "SCTP_DST", 18, 16, .decimal),
            of(.icmpType, "icmp_type", "ICMP_TYPE", 13, 8, .decimal, oxm: 19),
            of(.icmpCode, "icmp_code", "ICMP_CODE", 14, 8, .decimal, oxm: 20),
            nx(.icmpv6Type, "icmpv6_type", "ICMPV6_TYPE", 21, 8, .decimal, oxm: 29),
            nx(.icmpv6Code, "icmpv6_code", "ICMPV6_CODE", 22, 8, .decimal, oxm: 30),
            nx(.ndTarget, "nd_target", "ND_TARGET", 23, 128, .ipv6, oxm: 31),
            nx(.ndSLL, "nd_sll", "ND_SLL", 24, 48, .ethernet, oxm: 32),
            nx(.ndTLL, "nd_tll", "ND_TLL", 25, 48, .ethernet, oxm: 33),
        ]
        // The number in OpenFlow 1.5's class, which Open vSwitch gives an experimenter's in 1.3 and 1.4.
        var flags = nx(.tcpFlags, "tcp_flags", "TCP_FLAGS", 34, 12, .tcpFlags, bytes: 2)
        flags.oxm = OXMHeader(class: OXMHeader.experimenterClass, field: 42, experimenter: OXMHeader.onf)
        table.append(flags)
        for number in 0..<16 {
            table.append(nx(.register(number), "reg\(number)", "REG\(number)", UInt8(number), 32, .hexadecimal))
        }
        for number in UInt8(0)..<8 {
            guard let field = Field(rawValue: Field.xregister0.rawValue + number) else { continue }
            var layout = oxm(field, "xreg\(number)", "PKT_REG\(number)", number, 64, .hexadecimal)
            layout.oxm?.class = OXMHeader.packetRegisters
            table.append(layout)
        }
        for number in UInt8(0)..<4 {
            guard let field = Field(rawValue: Field.xxregister0.rawValue + number) else { continue }
            table.append(nx(field, "xxreg\(number)", "XXREG\(number)", 111 + number, 128, .hexadecimal))
        }
        return table
    }()

    /// A field that Nicira named after OpenFlow 1.0's.
    private static func of(
        _ field: Field,
        _ name: String,
        _ symbol: String,
        _ number: UInt8,
        _ bits: Int,
        _ format: Format,
        oxm: UInt8? = nil
    ) -> FieldLayout {
        FieldLayout(
            field: field,
            name: name,
            symbol: "NXM_OF_\(symbol)",
            bits: bits,
            bytes: bits / 8,
            format: format,
            oxm: oxm.map { OXMHeader(class: OXMHeader.basic, field: $0) },
            nxm: OXMHeader(class: OXMHeader.nicira0, field: number)
        )
    }

    /// A field that Nicira added.
    private static func nx(
        _ field: Field,
        _ name: String,
        _ symbol: String,
        _ number: UInt8,
        _ bits: Int,
        _ format: Format,
        bytes: Int? = nil,
        oxm: UInt8? = nil
    ) -> FieldLayout {
        FieldLayout(
            field: field,
            name: name,
            symbol: "NXM_NX_\(symbol)",
            bits: bits,
            bytes: bytes ?? bits / 8,
            format: format,
            oxm: oxm.map { OXMHeader(class: OXMHeader.basic, field: $0) },
            nxm: OXMHeader(class: OXMHeader.nicira1, field: number)
        )
    }

    /// A field that OpenFlow alone names.
    private static func oxm(
        _ field: Field,
        _ name: String,
        _ symbol: String,
        _ number: UInt8,
        _ bits: Int,
        _ format: Format,
        bytes: Int? = nil
    ) -> FieldLayout {
        FieldLayout(
            field: field,
            name: name,
            symbol: "OXM_OF_\(symbol)",
            bits: bits,
            bytes: bytes ?? bits / 8,
            format: format,
            oxm: OXMHeader(class: OXMHeader.basic, field: number)
        )
    }
}
