import OpenFlow

/// The flows that carry every VM frame through the chain: a pure value that follows from the lanes, the numbers that
/// the switch has given their ports, and the VM ports.
///
/// A frame of a VM goes up its lane through all bridges to brN, which sends it out to the wire, to its own ports, or
/// back down the same lane to another VM of the host. What a VM port is served by carries the port's own cookie
/// (``FlowCookie``), so that its coming or going touches those flows and the lists of its VLANs, nothing else.
///
/// In each bridge an `in_port` alone tells lane and direction; the switch clears registers at every patch port.
struct ChainProgram: Hashable, Sendable {
    /// The wanted flows of each bridge, by its name. A lane port that the switch has no number for leaves the flows out
    /// that need it, so that nothing goes to another port in its place.
    private(set) var flows: [String: [Flow]] = [:]
    /// Stations that two ports of a lane declare. The port with the stronger ``Presence`` has it.
    private(set) var contested: [ContestedStation] = []

    init(lanes: [LanePorts]) {
        for bridge in ChainBridge.allCases { flows[bridge.name] = Self.common(bridge) }
        for lane in lanes {
            let owned = lane.ownedStations(of: lane.vmPorts)
            contested += owned.contested
            flows.merge(lane.common(), uniquingKeysWith: +)
            flows[lane.lane.localBridge, default: []] += lane.floodLists(.all)
            flows.merge(lane.listFlows(), uniquingKeysWith: +)
            for port in lane.vmPorts {
                let served = lane.flows(of: port, owned)
                for (bridge, own) in served { flows[bridge, default: []] += own }
            }
        }
    }
}

/// One lane as the switch has it now: the input of a ``ChainProgram``.
struct LanePorts: Hashable, Sendable {
    var lane: Lane
    /// The numbers of the lane's ports, each on its own bridge.
    var numbers: [LanePort.Place: UInt32]
    /// The numbers on brN of the interfaces that lead to the wire.
    var uplinkMembers: [UInt32]
    var vmPorts: [VMPort]
    /// Whether the switch may see tags below the outermost.
    var seesInnerTags = false
    var lists = VLANLists()

    func cookie(of port: VMPort) -> UInt64 { FlowCookie(.vmPort(lane, number: port.number)).rawValue }

    var cookie: UInt64 { FlowCookie(.lane(lane)).rawValue }

    /// What the lane needs whatever its VMs, by bridge.
    func common() -> [String: [Flow]] {
        var flows = [lane.localBridge: localCommon(), lane.uplinkBridge: uplinkCommon()]
        for bridge in ChainBridge.allCases { flows[bridge.name] = passThrough(bridge) }
        return flows
    }

    /// What serves one VM port, by bridge. `owned` tells which frames go to it.
    func flows(of port: VMPort, _ owned: OwnedStations) -> [String: [Flow]] {
        let stations = owned.byPort[port.number] ?? []
        return [
            lane.localBridge: localFlows(of: port, stations: stations, isRival: owned.rivals.contains(port.number)),
            lane.uplinkBridge: uplinkFlows(of: port, stations: stations),
        ]
    }
}

/// Where frames for an address go: the address in one VLAN, in those of a long list, or in every VLAN that nobody else has
/// it in.
struct Station: Hashable, Sendable {
    var address: EthernetAddress
    /// `nil` for a port that carries every VLAN, or a long list of them.
    var vlan: VLAN?
    var list: Listed?

    /// A long list, where another port may have the address in some of its VLANs.
    struct Listed: Hashable, Sendable {
        /// Of ``VLANLists``.
        var bit: Int
        /// How many come before, whose lists have VLANs of this one.
        var rank: UInt16
    }

    func match(source: Bool) -> Match {
        var match = Match(source ? .ethernetSource(address) : .ethernetDestination(address))
        if let list { match.add(VLANLists.match(bit: list.bit)) }
        // From the wire, a frame of VLAN 0 may come with a priority tag.
        if let vlan { match.add(vlan == .untagged ? .vlanTCI(0, mask: 0xfff) : vlan.field) }
        return match
    }

    /// One VLAN says more than a list, and that more than all of them.
    var priority: UInt16 { list.map { 99 - $0.rank } ?? (vlan == nil ? 90 : 100) }

    /// Ranks that ``priority`` has room for. Of more lists than that with an address in common, the last don't get it.
    static let ranks: UInt16 = 9
}

