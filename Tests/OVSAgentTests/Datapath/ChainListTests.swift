import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// Long lists of VLANs: what they cost, and that they mean what short ones do.
@Suite("Chain: long VLAN lists") struct ChainListTests {
    /// Trunks that list all VLANs but a few, each others; even ones learn.
    private static func trunks(_ count: Int) -> [VMPort] {
        (1...count).map { number in
            let vlans = VLANSet((1...4094).lazy.filter { $0 % (number + 20) != 0 }.compactMap(VLAN.init))
            return VMPort(
                name: "vm\(number)",
                number: UInt16(number),
                vlans: .trunk(.init(vlans: vlans, native: nil)),
                source: number.isMultiple(of: 2) ? .learned : .declared(mac(number))
            )
        }
    }

    private static func mac(_ number: Int) -> EthernetAddress {
        EthernetAddress(rawValue: 0x02_0000_0000_00 | UInt64(number))
    }

    private static func lane(_ ports: [VMPort], after former: VLANLists = VLANLists()) -> LanePorts {
        let lane = Lane(0)!
        let numbers = LanePort.all(of: lane).map { ($0.place, UInt32($0.portRequest)) }
        return LanePorts(
            lane: lane,
            numbers: Dictionary(uniqueKeysWithValues: numbers),
            uplinkMembers: [1, 2],
            vmPorts: ports,
            lists: VLANLists(of: ports, after: former)
        )
    }

    private static func flows(_ lane: LanePorts) -> Int {
        ChainProgram(lanes: [lane]).flows.values.reduce(0) { $0 + $1.count }
    }

    @Test("flows are as many as VLANs and ports, not as their product")
    func proportion() {
        let (none, ten, twenty) = (Self.lane([]), Self.lane(Self.trunks(10)), Self.lane(Self.trunks(20)))
        #expect(Self.flows(ten) < Self.flows(none) + 2 * 4095 + 10 * 12)
        #expect(Self.flows(twenty) < Self.flows(ten) + 10 * 12)
    }

    @Test("a port that comes or goes touches no other, and a list keeps its bit")
    func stability() {
        let ports = Self.trunks(20)
        let before = Self.lane(ports)
        let after = Self.lane(Array(ports.dropFirst()), after: before.lists)
        for port in ports.dropFirst() {
            #expect(before.lists.membership(of: port) == after.lists.membership(of: port))
        }
        let changes = ChainProgram.changes(from: [before], to: [after])
        let own = FlowCookie(.vmPort(before.lane, number: 1)).rawValue
        for change in changes.values {
            for flow in change.added { #expect(FlowCookie.vmPort(flow.cookie) == nil) }
            let lists = Set([LocalTable.lists.rawValue, UplinkTable.lists.rawValue])
            let removed = Set(change.removed.map(\.table))
            #expect(removed.isDisjoint(with: lists) || removed == lists, "\(removed) \(own)")
        }
        // Whoever comes gets the bit that is free.
        var other = ports[0]
        other.vlans = .trunk(.init(vlans: VLANSet((100...200).compactMap(VLAN.init)), native: nil))
        let again = Self.lane(Array(ports.dropFirst()) + [other], after: after.lists)
        #expect(again.lists.membership(of: other) == before.lists.membership(of: ports[0]))
    }

    @Test("short lists have no bit, nor have lists beyond the last one")
    func capacity() {
        func port(_ number: Int, _ vlans: ClosedRange<Int>) -> VMPort {
            let list = VLANSet(vlans.compactMap(VLAN.init))
            return VMPort(
                name: "vm",
                number: UInt16(number),
                vlans: .trunk(.init(vlans: list, native: nil)),
                source: .learned
            )
        }
        let few = VLANLists(of: [port(1, 1...16), port(2, 1...17)])
        #expect(few.membership(of: port(1, 1...16)) == nil && few.membership(of: port(2, 1...17)) != nil)
        let many = (1...300).map { port($0, $0...$0 + 20) }
        let lists = VLANLists(of: many)
        #expect(lists.bits.count == VLANLists.capacity)
        #expect(Set(many.compactMap(lists.membership)).count == VLANLists.capacity)
        for (bridge, flows) in ChainProgram(lanes: [Self.lane(many)]).flows {
            #expect(Set(flows.map(\.key)).count == flows.count, "\(bridge)")
        }
    }

    @Test("an address that long lists have in common belongs to the first, in one line for each pair")
    func contested() {
        var ports = Array(Self.trunks(20).filter { !$0.learns }.prefix(3))
        for index in ports.indices { ports[index].source = .declared(Self.mac(1)) }
        let access = VMPort(name: "access", number: 99, vlans: .access(VLAN(7)!), source: .declared(Self.mac(1)))
        let lane = Self.lane(ports + [access])
        let owned = lane.ownedStations(of: lane.vmPorts)
        #expect(owned.contested.map { "\($0.owner) \($0.other)" } == ["vm1 vm3", "vm1 vm5", "vm3 vm5", "vm1 access"])
        let priorities = ports.map { owned.byPort[$0.number]?.map(\.priority) }
        #expect(priorities == [[99], [98], [97]])
        #expect(owned.byPort[99] == nil)
        for (bridge, flows) in ChainProgram(lanes: [lane]).flows {
            #expect(Set(flows.map(\.key)).count == flows.count, "\(bridge)")
        }
    }

    @Test("VLANs as bits are what they are as a set", arguments: 1...20 as ClosedRange<UInt64>)
    func bits(_ seed: UInt64) {
        var random = Seeded(state: seed)
        func some() -> Set<VLAN> {
            Set(
                (0..<Int.random(in: 0...300, using: &random)).compactMap { _ in
                    VLAN(.random(in: 0...4094, using: &random))
                }
            )
        }
        let (a, b) = (some(), some())
        #expect(Array(VLANSet(a)) == a.sorted() && VLANSet(a).count == a.count && VLANSet(a).isEmpty == a.isEmpty)
        #expect(VLANSet(a).union(b) == VLANSet(a.union(b)))
        #expect(VLANSet(a).firstCommon(with: VLANSet(b)) == a.intersection(b).min())
        #expect((0...4094).compactMap(VLAN.init).allSatisfy { VLANSet(a).contains($0) == a.contains($0) })
    }
}
