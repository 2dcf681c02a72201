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
        case .named(let name), .profile(let name):
            guard let place = places[name] else { throw .unknown(name) }
            guard place.lane == lane else { throw .elsewhere(name, place.lane) }
            return place.vlan
        }
    }

    /// The lane of the network that is asked for; `nil` where the layout does not have it.
    func lane(of request: NetworkRequest) -> Lane? { request.network.flatMap { places[$0]?.lane } }

    /// A request as far as it decides: a profile that is no network's name asks for nothing.
    func heeded(_ request: NetworkRequest?) -> NetworkRequest? {
        if case .profile(let name) = request, places[name] == nil { nil } else { request }
    }
}

/// What a VM port asks for by `external_ids:ovs-agent-network`, on the Port or on its interface that carries `iface-id`,
/// or else by that interface's `external_ids:port-profile`.
enum NetworkRequest: Hashable, Sendable {
    case named(String)
    /// By a profile, which may be meant for somebody else: see ``Networks/heeded(_:)``.
    case profile(String)
    /// Port and interface name different networks, here sorted.
    case contradictory([String])

    /// `names`: all that the port's rows say by ``VMPort/Key/network``; `profiles`: by ``VMPort/Key/profile``.
    init?(_ names: some Sequence<String>, profiles: some Sequence<String> = []) {
        let names = Set(names).sorted()
        if let first = names.first {
            self = names.count == 1 ? .named(first) : .contradictory(names)
        } else {
            // Of several interfaces that differ in it none speaks for the port.
            let profiles = Set(profiles)
            guard profiles.count == 1, let profile = profiles.first else { return nil }
            self = .profile(profile)
        }
    }

    /// Whether it decides whatever the layout has.
    var isBinding: Bool { if case .profile = self { false } else { true } }

    /// The one network that is asked for.
    var network: String? {
        switch self {
        case .named(let name), .profile(let name): name
        case .contradictory: nil
        }
    }

    /// Why a network is not to be had.
    enum Refusal: Error, Hashable, CustomStringConvertible {
        case unknown(String)
        /// It is of the virtual switch with this lane.
        case elsewhere(String, Lane)
        case contradictory([String])

        var description: String { reason.line }

        var reason: Reason {
            switch self {
            case .unknown(let name):
                Reason(
                    "it asks for network \(name), which the layout does not have",
                    remedy: "add it there, or set external_ids:\(VMPort.Key.network) to one of the layout"
                )
            case .elsewhere(let name, let lane):
                Reason(
                    "it asks for network \(name), which is on \(lane.uplinkBridge)",
                    remedy: """
                        plug it into \(lane.localBridge), or set external_ids:\(VMPort.Key.network) to a network of \
                        this virtual switch
                        """
                )
            case .contradictory(let names):
                Reason(
                    """
                    external_ids:\(VMPort.Key.network) is \(names.joined(separator: " and ")) on its Port and Interface
                    """,
                    remedy: "remove one"
                )
            }
        }
    }
}

/// A VM port whose profile is no network's name: allowed, since a profile may be meant for somebody else, and doubtful.
struct UnknownProfile: Hashable, Sendable {
    var port: String
    var lane: Lane
    var profile: String

    /// One line, with the remedy.
    var warning: String {
        """
        VM port \(port) on \(lane.localBridge) has the profile \(profile), which is no network of the layout, so that its own \
        VLANs hold: add the network there, or set external_ids:\(VMPort.Key.network) to one of the layout
        """
    }
}
