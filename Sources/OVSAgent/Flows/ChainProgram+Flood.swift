import OpenFlow

// Frames on brN.local that are for every port of their VLAN. These flows alone name several ports.

/// Some of the lists of a lane's ports.
struct FloodLists: Hashable, Sendable {
    /// `nil` for those of every VLAN.
    var vlans: Set<VLAN>?
    /// Those of the ports that carry every VLAN, or a long list of them.
    var trunks: Bool

    static let all = FloodLists(vlans: nil, trunks: true)

    init(vlans: Set<VLAN>?, trunks: Bool) {
        self.vlans = vlans
        self.trunks = trunks
    }

    /// Those that may name one of these ports.
    init(naming ports: [VMPort], _ lists: [VLANLists]) {
        vlans = Set(ports.flatMap { port in lists.flatMap { $0.listedVLANs(of: port) } })
        trunks = ports.contains { !$0.vlans.isAccess }
    }

    fileprivate func contains(_ vlan: VLAN) -> Bool { vlans?.contains(vlan) ?? true }
}

extension LanePorts {
    private typealias Table = LocalTable

    /// Which ports a frame goes to that is for all of its VLAN: multicast to all, unicast that no port is known for to
    /// those that learn.
    func floodLists(_ wanted: FloodLists) -> [Flow] {
        let named = vmPorts.filter { port in
            wanted.trunks && port.vlans.carriesAll || lists.listedVLANs(of: port).contains(where: wanted.contains)
        }
        let ports = named.sorted { $0.number < $1.number }
        let learning = ports.filter(\.learns)
        let rivals = Self.rivals(among: vmPorts)
        var flows = vlanLists(of: ports, rivals, for: .all, .floodVLAN, wanted)
        flows += vlanLists(of: learning, rivals, for: .learning, .unknownVLAN, wanted)
        if wanted.trunks {
            flows += trunkLists(of: ports, rivals, .floodTrunks)
            flows += trunkLists(of: learning, rivals, .unknownTrunks) + listFloods()
        }
        return flows
    }

    /// The ports that carry every VLAN. One that takes a VLAN's tag off gets that VLAN with the ports that do the same.
    private func trunkLists(of ports: [VMPort], _ rivals: Set<UInt16>, _ table: Table) -> [Flow] {
        func outputs(_ ports: [VMPort]) -> [FlowAction] {
            ports.flatMap { $0.outputs(isRival: rivals.contains($0.number)) }
        }
        let trunks = ports.filter(\.vlans.carriesAll)
        guard !trunks.isEmpty else { return [] }
        let exceptions = Set(trunks.compactMap(\.vlans.stripped)).sorted().map { vlan in
            list(table, 10, vlan, outputs(trunks.filter { $0.vlans.stripped != vlan }))
        }
        return [list(table, 0, nil, outputs(trunks))] + exceptions
    }

    private func vlanLists(
        of ports: [VMPort],
        _ rivals: Set<UInt16>,
        for receivers: LocalReceivers,
        _ table: Table,
        _ wanted: FloodLists
    ) -> [Flow] {
        var tagged: [VLAN: [FlowAction]] = [:]
        var stripped: [VLAN: [FlowAction]] = [:]
        for port in ports {
            let outputs = port.outputs(isRival: rivals.contains(port.number))
            for vlan in lists.listedVLANs(of: port) where wanted.contains(vlan) {
                if vlan == port.vlans.stripped {
                    stripped[vlan, default: []] += outputs
                } else {
                    tagged[vlan, default: []] += outputs
                }
            }
        }
        return Set(tagged.keys).union(stripped.keys).sorted().flatMap { vlan in
            let tagged = tagged[vlan] ?? []
            guard let stripped = stripped[vlan] else { return [list(table, 10, vlan, tagged)] }
            var first = list(table, 10, vlan, tagged + [.load(UInt64(receivers.rawValue), LocalRegister.receivers)])
            first.instructions.goto = Table.strip.rawValue
            var then = list(.stripped, 100, vlan, stripped)
            then.match = Match(.register(1, UInt32(vlan.number)), .register(2, receivers.rawValue))
            return [first, then]
        }
    }

    private func list(_ table: Table, _ priority: UInt16, _ vlan: VLAN?, _ actions: [FlowAction]) -> Flow {
        Flow(
            table: table.rawValue,
            priority: priority,
            vlan.map { Match($0.field) } ?? Match(),
            cookie: FlowCookie(.flood(lane, vlan ?? .untagged)).rawValue,
            actions: actions
        )
    }
}

extension VLANLists {
    /// The VLANs whose own lists name a port.
    fileprivate func listedVLANs(of port: VMPort) -> [VLAN] {
        let stripped = port.vlans.stripped.map { [$0] } ?? []
        return membership(of: port) != nil ? stripped : port.vlans.all ?? stripped
    }
}

extension VLANMembership {
    fileprivate var isAccess: Bool { if case .access = self { true } else { false } }

    /// Whether it has every VLAN, and lists none.
    fileprivate var carriesAll: Bool { !isAccess && list == nil }
}
