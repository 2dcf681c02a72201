import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// From any lanes to any others: what is said to change is exactly what differs.
@Suite("Changes of the chain program")
struct ChainChangesTests {
    /// A fixed set, and one run's own; an issue names the seed.
    static let seeds: [UInt64] = Array(1...40) + (0..<10).map { _ in UInt64.random(in: 1000 ... .max) }

    @Test("changes bring one program to the other, and name no flow that stays", arguments: seeds)
    func changes(_ seed: UInt64) {
        var random = Seeded(state: seed)
        var lanes = Self.lanes(&random)
        for _ in 0..<6 {
            let next = Self.edited(lanes, &random).map { lane in
                var lane = lane
                lane.lists = VLANLists(
                    of: lane.vmPorts,
                    after: lanes.first { $0.lane == lane.lane }?.lists ?? VLANLists()
                )
                return lane
            }
            let before = Self.tables(lanes)
            let after = Self.tables(next)
            let changes = ChainProgram.changes(from: lanes, to: next)
            var tables = before
            for (bridge, change) in changes {
                #expect(!change.isEmpty, "seed \(seed)")
                for key in change.removed {
                    let old = tables[bridge]?.removeValue(forKey: key)
                    #expect(old != nil, "seed \(seed): \(key) was not there")
                }
                for flow in change.added {
                    let old = tables[bridge, default: [:]].updateValue(flow, forKey: flow.key)
                    #expect(old != flow, "seed \(seed): \(flow) was there")
                }
            }
            // The bridges of a lane that went are empty now, where the program has no such bridges.
            #expect(tables.filter { !$0.value.isEmpty } == after, "seed \(seed)")
            lanes = next
        }
    }

    @Test("one VM more among many names its own flows and one list")
    func one() {
        let many = (1...200).map { Self.port(UInt16($0), vlans: .access(VLAN(7)!), address: UInt64($0)) }
        let lane = Self.lane(0, many)
        let changes = ChainProgram.changes(from: [Self.lane(0, many.dropLast())], to: [lane])
        let own = FlowCookie(.vmPort(lane.lane, number: 200)).rawValue
        #expect(Set(changes.keys) == ["br0.local", "br0"])
        let nothingGoes = changes.values.allSatisfy(\.removed.isEmpty)
        #expect(nothingGoes)
        #expect(changes["br0"]?.added.allSatisfy { $0.cookie == own } == true)
        #expect(changes["br0.local"]?.added.filter { $0.cookie != own }.map(\.table) == [LocalTable.stripped.rawValue])
    }

    // MARK: Lanes

    private static func tables(_ lanes: [LanePorts]) -> [String: [Flow.Key: Flow]] {
        ChainProgram(lanes: lanes).flows.mapValues { flows in
            Dictionary(uniqueKeysWithValues: flows.map { ($0.key, $0) })
        }.filter { !$0.value.isEmpty }
    }

    private static func lanes(_ random: inout Seeded) -> [LanePorts] {
        [0, 5].map { number in
            lane(number, (1...8).filter { _ in random.chance(2) }.map { randomPort(UInt16($0), &random) })
        }
    }

    private static func edited(_ lanes: [LanePorts], _ random: inout Seeded) -> [LanePorts] {
        var lanes = lanes
        switch Int.random(in: 0..<8, using: &random) {
        case 0: lanes = Self.lanes(&random)
        case 1: lanes.remove(at: Int.random(in: 0..<lanes.count, using: &random))
        case 2: lanes[0].numbers[LanePort.Place.allCases.randomElement(using: &random) ?? .local] = nil
        case 3: lanes[0].uplinkMembers = random.chance(2) ? [1] : [2, 3]
        case 4: lanes[0].vmPorts.shuffle(using: &random)
        default:
            let number = UInt16.random(in: 1...8, using: &random)
            lanes[0].vmPorts.removeAll { $0.number == number }
            if !random.chance(3) { lanes[0].vmPorts.append(randomPort(number, &random)) }
        }
        return lanes.isEmpty ? Self.lanes(&random) : lanes
    }

    /// Few addresses and VLANs, so that ports are in each other's way.
    private static func randomPort(_ number: UInt16, _ random: inout Seeded) -> VMPort {
        let some = [VLAN.untagged, VLAN(7)!, VLAN(8)!, VLAN(9)!]
        let vlan = some.randomElement(using: &random) ?? .untagged
        var listed = random.chance(2) ? nil : VLANSet(some.filter { _ in random.chance(2) })
        // Long lists, of which two may be the same.
        if listed != nil, random.chance(2) { listed = listed?.union((10...40).compactMap(VLAN.init)) }
        let trunk = VLANMembership.Trunk(
            vlans: listed,
            native: random.chance(3) ? nil : vlan,
            tagsNative: random.chance(3)
        )
        var port = port(
            number,
            vlans: random.chance(2) ? .access(vlan) : .trunk(trunk),
            address: UInt64.random(in: 1...4, using: &random)
        )
        let since = Int.random(in: 1...4, using: &random)
        port.presence = random.chance(2) ? .present(since: since) : .expected(since: since)
        if random.chance(3) { port.source = .learned }
        if random.chance(3), let address = port.address {
            port.source = .declared(address, addresses: try? SourceAddresses("192.0.2.\(number) 2001:db8::\(number)"))
        }
        return port
    }

    private static func port(_ number: UInt16, vlans: VLANMembership, address: UInt64) -> VMPort {
        let mac = EthernetAddress(rawValue: 0x02_00_00_00_00_00 | address)
        return VMPort(name: "vm\(number)", number: number, vlans: vlans, source: .declared(mac))
    }

    private static func lane(_ number: Int, _ ports: some Sequence<VMPort>) -> LanePorts {
        let lane = Lane(number)!
        let numbers = LanePort.all(of: lane).map { ($0.place, UInt32($0.portRequest)) }
        return LanePorts(
            lane: lane,
            numbers: Dictionary(uniqueKeysWithValues: numbers),
            uplinkMembers: [1, 2],
            vmPorts: Array(ports)
        )
    }
}