/// An address in one VLAN of one lane that more than one port declares.
struct ContestedStation: Hashable, Sendable {
    var lane: Lane
    var station: Station
    /// The port that frames go to.
    var owner: String
    /// One that they don't go to.
    var other: String
}

extension LanePorts {
    struct OwnedStations {
        var byPort: [UInt16: [Station]] = [:]
        var contested: [ContestedStation] = []
        /// ``LanePorts/rivals(among:)``.
        var rivals: Set<UInt16> = []
    }

    /// The ports, by number, whose address another one declares, too, in whatever VLAN.
    static func rivals(among ports: [VMPort]) -> Set<UInt16> {
        var first: [EthernetAddress: UInt16] = [:]
        var rivals: Set<UInt16> = []
        for port in ports {
            guard let address = port.address else { continue }
            if let other = first[address] {
                rivals.formUnion([other, port.number])
            } else {
                first[address] = port.number
            }
        }
        return rivals
    }

    /// Which declared address belongs to which port; `ports` has all that declare an address, or none.
    func ownedStations(of ports: [VMPort]) -> OwnedStations {
        var result = OwnedStations(rivals: Self.rivals(among: ports))
        var owners: [Station: VMPort] = [:]
        // Port by port and not VLAN by VLAN.
        var listed: [EthernetAddress: [(list: VLANSet, owner: VMPort)]] = [:]
        var single: [EthernetAddress: [VLAN: VMPort]] = [:]
        for port in ports.sorted(by: { ($0.presence, $0.number) < ($1.presence, $1.number) }) {
            guard let address = port.address else { continue }
            func contest(_ vlan: VLAN?, _ owner: VMPort) {
                let station = Station(address: address, vlan: vlan)
                result.contested.append(
                    ContestedStation(lane: lane, station: station, owner: owner.name, other: port.name)
                )
            }
            let before = listed[address] ?? []
            // Whoever has it in every VLAN has it in each.
            let whole = owners[Station(address: address, vlan: nil)]
            if let list = port.vlans.list, let bit = lists.bits[list] {
                if let whole {
                    contest(nil, whole)
                    continue
                }
                let overlapping = before.filter { $0.list.firstCommon(with: list) != nil }
                for (other, owner) in overlapping { contest(other.firstCommon(with: list), owner) }
                for (vlan, owner) in (single[address] ?? [:]).sorted(by: { $0.key < $1.key }) where list.contains(vlan)
                {
                    contest(vlan, owner)
                }
                guard overlapping.count < Station.ranks else { continue }
                let rank = Station.Listed(bit: bit, rank: UInt16(overlapping.count))
                result.byPort[port.number, default: []].append(Station(address: address, list: rank))
                listed[address, default: []].append((list, port))
                continue
            }
            for vlan in port.vlans.all.map({ $0.map(Optional.some) }) ?? [nil] {
                if let owner = whole ?? owners[Station(address: address, vlan: vlan)]
                    ?? vlan.flatMap({ vlan in before.first { $0.list.contains(vlan) }?.owner })
                {
                    contest(vlan, owner)
                    continue
                }
                let station = Station(address: address, vlan: vlan)
                owners[station] = port
                result.byPort[port.number, default: []].append(station)
                if let vlan {
                    single[address, default: [:]][vlan] = port
                    continue
                }
                for (_, owner) in before { contest(nil, owner) }
                for (vlan, owner) in (single[address] ?? [:]).sorted(by: { $0.key < $1.key }) { contest(vlan, owner) }
            }
        }
        return result
    }
}

extension VLAN {
    /// Frames of this VLAN inside the chain, where those of VLAN 0 have no tag.
    var field: FieldMatch { self == .untagged ? .vlanTCI(0, mask: 0x1fff) : .vlan(number) }
}

extension FieldMatch {
    /// The addresses that IEEE 802.1Q, table 8-1, keeps from being forwarded.
    static let reservedDestination = ethernetDestination(
        EthernetAddress(rawValue: 0x0180_c200_0000),
        mask: EthernetAddress(rawValue: 0xffff_ffff_fff0)
    )
    /// The number that IEEE 802.1Q, table 9-2, keeps from being a VLAN's.
    static let reservedVLAN = vlan(4095)
    static let multicastDestination = ethernetDestination(.multicastBit, mask: .multicastBit)
    static let multicastSource = ethernetSource(.multicastBit, mask: .multicastBit)
}

extension FlowAction {
    static func resubmit(_ table: some RawRepresentable<UInt8>) -> FlowAction { .resubmit(table: table.rawValue) }
}
