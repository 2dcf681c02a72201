import OVSDB

/// The lanes that flows are wanted for, with what the layout says of their way out.
struct ChainLanes: Hashable, Sendable {
    /// The names of each lane's interfaces that lead to the wire.
    var uplinkMembers: [Lane: [String]]
    /// What VM ports may ask for.
    var networks: Networks
    /// Those whose bond balances by source address, where brN takes an address from the wire that it knows elsewhere only
    /// from a gratuitous ARP.
    var balancedBySource: Set<Lane> = []
    /// Whether the switch may see tags below the outermost.
    var seesInnerTags = false

    init(_ desired: DesiredState) {
        networks = desired.networks
        uplinkMembers = [:]
        for bridge in desired.bridges where bridge.row.role == .uplinkBridge {
            guard let lane = Lane(uplinkBridge: bridge.row.name) else { continue }
            let uplinks = bridge.ports.filter { $0.row.role == .uplink }
            uplinkMembers[lane] = uplinks.flatMap { $0.interfaces.map(\.row.name) }
            let isBalanced = uplinks.contains { port in
                port.row.columns.contains { $0.name == Port.bondMode.name && $0.value == .exact("balance-slb") }
            }
            if isBalanced { balancedBySource.insert(lane) }
        }
    }

    /// The same on a switch that may see tags below the outermost, or sees none.
    func seeing(innerTags: Bool) -> ChainLanes {
        var lanes = self
        lanes.seesInnerTags = innerTags
        return lanes
    }
}
