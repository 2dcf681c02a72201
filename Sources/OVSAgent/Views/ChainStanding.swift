/// What is known of the flows that serve VM ports: what the ``ChainKeeper`` told last, and what it lacks.
struct ChainStanding: Hashable, Sendable {
    /// Why the agent keeps no flow now, so that it does not know what flows there are; `nil` while it does.
    var pause: Reason?
    var unserved: [UnservedPort] = []
    var contested: [ContestedStation] = []
    /// The VM ports whose flows the switch has acknowledged, by name, and whether they have spoken; `nil` where that is
    /// not asked.
    var served: [Lane: [String: Presence]]?
    /// VM ports of which nothing says which VLANs they carry.
    var unrestricted: [Lane: [String]] = [:]
    /// VM ports that were taken off the chain's bridges.
    var misplaced: [MisplacedVM] = []
    /// Why bridges are out of reach, by bridge.
    var outages: [String: String] = [:]

    /// Why frames of a lane's VM ports go nowhere, whichever the port.
    func obstacle(on lane: Lane) -> Reason? {
        let bridges = [lane.localBridge] + ChainBridge.allCases.map(\.name) + [lane.uplinkBridge]
        return bridges.lazy.compactMap { bridge in
            outages[bridge].map { Reason("ovs-vswitchd does not run \(bridge)", remedy: $0) }
        }.first
    }

    /// What is allowed and probably not meant, one line each.
    var warnings: [String] {
        unserved.map(\.text) + contested.map(\.text) + misplaced.map(\.warning)
            + unrestricted.sorted { $0.key < $1.key }.map { lane, ports in Self.text(ports.sortedNaturally(), on: lane)
            }
    }

    private static func text(_ ports: [String], on lane: Lane) -> String {
        let rest = ports.count > 5 ? " and \(ports.count - 5) more" : ""
        let (noun, verb) = ports.count == 1 ? ("port", "has") : ("ports", "have")
        return """
            VM \(noun) \(ports.prefix(5).joined(separator: ", "))\(rest) on \(lane.localBridge) \(verb) no VLAN and so \
            every VLAN, the host's, too: give one (ovs-vsctl set Port NAME tag=VLAN), or say that it is meant \
            (ovs-vsctl set Port NAME vlan_mode=trunk)
            """
    }
}

extension UnservedPort {
    fileprivate var text: String { "VM port \(name) on \(lane.localBridge) has no network: \(reason)" }
}

extension ContestedStation {
    fileprivate var text: String {
        """
        VM ports \(owner) and \(other) on \(lane.localBridge) both declare \(place): frames go to \(owner)
        """
    }

    /// The address, and the VLAN where it is one.
    var place: String { "\(station.address)" + (station.vlan.map { " in VLAN \($0.number)" } ?? "") }
}
