import OVSDB
import OpenFlow

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
                port.row.columns.contains { $0.name == "bond_mode" && $0.value == .exact("balance-slb") }
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

    /// What a ``ChainProgram`` needs to know of them, as far as the switch has numbered it, and the VM ports that can't
    /// be served.
    ///
    /// - Parameter claims: follows which ports can be served, as far as the switch says.
    func resolve(
        _ vmPorts: [UUID: VMPortRow],
        ports: [String: SwitchPorts],
        former: [LanePorts],
        claims: inout Claims
    ) -> ([LanePorts], [UnservedPort]) {
        var unserved: [UnservedPort] = []
        var served: [Lane: [VMPort]] = [:]
        var newcomers: [(uuid: UUID, lane: Lane, port: VMPort)] = []
        for (uuid, row) in vmPorts {
            guard uplinkMembers[row.lane] != nil else {
                // What becomes of it meanwhile, nobody sees.
                claims.went(uuid)
                continue
            }
            let known = ports[row.lane.localBridge]
            do throws(VMPort.Unserved) {
                let found = known?[row.name]
                var port = try row.port(number: found?.number, networks: networks)
                guard found?.state.contains(.linkDown) != true else { throw .linkDown(row.name) }
                guard claims[uuid] != nil else {
                    newcomers.append((uuid, row.lane, port))
                    continue
                }
                port.presence = claims.came(uuid, address: port.address)
                served[row.lane, default: []].append(port)
            } catch {
                // A switch that is out of reach says nothing of its ports.
                if known != nil { claims.went(uuid) }
                unserved.append(UnservedPort(name: row.name, lane: row.lane, reason: error))
            }
        }
        // Those that come at once have no order but their names'.
        for (uuid, lane, var port) in newcomers.sortedNaturally(by: \.port.name) {
            port.presence = claims.came(uuid, address: port.address)
            served[lane, default: []].append(port)
        }
        let lanes = uplinkMembers.keys.sorted().map { lane in
            let places = LanePort.Place.allCases.compactMap { place in
                let port = LanePort(place, of: lane)
                return ports[port.bridge]?[port.name].map { (place, $0.number) }
            }
            let vmPorts = served[lane]?.sorted { $0.number < $1.number } ?? []
            return LanePorts(
                lane: lane,
                numbers: Dictionary(uniqueKeysWithValues: places),
                uplinkMembers: (uplinkMembers[lane] ?? []).compactMap { ports[lane.uplinkBridge]?[$0]?.number },
                vmPorts: vmPorts,
                seesInnerTags: seesInnerTags,
                lists: VLANLists(of: vmPorts, after: former.first { $0.lane == lane }?.lists ?? VLANLists())
            )
        }
        return (lanes, unserved.sortedNaturally(by: \.name))
    }
}

extension ChainLanes {
    /// The names of the VM ports of which nothing says which VLANs they carry, so that they carry all, by lane.
    func unrestricted(_ vmPorts: some Sequence<VMPortRow>) -> [Lane: [String]] {
        var names: [Lane: [String]] = [:]
        for row in vmPorts where row.isUnrestricted && uplinkMembers[row.lane] != nil {
            names[row.lane, default: []].append(row.name)
        }
        return names.mapValues { $0.sorted() }
    }
}

/// A VM port whose frames go nowhere, and why.
struct UnservedPort: Hashable, Sendable {
    var name: String
    var lane: Lane
    var reason: VMPort.Unserved
}
