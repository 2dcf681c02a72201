import OpenFlow
import Testing

@testable import OVSAgent

/// The program as a value.
@Suite("Chain program")
struct ChainProgramTests {
    private static let membership: [(mode: String?, tag: Int?, trunks: [Int], is: VLANMembership?)] = [
        (nil, nil, [], .trunk(.init(vlans: nil, native: .untagged))),
        (nil, 7, [], .access(vlan(7))),
        (nil, 7, [8, 9], .access(vlan(7))),
        (nil, nil, [8, 9], .trunk(.init(vlans: [vlan(8), vlan(9)], native: nil))),
        (nil, nil, [0, 9], .trunk(.init(vlans: [.untagged, vlan(9)], native: .untagged))),
        ("access", nil, [], .access(.untagged)),
        ("trunk", 7, [8], .trunk(.init(vlans: [vlan(8)], native: nil))),
        // No VLAN at all, rather than every one.
        ("trunk", nil, [4095], .trunk(.init(vlans: [], native: nil))),
        ("native-tagged", 7, [8], .trunk(.init(vlans: [vlan(8)], native: vlan(7), tagsNative: true))),
        ("native-untagged", 7, [], .trunk(.init(vlans: nil, native: vlan(7)))),
        ("native-untagged", nil, [8], .trunk(.init(vlans: [vlan(8)], native: .untagged))),
        ("dot1q-tunnel", 7, [], nil),
        (nil, 4095, [], nil),
    ]

    @Test("a Port's columns mean what they mean to Open vSwitch")
    func columns() {
        for (mode, tag, trunks, expected) in Self.membership {
            #expect(VLANMembership(mode: mode, tag: tag, trunks: trunks) == expected, "\(mode ?? "") \(tag ?? -1)")
        }
    }

    @Test("a list of addresses is read whole or not at all")
    func addresses() throws {
        let read = try SourceAddresses(" 192.0.2.1,2001:db8::1  192.0.2.2 ")
        #expect(read.ipv4.map(\.description) == ["192.0.2.1", "192.0.2.2"])
        #expect(read.ipv6.map(\.description) == ["2001:db8::1"])
        #expect(try SourceAddresses("") == SourceAddresses())
        for text in ["192.0.2.1 192.0.2", "192.0.2.0/24", "vm1", "::g"] {
            #expect(throws: SourceAddresses.Unreadable.self) { try SourceAddresses(text) }
        }
    }

    private static let unserved:
        [(number: UInt32?, ids: [String: String], mode: String?, tag: Int?, why: VMPort.Unserved)] = [
            (nil, [:], nil, nil, .unknownToSwitch("vm")),
            (0xffff_fffe, [:], nil, nil, .unknownToSwitch("vm")),
            (1, [:], "dot1q-tunnel", 7, .tunnel),
            (1, [:], nil, 4095, .reservedVLAN),
            (1, ["attached-mac": ""], nil, 7, .unreadableMAC("")),
            (1, ["attached-mac": "02:00:00:00:00"], nil, 7, .unreadableMAC("02:00:00:00:00")),
            (1, ["attached-mac": "01:00:5e:00:00:01"], nil, 7, .noStationsMAC("01:00:5e:00:00:01")),
            (1, ["attached-mac": "00:00:00:00:00:00"], nil, 7, .noStationsMAC("00:00:00:00:00:00")),
            (
                1, ["attached-mac": "02:00:00:00:00:01", "ovs-agent-addresses": "10.0.0.1/24"], nil, 7,
                .unreadableIPAddress("10.0.0.1/24")
            ),
            (1, ["ovs-agent-addresses": "10.0.0.1"], nil, 7, .addressesWithoutMAC),
        ]

