import JSONRPC
import OpenFlow

extension ChainLanes {
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
