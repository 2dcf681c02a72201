/// The layout's networks: VLANs by name, each of one virtual switch.
struct Networks: Hashable, Sendable {
    private var places: [String: Place] = [:]

    private struct Place: Hashable, Sendable {
        var lane: Lane
        var vlan: Int
    }

    init() {}

    init(_ layout: Layout) {
        let lanes = Dictionary(layout.virtualSwitches.map { ($0.name, $0.lane) }) { first, _ in first }
        for network in layout.networks {
            places[network.name] = lanes[network.virtualSwitch].map { Place(lane: $0, vlan: network.vlan) }
        }
    }

    /// The VLAN, 0 to 4094, that a VM port of a lane gets for what it asks.
    ///
    /// What can't be had is refused and never replaced: a VM that asked for a network must not land in another VLAN.
    func vlan(for request: NetworkRequest, on lane: Lane) throws(NetworkRequest.Refusal) -> Int {
        switch request {
        case .contradictory(let names): throw .contradictory(names)
        case .named(let name):
            guard let place = places[name] else { throw .unknown(name) }
            guard place.lane == lane else { throw .elsewhere(name, place.lane) }
            return place.vlan
        }
    }
}

/// What a VM port asks for by `external_ids:ovs-agent-network`, on the Port or on its interface that carries `iface-id`.
enum NetworkRequest: Hashable, Sendable {
    case named(String)
    /// Port and interface name different networks, here sorted.
    case contradictory([String])

    /// `names`: all that the port's rows say.
    init?(_ names: some Sequence<String>) {
        let names = Set(names).sorted()
        guard let first = names.first else { return nil }
        self = names.count == 1 ? .named(first) : .contradictory(names)
    }

    /// Why a network is not to be had.
    enum Refusal: Error, Hashable, CustomStringConvertible {
        case unknown(String)
        /// It is of the virtual switch with this lane.
        case elsewhere(String, Lane)
        case contradictory([String])

        var description: String { reason.line }

        var reason: Status.Reason {
            switch self {
            case .unknown(let name):
                Status.Reason(
                    "it asks for network \(name), which the layout does not have",
                    remedy: "add it there, or set external_ids:\(VMPort.Key.network) to one of the layout"
                )
            case .elsewhere(let name, let lane):
                Status.Reason(
                    "it asks for network \(name), which is on \(lane.uplinkBridge)",
                    remedy: """
                        plug it into \(lane.localBridge), or set external_ids:\(VMPort.Key.network) to a network of \
                        this virtual switch
                        """
                )
            case .contradictory(let names):
                Status.Reason(
                    """
                    external_ids:\(VMPort.Key.network) is \(names.joined(separator: " and ")) on its Port and Interface
                    """,
                    remedy: "remove one"
                )
            }
        }
    }
}
