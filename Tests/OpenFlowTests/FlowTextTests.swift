import Testing

@testable import OpenFlow

/// The text of flows, which is what `ovs-ofctl` prints; that it really does is tested against it elsewhere.
@Suite("a flow as text")
struct FlowTextTests {
    static let mac = EthernetAddress(rawValue: 0x0a0b_0c0d_0e0f)

    @Test(
        "has the terms, the names and the order of ovs-ofctl",
        arguments: [
            (Flow(), "actions=drop"),
            (Flow(table: 3, priority: 0, cookie: 0xa0), "cookie=0xa0, table=3, priority=0 actions=drop"),
            (
                Flow(Match(.ethernetSource(mac), .vlan(10), .inPort(7)), goto: 2),
                "in_port=7,dl_vlan=10,dl_src=0a:0b:0c:0d:0e:0f actions=goto_table:2"
            ),
            (
                Flow(Match(.untagged, .inPort(SwitchPort.local)), actions: [.pushVLAN(), .setVLAN(100)], goto: 1),
                "in_port=LOCAL,vlan_tci=0x0000/0x1000 actions=push_vlan:0x8100,set_field:4196->vlan_vid,goto_table:1"
            ),
            (Flow(Match(.vlanPriority(3))), "dl_vlan_pcp=3 actions=drop"),
            (Flow(Match(.vlan(0), .vlanPriority(0))), "dl_vlan=0,dl_vlan_pcp=0 actions=drop"),
            (Flow(Match(.vlanTCI(0, mask: 0x1fff))), "vlan_tci=0x0000/0x1fff actions=drop"),
            (
                Flow(Match(.ethernetDestination(.multicastBit, mask: .multicastBit)), actions: [.normal, .inPort]),
                "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=NORMAL,IN_PORT"
            ),
            (
                Flow(Match(.ethernetType(EtherType(rawValue: 0x88cc)), .ethernetSource(mac), .register(0, 5))),
                "reg0=0x5,dl_src=0a:0b:0c:0d:0e:0f,dl_type=0x88cc actions=drop"
            ),
            (
                Flow(
                    Match(
                        .ethernetType(.ipv4),
                        .ipProtocol(.udp),
                        .ipv4Source(.mask(prefix: 0)),
                        .ipv4Destination(IPv4Address(rawValue: 0x0a00_0000), mask: .mask(prefix: 8)),
                        .udpSource(68),
                        .udpDestination(0x40, mask: 0xffc0)
                    )
                ),
                "udp,nw_src=0.0.0.0,nw_dst=10.0.0.0/8,tp_src=68,tp_dst=0x40/0xffc0 actions=drop"
            ),
            (
                Flow(
                    Match(.ethernetType(.ipv6), .ipProtocol(.icmpv6), .icmpv6Type(135), .icmpv6Code(0)),
                    actions: [.resubmit(table: 11), .resubmit(port: 3, table: 20, ct: true), .resubmit(port: 4)]
                ),
                "icmp6,icmp_type=135,icmp_code=0 actions=resubmit(,11),resubmit(3,20,ct),resubmit:4"
            ),
            (
                Flow(Match(.ethernetType(.arp), .arpOperation(1), .arpSHA(mac), .arpSPA(.mask(prefix: 0)))),
                "arp,arp_spa=0.0.0.0,arp_op=1,arp_sha=0a:0b:0c:0d:0e:0f actions=drop"
            ),
            (
                Flow(
                    Match(
                        .ctState([.tracked, .established], not: .new),
                        .ctMark(0),
                        .ctZone(300),
                        .ethernetType(.ipv4)
                    ),
                    actions: [
                        .ct(
                            ConnectionTracking(
                                commit: true,
                                zone: .field(Subfield(.register(4), offset: 0, count: 16)),
                                table: 3,
                                exec: [.load(7, .ctMark)]
                            )
                        ),
                        .load(0, .register(0)), .move(from: Subfield(.register(1)), to: Subfield(.register(2))),
                    ]
                ),
                """
                ct_state=-new+est+trk,ct_zone=300,ct_mark=0,ip \
                actions=ct(commit,table=3,zone=NXM_NX_REG4[0..15],exec(load:0x7->NXM_NX_CT_MARK[])),\
                load:0->NXM_NX_REG0[],move:NXM_NX_REG1[]->NXM_NX_REG2[]
                """
            ),
            (
                Flow(actions: [
                    .learn(
                        Learn(
                            table: 20,
                            hardTimeout: 300,
                            specs: [
                                .match(Subfield(.vlanTCI, offset: 0, count: 12)),
                                .matchField(Subfield(.ethernetDestination), from: Subfield(.ethernetSource)),
                                .loadField(Subfield(.inPort), to: Subfield(.register(0), offset: 0, count: 16)),
                                .match(Subfield(.ethernetType), 0x800), .load(1, to: Subfield(.register(1))),
                            ]
                        )
                    )
                ]),
                """
                actions=learn(table=20,hard_timeout=300,NXM_OF_VLAN_TCI[0..11],\
                NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],\
                eth_type=0x800,load:0x1->NXM_NX_REG1[])
                """
            ),
        ]
    )
    func text(flow: Flow, text: String) {
        #expect(flow.description == text)
    }

    @Test(
        "an IPv6 address is read and written as usual",
        arguments: ["::", "2001:db8::1", "fe80::a:0:0:1", "::ffff:1.2.3.4"]
    )
    func ipv6(text: String) {
        #expect(IPv6Address(text)?.description == text)
    }

    @Test(
        "a MAC address is six pairs of digits",
        arguments: ["0a:0b:0c:0d:0e", "0a:0b:0c:0d:0e:0g", "0a:0b:0c:0d:0e:+1", "a:0b:0c:0d:0e:0f", ""]
    )
    func notAddresses(text: String) {
        #expect(EthernetAddress(text) == nil)
        #expect(EthernetAddress("0A:0b:0c:0d:0e:0f") == Self.mac)
        #expect(IPv4Address("192.0.2.1")?.description == "192.0.2.1")
        #expect(IPv4Address("192.0.2") == nil)
    }

    @Test("matches for the same packets are the same, whatever they are made of")
    func canonical() {
        let tag = Match(.vlanTCI(0x100a, mask: 0x1fff))
        #expect(Match(.vlan(10)) == tag)
        #expect(Match(.inPort(1), .vlan(10)) == Match(.vlan(10)).and(.inPort(1)))
        #expect(Match(.vlan(10), .vlanPriority(2)) == Match(.vlanTCI(0x500a)))
        #expect(Match(FieldMatch(.xregister1, 0x1_0000_0002)) == Match(.register(2, 1), .register(3, 2)))
        #expect(Match(FieldMatch(.ctState, 0x21, mask: 0xff)) == Match(FieldMatch(.ctState, 0x21)))
        #expect(Match(.metadata(5, mask: 0)).isEmpty)
        #expect(Match(.metadata(0xff, mask: 0x0f)) == Match(.metadata(0x0f, mask: 0x0f)))
        #expect(tag[.vlanTCI]?.mask == 0x1fff)
        #expect(tag[.inPort] == nil)
    }
}
