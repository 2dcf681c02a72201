@testable import OpenFlow

/// Flows to send through the wire and through a real switch: those that a chain of bridges is made of, and one at
/// least for every field and every action.
enum FlowTable {
    static let mac = EthernetAddress(rawValue: 0x0a0b_0c0d_0e0f)
    static let address = IPv4Address(rawValue: 0xc000_0201)
    static let address6 = IPv6Address(rawValue: 0x2001_0db8_0000_0000_0000_0000_0000_0001)
    static let reserved = EthernetAddress(rawValue: 0x0180_c200_0000)
    static let reservedMask = EthernetAddress(rawValue: 0xffff_ffff_fff0)

    static let ip = FieldMatch.ethernetType(.ipv4)
    static let ip6 = FieldMatch.ethernetType(.ipv6)
    static let arp = FieldMatch.ethernetType(.arp)

    /// No two have the same key.
    static let flows: [Flow] =
        chain
        + matches.enumerated().map { index, match in
            Flow(table: 100, priority: UInt16(index), match, cookie: UInt64(index) << 32, actions: [.output(1)])
        }
        + actions.enumerated().map { index, actions in
            Flow(
                table: 101,
                priority: UInt16(index),
                Match(ip, .vlan(5)),
                actions: actions,
                goto: index % 2 == 0 ? 102 : nil
            )
        } + others

    private static let chain: [Flow] = [
        Flow(priority: 300, Match(.ethernetDestination(reserved, mask: reservedMask))),
        Flow(priority: 290, Match(.ethernetSource(.multicastBit, mask: .multicastBit))),
        Flow(priority: 200, Match(.inPort(50000)), goto: 10),
        Flow(priority: 100, Match(.inPort(7), .untagged), actions: [.pushVLAN(), .setVLAN(10)], goto: 1),
        Flow(priority: 100, Match(.inPort(7), .vlanTCI(0x1000, mask: 0x1fff)), actions: [.setVLAN(10)], goto: 1),
        Flow(priority: 100, Match(.inPort(8), .vlan(20)), goto: 1),
        Flow(
            table: 1,
            priority: 100,
            Match(.inPort(7), .ethernetSource(mac), arp, .arpSHA(mac), .arpSPA(address)),
            goto: 2
        ),
        Flow(
            table: 1,
            priority: 100,
            Match(
                .inPort(7),
                .ethernetSource(mac),
                ip,
                .ipProtocol(.udp),
                .ipv4Source(IPv4Address(rawValue: 0)),
                .ipv4Destination(.mask(prefix: 32)),
                .udpSource(68),
                .udpDestination(67)
            ),
            goto: 2
        ),
        Flow(table: 2, actions: [.output(50000)]),
        Flow(
            table: 3,
            actions: [
                .learn(
                    Learn(
                        table: 20,
                        hardTimeout: 300,
                        specs: [
                            .match(Subfield(.vlanTCI, offset: 0, count: 12)),
                            .matchField(Subfield(.ethernetDestination), from: Subfield(.ethernetSource)),
                            .loadField(Subfield(.inPort), to: Subfield(.register(0), offset: 0, count: 16)),
                        ]
                    )
                ),
                .learn(
                    Learn(
                        table: 11,
                        priority: 7,
                        cookie: 0x1234,
                        idleTimeout: 5,
                        hardTimeout: 300,
                        flags: [.deleteLearned, .sendFlowRemoved],
                        specs: [
                            .match(.vlanID), .match(.ethernetSource), .match(Subfield(.register(3)), 0x1_0001),
                            .match(Subfield(.register(4), offset: 3, count: 5), 0),
                            .loadField(Subfield(.inPort), to: Subfield(.inPort)), .load(0, to: Subfield(.register(6))),
                            .load(1, to: Subfield(.register(1), offset: 31, count: 1)), .output(Subfield(.inPort)),
                        ]
                    )
                ),
                .output(50000),
            ]
        ),
        Flow(
            table: 10,
            Match(.ethernetDestination(.multicastBit, mask: .multicastBit)),
            actions: [.resubmit(table: 11)],
            goto: 30
        ),
        Flow(table: 11, Match(.vlan(10), .ethernetSource(mac)), actions: [.load(7, .inPort)]),
        Flow(table: 20, Match(.vlan(10), .ethernetDestination(mac)), actions: [.load(7, .register(0))]),
        Flow(table: 21, Match(.register(0, 7), .vlan(10)), actions: [.popVLAN, .output(7)]),
        Flow(table: 21, Match(.register(0, 0)), goto: 31),
        Flow(table: 30, Match(.vlan(10)), actions: [.output(8), .popVLAN, .output(7), .output(9)]),
        Flow(table: 40, Match(ip), actions: [.ct(ConnectionTracking(zone: .field(zone), table: 43))]),
        Flow(table: 43, priority: 3, Match(.ctState([.tracked, .invalid]), ip)),
        Flow(table: 43, priority: 2, Match(.ctState([.tracked, .established], not: .new), ip6), goto: 44),
        Flow(table: 44, Match(.ctMark(7), ip), goto: 120),
        Flow(
            table: 46,
            Match(.register(1, 1), ip, .ipProtocol(.tcp), .tcpDestination(443)),
            actions: [
                .ct(ConnectionTracking(commit: true, force: true, zone: .field(zone), exec: [.load(7, .ctMark)])),
                .ct(
                    ConnectionTracking(
                        commit: true,
                        zone: .number(300),
                        exec: [
                            .setField(FieldMatch(.ctMark, 9)),
                            .move(from: Subfield(.register(5)), to: Subfield(.ctMark)),
                        ],
                        helper: 21
                    )
                ),
            ],
            goto: 120
        ),
        Flow(table: 50, Match(.inPort(SwitchPort.local)), actions: [.normal, .inPort]),
    ]

