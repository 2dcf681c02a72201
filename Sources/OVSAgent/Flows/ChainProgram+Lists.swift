import OpenFlow

// Long lists of VLANs. A flow for each VLAN of each port would be their product: twenty trunks that list all VLANs, and no
// bridge loads that in seconds. So each *distinct* list of a lane is a bit, one flow a VLAN loads the bits of the lists that
// have it, and a port's flows ask for the bit of its own.

/// Which of a lane's lists has which bit. A list keeps its bit for as long as a port has it, whoever comes and goes.
struct VLANLists: Hashable, Sendable {
    /// Shorter ones cost fewer flows than they would share.
    static let shortest = 17
    /// Registers 8 to 15. Ports of further lists have a flow for each VLAN.
    static let capacity = 256
    private static let firstRegister = 8

    private(set) var bits: [VLANSet: Int] = [:]

    init() {}

    /// Gives bits to these ports' lists.
    ///
    /// - Parameter former: what they had.
    init(of ports: [VMPort], after former: VLANLists = VLANLists()) {
        var lists: [VLANSet] = []
        var known: Set<VLANSet> = []
        for port in ports {
            guard let list = port.vlans.list, list.count >= Self.shortest, known.insert(list).inserted else { continue }
            lists.append(list)
        }
        bits = former.bits.filter { known.contains($0.key) }
        var free = Set(0..<Self.capacity).subtracting(bits.values).sorted()[...]
        for list in lists where bits[list] == nil {
            guard let bit = free.popFirst() else { break }
            bits[list] = bit
        }
    }

    /// What a frame matches whose VLAN is in the port's list; `nil` for a port without a list that has a bit.
    func membership(of port: VMPort) -> FieldMatch? {
        bits.isEmpty ? nil : port.vlans.list.flatMap { bits[$0] }.map(Self.match)
    }

    static func match(bit: Int) -> FieldMatch {
        let mask = UInt32(1) << UInt32(bit % 32)
        return .register(firstRegister + bit / 32, mask, mask: mask)
    }

    /// The bit that a match asks for; `nil` where it asks for none.
    static func bit(of match: Match) -> Int? {
        for index in 0..<capacity / 32 {
            guard let field = match[OpenFlow.Field.register(firstRegister + index)], field.mask != 0 else { continue }
            return index * 32 + field.mask.trailingZeroBitCount
        }
        return nil
    }

    /// Whether a flow loads a bit.
    static func loads(_ bit: Int, _ flow: Flow) -> Bool {
        let register = Subfield(OpenFlow.Field.register(firstRegister + bit / 32))
        return flow.instructions.actions.contains { action in
            if case .load(let bits, register) = action { bits >> UInt64(bit % 32) & 1 != 0 } else { false }
        }
    }

    /// Those that have another bit than in `other`, or none there.
    func differing(from other: VLANLists) -> Set<VLANSet> {
        Set(bits.keys).union(other.bits.keys).filter { bits[$0] != other.bits[$0] }
    }

    /// What loads the bits of a VLAN; nothing where no list has it.
    fileprivate func loads(of vlan: VLAN, _ inOrder: [(bit: Int, list: VLANSet)]) -> [FlowAction] {
        var registers = [UInt32](repeating: 0, count: Self.capacity / 32)
        for (bit, list) in inOrder where list.contains(vlan) { registers[bit / 32] |= 1 << UInt32(bit % 32) }
        return registers.enumerated().filter { $0.element != 0 }.map { index, bits in
            .load(UInt64(bits), OpenFlow.Field.register(Self.firstRegister + index))
        }
    }
}

extension LanePorts {
    /// Tells which lists a frame's VLAN is in, on brN.local and on brN.
    func listFlows(_ wanted: VLANSet? = nil) -> [String: [Flow]] {
        let inOrder = lists.bits.map { (bit: $0.value, list: $0.key) }
        guard !inOrder.isEmpty else { return [:] }
        var listed = VLANSet()
        for (_, list) in inOrder { listed.formUnion(list) }
        let flows = listed.lazy.filter { wanted?.contains($0) ?? true }.map { vlan in
            Flow(
                table: LocalTable.lists.rawValue,
                priority: 100,
                // On brN, a frame of VLAN 0 may come with a priority tag.
                Match(vlan == .untagged ? .vlanTCI(0, mask: 0xfff) : vlan.field),
                cookie: FlowCookie(.flood(lane, vlan)).rawValue,
                actions: lists.loads(of: vlan, inOrder)
            )
        }
        let local = Array(flows)
        let uplink = local.map { flow in
            var flow = flow
            flow.table = UplinkTable.lists.rawValue
            return flow
        }
        return [lane.localBridge: local, lane.uplinkBridge: uplink]
    }

    /// Frames for many, to the ports of long lists whose VLAN it is: each is asked by itself.
    func listFloods() -> [Flow] {
        let ports = vmPorts.filter { lists.membership(of: $0) != nil }.sorted { $0.number < $1.number }
        return [(LocalTable.floodListed, ports), (.unknownListed, ports.filter(\.learns))].compactMap { table, ports in
            guard !ports.isEmpty else { return nil }
            let deliveries = ports.flatMap { port -> [FlowAction] in
                [.load(UInt64(port.number), LocalRegister.port), .resubmit(LocalTable.listed)]
            }
            return Flow(
                table: table.rawValue,
                priority: 0,
                cookie: FlowCookie(.flood(lane, .untagged)).rawValue,
                actions: deliveries + [.load(0, LocalRegister.port)]
            )
        }
    }
}

extension VLANMembership {
    /// The VLANs that a trunk lists, its native one included; `nil` where it has all, and for an access port.
    var list: VLANSet? {
        if case .trunk(let trunk) = self { trunk.vlans } else { nil }
    }
}
