/// The names along one lane of the bridge chain as the topology walks it, from the wire to the VMs.
enum ChainNames {
    /// The shared bridges, from the VMs to the wire.
    static let bridges = ["br.mx", "br.microseg", "br.nf", "br.dmx"]

    /// One patch pair: the port nearer to the wire, the port nearer to the VMs, and the bridge that this one is on.
    struct Hop: Hashable, Sendable {
        var wireSide: String
        var vmSide: String
        var bridge: String
    }

    /// The port on brN through which its lane begins.
    static func uplinkBridgePort(of lane: Lane) -> String { "\(lane.uplinkBridge).dmx" }

    /// From brN to brN.local.
    static func hops(of lane: Lane) -> [Hop] {
        let bridge = lane.uplinkBridge
        return [
            Hop(wireSide: uplinkBridgePort(of: lane), vmSide: "\(bridge).dmx.n", bridge: "br.dmx"),
            Hop(wireSide: "\(bridge).dmx.s", vmSide: "\(bridge).nf.n", bridge: "br.nf"),
            Hop(wireSide: "\(bridge).nf.s", vmSide: "\(bridge).ms.n", bridge: "br.microseg"),
            Hop(wireSide: "\(bridge).ms.s", vmSide: "\(bridge).mx.n", bridge: "br.mx"),
            Hop(wireSide: "\(bridge).mx.s", vmSide: "\(lane.localBridge).n", bridge: lane.localBridge),
        ]
    }
}