    private static let zone = Subfield(.register(4), offset: 0, count: 16)

    private static let matches: [Match] = [
        Match(), Match(.register(0, 1)), Match(.register(7, 0xf0, mask: 0xf0)), Match(.register(15, 0)),
        Match(.metadata(5)), Match(.metadata(0x8000_0000_0000_0000, mask: 0xf000_0000_0000_0000)),
        Match(.packetMark(1)), Match(.packetMark(1, mask: 3)), Match(.ctZone(0)), Match(.ctMark(0, mask: 1)),
        Match(.ctState([], not: .tracked)), Match(.ctState([.tracked, .reply, .related, .sourceNAT, .destinationNAT])),
        Match(FieldMatch(.ctLabel, 1 << 100 | 1)), Match(FieldMatch(.ctLabel, 2, mask: 3)),
        Match(FieldMatch(.ctLabel, 0, mask: 1)),
        Match(.vlan(0)), Match(.vlan(4095), .vlanPriority(7)), Match(.vlanPriority(0)), .init(.untagged),
        Match(.vlanTCI(0, mask: 0x1fff)), Match(.vlanTCI(0x1001, mask: 0x1001)),
        Match(.ethernetType(EtherType(rawValue: 0x88cc)), .ethernetSource(mac), .register(2, 2)),
        Match(.ethernetType(.rarp), .arpOperation(3)), Match(arp, .arpOperation(2), .arpTPA(address), .arpTHA(mac)),
        Match(arp, .arpSPA(address, mask: .mask(prefix: 24)), .arpSHA(mac, mask: reservedMask)),
        Match(ip, .ipv4Source(address), .ipv4Destination(address, mask: .mask(prefix: 31))),
        Match(ip, .ipv4Source(address, mask: IPv4Address(rawValue: 0xff00_00ff))),
        Match(ip, .ipProtocol(IPProtocol(rawValue: 47))),
        Match(ip, .ipProtocol(.tcp), .tcpSource(1), .tcpDestination(0x400, mask: 0xfc00)),
        Match(ip, .ipProtocol(.udp), .udpDestination(53)), Match(ip, .ipProtocol(.icmp), .icmpType(8), .icmpCode(0)),
        Match(ip, .ipProtocol(.sctp), FieldMatch(.sctpSource, 5), FieldMatch(.sctpDestination, 6, mask: 0xfffe)),
        Match(ip6, .ipv6Source(address6), .ipv6Destination(address6, mask: .mask(prefix: 64))),
        Match(ip6, .ipv6Source(address6, mask: IPv6Address(rawValue: 0xff << 120 | 0xff))),
        Match(ip6, .ipProtocol(.tcp), .tcpDestination(22)), Match(ip6, .ipProtocol(.udp), .udpSource(547)),
        Match(ip6, .ipProtocol(.icmpv6), .icmpv6Type(135), .icmpv6Code(0), .ndTarget(address6)),
        Match(
            ip6,
            .ipProtocol(.icmpv6),
            .icmpv6Type(135),
            .icmpv6Code(0),
            .ndTarget(address6, mask: .mask(prefix: 10)),
            FieldMatch(.ndSLL, 5)
        ),
        Match(ip6, .ipProtocol(.icmpv6), .icmpv6Type(136), .icmpv6Code(0), FieldMatch(.ndTLL, 5)),
        Match(ip6, FieldMatch(.ipv6Label, 0x12345)), Match(ip6, FieldMatch(.ipv6Label, 0x10, mask: 0xf0)),
        Match(ip, FieldMatch(.ipDSCP, 46), FieldMatch(.ipECN, 1), FieldMatch(.ipTTL, 64)),
        Match(ip, FieldMatch(.ipFragment, 1)), Match(ip, FieldMatch(.ipFragment, 3)),
        Match(ip, FieldMatch(.ipFragment, 0, mask: 2)), Match(ip, FieldMatch(.ipFragment, 0)),
        Match(ip, .ipProtocol(.tcp), FieldMatch(.tcpFlags, 2, mask: 0x12)),
        Match(ip, .ipProtocol(.tcp), FieldMatch(.tcpFlags, 0x12)),
        Match(
            .ethernetType(.mpls),
            FieldMatch(.mplsLabel, 100),
            FieldMatch(.mplsTC, 3),
            FieldMatch(.mplsTTL, 9),
            FieldMatch(.mplsBottomOfStack, 1)
        ),
        Match(FieldMatch(.tunnelID, 5), FieldMatch(.tunnelSource, 0x0a00_0001)),
        Match(FieldMatch(.tunnelID, 5, mask: 0xff), FieldMatch(.tunnelDestination, 0x0a00_0000, mask: 0xff00_0000)),
        Match(FieldMatch(.tunnelIPv6Source, 1), FieldMatch(.tunnelIPv6Destination, 2)),
        Match(FieldMatch(.xregister1, 0x1_0000_0002)), Match(FieldMatch(.xxregister0, 3)),
        Match(FieldMatch(.conjunctionID, 9)),
        Match(
            .ctState([.tracked, .established]),
            ip,
            FieldMatch(.ctIPProtocol, 6),
            FieldMatch(.ctIPv4Source, 9),
            FieldMatch(.ctPortSource, 5)
        ),
        Match(
            .ctState([.tracked, .established]),
            ip6,
            FieldMatch(.ctIPProtocol, 17),
            FieldMatch(.ctIPv6Destination, 9)
        ),
    ]

