// The marks that the agent leaves in `external_ids`: what a row is to it, whether it made the row, and the few facts
// that it must find again after a restart. What it found on the host is not among them: see ``FoundValues``.

/// What a row is: the value of `external_ids:ovs-agent-role`.
enum Role: String, Hashable, Sendable, CaseIterable {
    // Bridges.
    case uplinkBridge = "uplink-bridge"
    case localBridge = "local-bridge"
    case multiplexer
    case microsegmentation
    case networkFunctions = "network-functions"
    case demultiplexer
    // Ports, and interfaces of the same name.
    /// brN's own port: the host's way to the wire.
    case hostPort = "host-port"
    /// The own port of a chain bridge or of brN.local.
    case bridgePort = "bridge-port"
    /// One end of a lane's patch pair.
    case lane
    // Ports.
    case uplink
    // Interfaces.
    case uplinkMember = "uplink-member"

    /// The role of a chain bridge.
    init(_ bridge: ChainBridge) {
        self =
            switch bridge {
            case .multiplexer: .multiplexer
            case .microsegmentation: .microsegmentation
            case .networkFunctions: .networkFunctions
            case .demultiplexer: .demultiplexer
            }
    }
}

/// The keys of `external_ids` that are the agent's.
enum Mark {
    /// A ``Role``.
    static let role = "ovs-agent-role"
    /// `true` on a row that the agent inserted.
    static let made = "ovs-agent-made"
    /// On brN: the hardware address that its `other_config:hwaddr` is pinned to.
    static let hardwareAddress = "ovs-agent-hwaddr"
    /// `true` on a brN whose `other_config:hwaddr` somebody else had set before: it stays when brN is released.
    static let foundHardwareAddress = "ovs-agent-hwaddr-found"
    /// On brN: the name of its uplink port, so that a renamed or dropped one is found without a search.
    static let uplink = "ovs-agent-uplink"
    /// On a VM port with a network: the `tag` that it had before.
    static let formerTag = "ovs-agent-former-tag"
    /// On a VM port with a network: the VLAN that the agent gave it.
    static let givenTag = "ovs-agent-given-tag"

    static let all = [role, made, hardwareAddress, foundHardwareAddress, uplink]
}
