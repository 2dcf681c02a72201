/// The VM ports of a host, and whether each has a network: the answer to `vms`, a pure value.
struct VMListing: Hashable, Sendable {
    /// Whether the database has ever told its rows.
    var isKnown = true
    /// Whether the database would tell of a change.
    var isCurrent = true
    /// By lane, then by name.
    var ports: [Entry] = []

    /// A port on brN.local.
    struct Entry: Hashable, Sendable {
        var port: Topology.Port
        var lane: Lane
        /// The VM that the port belongs to, by the identifier that its hypervisor gives it.
        var vm: String?
        /// The VM's name, where somebody tells it.
        var vmName: String?
        var service: Service
        /// Of one that declares a MAC, as far as that is known.
        var presence: Standing?
    }

    /// Where a VM is by the word of the switch.
    enum Standing: String, Hashable, Sendable {
        /// Its port is here, and it has not spoken.
        case expected
        /// It has spoken here.
        case present
        /// Its port has no link or no device.
        case gone
    }

    /// What becomes of a port's frames.
    enum Service: Hashable, Sendable {
        case served
        /// Frames to this address go to another port that declares it, too.
        case contested(String)
        /// They go nowhere, and why.
        case unserved(Reason)
        /// Flows that serve them may be there as the agent left them, or not.
        case unknown(Reason)
    }
}

extension VMListing.Entry {
    /// Whether the port takes whatever addresses its frames come from.
    var learns: Bool { port.interfaceID != nil && port.mac == nil }
}