    private static let actions: [[FlowAction]] = [
        [], [.output(65279)], [.flood], [.all], [.local], [.inPort, .table], [.controller()],
        [.controller(maxLength: 128)],
        [.outputField(Subfield(.register(2)))], [.outputField(zone)],
        [.outputField(Subfield(.metadata, offset: 0, count: 16))],
        [.pushVLAN(), .setVLAN(0)], [.pushVLAN(.serviceVLAN), .setField(FieldMatch(.vlanPriority, 3))], [.popVLAN],
        [.setField(.ethernetSource(mac)), .setField(.ethernetDestination(mac, mask: .multicastBit))],
        [.setField(FieldMatch(.register(0), 0)), .setField(FieldMatch(.register(1), 5, mask: 0xff))],
        [.setField(.metadata(7)), .setField(.metadata(0, mask: 0xff)), .setField(.packetMark(0))],
        [.setField(.ipv4Source(address)), .setField(.ipv4Destination(address, mask: .mask(prefix: 8)))],
        [.setField(FieldMatch(.ipTTL, 3)), .setField(FieldMatch(.ipDSCP, 46)), .decrementTTL],
        [.checkPacketLarger(66, Subfield(.register1, offset: 0, count: 1)), .resubmit(table: 8)],
        [.checkPacketLarger(1500, Subfield(.xxregister0, offset: 127, count: 1)), .resubmit(table: 8)],
        [
            .setField(FieldMatch(.tunnelID, 5)), .setField(FieldMatch(.xregister0, 5)),
            .setField(FieldMatch(.xxregister1, 1)),
        ],
        [.load(0, .register(3)), .load(5, Subfield(.register(3), offset: 4, count: 3)), .load(1, .metadata)],
        [.load(0xffff, .inPort), .load(1, Subfield(.vlanTCI, offset: 12, count: 1))],
        [.move(from: Subfield(.ethernetSource), to: Subfield(.ethernetDestination))],
        [.move(from: zone, to: Subfield(.register(5), offset: 16, count: 16))],
        [.move(from: Subfield(.metadata, offset: 0, count: 32), to: Subfield(.register(5)))],
        [.resubmit(port: 3)], [.resubmit(port: 3, table: 4)], [.resubmit(table: 4), .resubmit(port: SwitchPort.local)],
        [.group(1)], [.ctClear, .note([1, 2, 3, 4, 5, 6])],
        [.clone([.setField(FieldMatch(.register(1), 4)), .clone([.output(3)]), .normal]), .output(4)],
        [.ct(ConnectionTracking())], [.ct(ConnectionTracking(commit: true, zone: .number(1)))],
    ]

    private static let others: [Flow] = [
        Flow(
            key: .init(table: 110, priority: 1, match: Match()),
            cookie: .max - 1,
            idleTimeout: 600,
            hardTimeout: 700,
            importance: 3,
            flags: [.sendFlowRemoved, .noByteCounts, .noPacketCounts],
            instructions: Instructions()
        ),
        Flow(
            key: .init(table: 110, priority: 2, match: Match(ip)),
            instructions: Instructions(
                meter: 1,
                actions: [.output(3)],
                clearsActionSet: true,
                actionSet: [.popVLAN, .output(5)],
                metadata: .init(5, mask: 0xff),
                goto: 111
            )
        ),
        Flow(
            table: 110,
            priority: 4,
            Match(.ctState([.tracked, .established]), ip),
            actions: [.resubmit(table: 105, ct: true)]
        ),
        Flow(
            table: 110,
            priority: 5,
            Match(ip, .ipProtocol(.udp)),
            actions: [.ct(ConnectionTracking(table: 111, helper: 69))]
        ),
        Flow(key: .init(table: 110, priority: 3, match: Match()), instructions: Instructions(metadata: .init(0))),
    ]
}
