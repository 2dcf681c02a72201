import OpenFlow

// What of the flows changes when lanes or ports do. A VM that comes to a thousand others costs its own flows and the
// lists that name it; the others are only compared.

/// What brings one bridge's flows from one program to another.
struct FlowChanges: Hashable, Sendable {
    /// To be added, or to stand in place of the flow of the same key.
    var added: [Flow] = []
    /// To be deleted.
    var removed: [Flow.Key] = []

    /// Between two lists of flows that each have a key once.
    init(from old: [Flow], to new: [Flow]) {
        var before = Dictionary(old.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        for flow in new where before.removeValue(forKey: flow.key) != flow { added.append(flow) }
        removed = Array(before.keys)
    }

    var isEmpty: Bool { added.isEmpty && removed.isEmpty }
}

extension ChainProgram {
    /// What brings the program of some lanes to that of others, by bridge: no more than differs.
    static func changes(from old: [LanePorts], to new: [LanePorts]) -> [String: FlowChanges] {
        let before = Dictionary(old.map { ($0.lane, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(new.map { ($0.lane, $0) }, uniquingKeysWith: { first, _ in first })
        var flows: [String: (old: [Flow], new: [Flow])] = [:]
        for lane in Set(before.keys).union(after.keys) where before[lane] != after[lane] {
            let part = LaneDifference(from: before[lane], to: after[lane])
            for (bridge, some) in before[lane]?.flows(part) ?? [:] { flows[bridge, default: ([], [])].old += some }
            for (bridge, some) in after[lane]?.flows(part) ?? [:] { flows[bridge, default: ([], [])].new += some }
        }
        return flows.mapValues { FlowChanges(from: $0.old, to: $0.new) }.filter { !$0.value.isEmpty }
    }
}

/// The part of a lane's flows in which two states of the lane may differ.
private struct LaneDifference {
    /// Whether what every VM needs differs.
    var isCommon: Bool
    /// Ports that one state has and the other has not or has otherwise, and addresses that one of those declares: which
    /// of the ports that declare an address has it may differ, too.
    var ports: Set<UInt16>
    var addresses: Set<EthernetAddress>
    var lists: FloodLists
    /// The VLANs whose bits differ.
    var listed = VLANSet()

    init(from old: LanePorts?, to new: LanePorts?) {
        isCommon =
            old?.numbers != new?.numbers || old?.uplinkMembers != new?.uplinkMembers
            || old?.seesInnerTags != new?.seesInnerTags
        var left = Dictionary((old?.vmPorts ?? []).map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        var changed: [VMPort] = []
        for port in new?.vmPorts ?? [] {
            let former = left.removeValue(forKey: port.number)
            if let former, former != port { changed.append(former) }
            if former != port { changed.append(port) }
        }
        changed += left.values
        let (oldLists, newLists) = (old?.lists ?? VLANLists(), new?.lists ?? VLANLists())
        let lists = newLists.differing(from: oldLists)
        for list in lists { listed.formUnion(list) }
        let all = (old?.vmPorts ?? []) + (new?.vmPorts ?? [])
        for port in all {
            if let list = port.vlans.list, lists.contains(list) { changed.append(port) }
        }
        ports = Set(changed.map(\.number))
        addresses = Set(changed.compactMap(\.address))
        // Floods reach a port in another way while another one declares its address, too.
        for port in all {
            if let address = port.address, addresses.contains(address) { changed.append(port) }
        }
        self.lists = FloodLists(naming: changed, [oldLists, newLists])
    }

    func contains(_ port: VMPort) -> Bool {
        ports.contains(port.number) || port.address.map(addresses.contains) == true
    }
}

extension LanePorts {
    fileprivate func flows(_ part: LaneDifference) -> [String: [Flow]] {
        var flows = part.isCommon ? common() : [:]
        let ports = vmPorts.filter(part.contains)
        let owned = ownedStations(of: ports)
        for port in ports { flows.merge(self.flows(of: port, owned), uniquingKeysWith: +) }
        flows[lane.localBridge, default: []] += floodLists(part.lists)
        if !part.listed.isEmpty { flows.merge(listFlows(part.listed), uniquingKeysWith: +) }
        return flows
    }
}