    @Test("a port that can't be served says why; whatever can't be read shuts rather than opens")
    func refusals() {
        for (number, ids, mode, tag, why) in Self.unserved {
            #expect(throws: why, "\(ids) \(mode ?? "") \(tag ?? -1)") {
                try VMPort(name: "vm", number: number, source: .reading(ids), mode: mode, tag: tag, trunks: [])
            }
        }
    }

    @Test("a port's columns make it declared, checked or learned")
    func served() throws {
        let mac = "02:00:00:00:00:01"
        func source(_ ids: [String: String]) throws -> VMPort.Source {
            try VMPort(name: "vm", number: 1, source: .reading(ids), mode: nil, tag: 7, trunks: []).source
        }
        let address = try #require(EthernetAddress(mac))
        #expect(try source([:]) == .learned)
        #expect(try source(["attached-mac": mac]) == .declared(address))
        // An empty list is a list: no address at all.
        #expect(
            try source(["attached-mac": mac, "ovs-agent-addresses": ""])
                == .declared(address, addresses: SourceAddresses())
        )
    }

    /// Ports of every kind.
    private static let ports: [VMPort] = [
        VMPort(name: "access", number: 1, vlans: .access(vlan(7)), source: .declared(mac(1))),
        VMPort(name: "plain", number: 2, vlans: .access(.untagged), source: .declared(mac(2))),
        VMPort(
            name: "spoofless",
            number: 3,
            vlans: .access(vlan(7)),
            source: .declared(mac(3), addresses: try? SourceAddresses("192.0.2.3 2001:db8::3 fe80::ff:fe00:3"))
        ),
        VMPort(name: "learning", number: 4, vlans: .access(vlan(7)), source: .learned),
        VMPort(
            name: "trunk",
            number: 5,
            vlans: .trunk(.init(vlans: nil, native: .untagged)),
            source: .declared(mac(5))
        ),
        VMPort(
            name: "some",
            number: 6,
            vlans: .trunk(.init(vlans: [vlan(7), vlan(8)], native: vlan(9))),
            source: .declared(mac(6))
        ),
        VMPort(
            name: "tagged",
            number: 7,
            vlans: .trunk(.init(vlans: nil, native: vlan(9), tagsNative: true)),
            source: .learned
        ),
        VMPort(name: "native", number: 8, vlans: .trunk(.init(vlans: nil, native: vlan(7))), source: .learned),
        VMPort(name: "nowhere", number: 9, vlans: .trunk(.init(vlans: [], native: nil)), source: .declared(mac(9))),
    ]

    private static func lane(_ number: Int = 0, _ ports: [VMPort]) -> LanePorts {
        LanePorts(
            lane: Lane(number)!,
            numbers: Dictionary(
                uniqueKeysWithValues: LanePort.all(of: Lane(number)!).map { ($0.place, UInt32($0.portRequest)) }
            ),
            uplinkMembers: [1, 2],
            vmPorts: ports
        )
    }

    @Test("no bridge has two flows of one name, and every flow but brN's own has our cookie")
    func unique() {
        let program = ChainProgram(lanes: [Self.lane(0, Self.ports), Self.lane(5, Self.ports)])
        #expect(program.flows.keys.count == 8)
        #expect(program.contested.isEmpty)
        for (bridge, flows) in program.flows {
            #expect(Set(flows.map(\.key)).count == flows.count, "\(bridge)")
            let others = flows.filter { !FlowCookie.isOurs($0.cookie) }
            #expect(others == (["br0", "br5"].contains(bridge) ? [.standalone] : []), "\(bridge)")
            #expect(!flows.contains { FlowCookie.isLearned($0.cookie) })
        }
    }

    @Test("a VM's coming and going touches its own flows and the lists of its VLANs", arguments: ports.indices)
    func own(_ index: Int) {
        var without = Self.ports
        let port = without.remove(at: index)
        let before = ChainProgram(lanes: [Self.lane(0, without), Self.lane(5, Self.ports)])
        let after = ChainProgram(lanes: [Self.lane(0, Self.ports), Self.lane(5, Self.ports)])
        let lane = Lane(0)!
        let own = FlowCookie(.vmPort(lane, number: port.number)).rawValue
        let every =
            (port.vlans.all ?? []) + [.untagged] + (port.vlans.untagged.map { [$0] } ?? [])
            + Self.ports.filter { $0.vlans.all == nil }.compactMap(\.vlans.stripped)
        let lists = Set(every.map { FlowCookie(.flood(lane, $0)).rawValue })
        for (bridge, flows) in after.flows {
            let changed = Set(flows).symmetricDifference(before.flows[bridge] ?? [])
            for flow in changed where flow.cookie != own {
                #expect(lists.contains(flow.cookie) && bridge == "br0.local", "\(bridge): \(flow)")
            }
        }
    }

    @Test("the order in which ports are told changes no flow")
    func order() {
        let program = ChainProgram(lanes: [Self.lane(0, Self.ports)])
        let reversed = ChainProgram(lanes: [Self.lane(0, Self.ports.reversed())])
        #expect(program.flows.mapValues(Set.init) == reversed.flows.mapValues(Set.init))
    }

    /// The claims of two ports, the one with the lower number first, and whether it is the owner.
    private static let claims: [(Presence, Presence, isFirst: Bool)] = [
        (.present(since: 1), .present(since: 2), true), (.present(since: 2), .present(since: 1), false),
        (.expected(since: 1), .expected(since: 2), true), (.expected(since: 2), .expected(since: 1), false),
        (.present(since: 2), .expected(since: 1), true), (.expected(since: 1), .present(since: 2), false),
    ]

    @Test("who has spoken has an address, then who came earlier, whatever their numbers", arguments: claims.indices)
    func contested(_ index: Int) {
        let (first, second, isFirst) = Self.claims[index]
        var (port, twin, elsewhere) = (Self.ports[0], Self.ports[0], Self.ports[0])
        port.presence = first
        (twin.name, twin.number, twin.presence) = ("twin", 11, second)
        (elsewhere.name, elsewhere.number, elsewhere.vlans) = ("elsewhere", 12, .access(vlan(8)))
        // One that has every VLAN has this one, too.
        for vlans in [port.vlans, .trunk(.init(vlans: nil, native: .untagged))] {
            var other = twin
            other.vlans = vlans
            let further = vlans == port.vlans ? [elsewhere] : []
            let program = ChainProgram(lanes: [Self.lane(0, further + [other, port] + Self.ports.dropFirst())])
            #expect(
                program.contested.map { "\($0.owner) \($0.other)" } == [isFirst ? "access twin" : "twin access"]
            )
            for (bridge, flows) in program.flows {
                #expect(Set(flows.map(\.key)).count == flows.count, "\(bridge)")
            }
        }
    }

    @Test("a lane port that the switch has no number for leaves out the flows that need it")
    func missing() {
        for place in LanePort.Place.allCases {
            var lane = Self.lane(0, Self.ports)
            let number = lane.numbers.removeValue(forKey: place) ?? 0
            let bridge = LanePort(place, of: lane.lane).bridge
            let flows = ChainProgram(lanes: [lane]).flows[bridge] ?? []
            let texts = flows.map { "\($0)".replacing(/cookie=0x[0-9a-f]+/, with: "") }
            #expect(!texts.contains { $0.contains("\(number)") }, "\(bridge)")
        }
    }
}

private func vlan(_ number: Int) -> VLAN { VLAN(number)! }
private func mac(_ number: UInt64) -> EthernetAddress { EthernetAddress(rawValue: 0x02_0000_0000_00 | number) }
