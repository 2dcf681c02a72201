import OVSDB

/// A frame at a port, whose way is asked for: what the agent knows of it before ovs-vswitchd is asked.
struct TraceQuestion: Hashable, Sendable {
    var port: String
    var bridge: String
    /// The port's, in words.
    var vlans: String
    /// What the user said of the frame, with what follows from the port where the user did not say.
    var frame: FrameDescription
    /// Every VM port of the host, by bridge and name.
    var vmPorts: [PortName: VMListing.Entry]
    /// The interfaces that lead to the wire.
    var wires: Set<PortName>
    /// The ports that they belong to, by uplink bridge.
    var uplinks: [String: String]

    struct PortName: Hashable, Sendable {
        var bridge: String
        var name: String
    }

    init(
        port: String,
        frame: String,
        replica: Replica,
        layout: Layout,
        chain: ChainStanding
    ) throws(CommandFailure) {
        let listing = VMListing(replica: replica, layout: layout, chain: chain)
        vmPorts = Dictionary(
            listing.ports.map { (PortName(bridge: $0.lane.localBridge, name: $0.port.name), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        wires = Set(
            layout.virtualSwitches.flatMap { declared in
                let members = declared.uplink.map { Status.Uplink($0, on: declared.lane.uplinkBridge, in: replica) }
                return members?.members.map { PortName(bridge: declared.lane.uplinkBridge, name: $0.name) } ?? []
            }
        )
        uplinks = Dictionary(
            layout.virtualSwitches.compactMap { declared in
                declared.uplink.map { (declared.lane.uplinkBridge, $0.name) }
            },
            uniquingKeysWith: { first, _ in first }
        )
        let bridges = layout.virtualSwitches.flatMap { [$0.lane.localBridge, $0.lane.uplinkBridge] }
        guard let (row, bridge) = replica.place(ofInterface: port),
            bridges.contains(bridge) || ChainBridge(name: bridge) != nil
        else { throw .noPort(port, bridges, listing, replica) }
        self.port = port
        self.bridge = bridge
        let members = replica.interfaces(of: row)
        vlans = Topology.VLANs(row, members: members, networks: layout.networks(ofBridge: bridge)).text
        self.frame = try FrameDescription(
            frame,
            defaultSource: vmPorts[PortName(bridge: bridge, name: port)]?.port.mac
        )
    }
}

/// A frame in the words of `ovs-ofctl` (ovs-fields(7)), as `ofproto/trace` takes them.
struct FrameDescription: Hashable, Sendable {
    private(set) var fields: [String]

    /// - Parameter defaultSource: the MAC that a frame comes from when nothing is said of it. Without destination a
    ///   frame is for all.
    init(_ text: String, defaultSource: String?) throws(CommandFailure) {
        fields = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
        guard !has("in_port") else { throw CommandFailure("trace: leave in_port out: it follows from the port") }
        if let defaultSource, !has("dl_src"), !has("eth_src") { fields.append("dl_src=\(defaultSource)") }
        if !has("dl_dst"), !has("eth_dst") { fields.append("dl_dst=ff:ff:ff:ff:ff:ff") }
    }

    private func has(_ name: String) -> Bool { fields.contains { $0.hasPrefix("\(name)=") } }

    /// What ofproto/trace takes.
    func flow(from port: UInt32) -> String { (["in_port=\(port)"] + fields).joined(separator: ",") }

    /// What is said beside the two addresses.
    var others: [String] {
        fields.filter { field in
            !["dl_src=", "eth_src=", "dl_dst=", "eth_dst="].contains(where: field.hasPrefix)
        }
    }
}

extension Replica {
    /// The Port that has an interface, and the name of its bridge.
    fileprivate func place(ofInterface name: String) -> (Row, bridge: String)? {
        guard let interface = interface(named: name) else { return nil }
        for port in ports(ofInterface: interface.uuid) {
            if let bridge = bridges(ofPort: port.uuid).first { return (port, bridge.name) }
        }
        return nil
    }
}

extension Layout {
    /// The VLANs of the networks of the virtual switch that has a bridge, by name.
    fileprivate func networks(ofBridge bridge: String) -> [String: Int] {
        let owner = virtualSwitches.first { [$0.lane.uplinkBridge, $0.lane.localBridge].contains(bridge) }
        return owner.map { networks.vlans(of: $0) } ?? [:]
    }
}

extension CommandFailure {
    private static let namedAtMost = 20

    fileprivate static func noPort(
        _ name: String,
        _ bridges: [String],
        _ listing: VMListing,
        _ replica: Replica
    ) -> CommandFailure {
        if let port = replica.port(named: name), port[Port.interfaces].uuids.count > 1 {
            let members = replica.interfaces(of: port).map(\.name).sortedNaturally()
            return CommandFailure(
                "trace: \(name) is a bond: name one of its members (\(members.joined(separator: ", ")))"
            )
        }
        let names = listing.ports.filter { $0.port.interfaceID != nil }.map(\.port.name)
        var vmPorts = names.prefix(namedAtMost).joined(separator: ", ")
        if names.count > namedAtMost { vmPorts += " and \(names.count - namedAtMost) more (ovs-agentctl vms)" }
        return CommandFailure(
            """
            trace: there is no port \(name) on \(bridges.joined(separator: ", ")) or the chain; \
            VM ports: \(vmPorts.isEmpty ? "none" : vmPorts)
            """
        )
    }
}
