/// The owned topology from the wire to the VMs: the answer to `show`, a pure value.
struct Topology: Hashable, Sendable {
    /// Whether the database has ever told its rows: before that everything is shown as not there.
    var isKnown = true
    /// Whether the database would tell of a change.
    var isCurrent = true
    var virtualSwitches: [VirtualSwitch]

    /// One virtual switch with its way through the chain.
    struct VirtualSwitch: Hashable, Sendable {
        var name: String
        var lane: Lane
        /// brN.
        var bridge: String
        var bridgePresent: Bool
        var uplink: Uplink?
        var hostPort: Port
        /// Foreign ports on brN, the controller VM's among them: they bypass the chain. In the order of their names.
        var directPorts: [Port]
        /// What the layout leaves as it was found on brN, its host port, its uplink and NICs, where that is something.
        var asFound: [FoundValue] = []
        /// Hop by hop from brN to brN.local.
        var chain: [Hop]
        /// Ports on brN.local, in the order of their names.
        var vmPorts: [VMListing.Entry]
    }

    struct FoundValue: Hashable, Sendable {
        /// As in `Port br0-up`.
        var object: String
        var column: String
        var value: String
    }

    struct Uplink: Hashable, Sendable {
        var name: String
        var present: Bool
        var members: [Status.Member]
    }

    /// A port with one interface.
    struct Port: Hashable, Sendable {
        var name: String
        var present = true
        /// As the database tells it, which can be old; `nil` when ovs-vswitchd has given none.
        var ofport: Int?
        var vlans = VLANs()
        /// `external_ids:iface-id`.
        var interfaceID: String?
        /// `external_ids:attached-mac`.
        var mac: String?
        /// `external_ids:ovs-agent-port`, such as `controller`.
        var role: String?
    }

    /// Which VLANs a port carries.
    struct VLANs: Hashable, Sendable {
        var tag: Int?
        var trunks: [Int] = []
        /// `vlan_mode`, where it is set.
        var mode: String?
        /// The network that decides: by `external_ids:ovs-agent-network`, or else by a `port-profile` that names one.
        var network: String?
    }

    /// One patch pair, and the bridge that it leads to.
    struct Hop: Hashable, Sendable {
        /// Nearer to the wire.
        var wireSide: PatchPort
        /// Nearer to the VMs, on `bridge`.
        var vmSide: PatchPort
        var bridge: String
        var bridgePresent: Bool
    }

    struct PatchPort: Hashable, Sendable {
        var name: String
        var present: Bool
        var ofport: Int?
        /// Where the database says it leads.
        var peer: String?
    }
}
