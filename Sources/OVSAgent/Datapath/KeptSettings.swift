import OpenFlow

/// What a bridge has besides flows that it should not have, as others left it: a pure value that says how to undo it.
///
/// No program of ours uses groups or meters, so on a bridge that is ours whole any of them is somebody else's.
struct KeptSettings: Hashable, Sendable {
    /// One thing to undo.
    struct Repair: Hashable, Sendable {
        var mod: SwitchMod
        var drift: SwitchDrift
    }

    /// `ovs-ofctl mod-port` sets them, and each cuts a port off in one direction or hides its misses.
    ///
    /// `down` is not among them: of a port with a device it says what the operator did to the device (`ip link set tap0
    /// down`), and of a patch port Open vSwitch does not take it.
    static let undoneBits: SwitchPort.Configuration = [.noReceive, .noForward, .noPacketIn]

    let bridge: String
    let ownership: KeptFlows.Ownership
    private var groups: [UInt32: Group] = [:]
    private var meters: [UInt32: Meter] = [:]
    private var ports: [UInt32: SwitchPort] = [:]
    private var fragments = FragmentHandling.normal

    init(of bridge: String) {
        self.bridge = bridge
        ownership = Lane(uplinkBridge: bridge) == nil ? .whole : .own
    }

    /// Somebody else changed something. Says whether that has to be undone.
    mutating func told(_ change: SwitchChange) -> Bool {
        guard ownership == .whole else { return false }
        switch change {
        case .groupChanged(.add(let group)), .groupChanged(.modify(let group)):
            groups[group.number] = group
            return true
        case .groupChanged(.delete(let number)): groups[number] = nil
        case .groupChanged(.deleteAll): groups = [:]
        case .meterChanged(.add(let meter)), .meterChanged(.modify(let meter)):
            meters[meter.number] = meter
            return true
        case .meterChanged(.delete(let number)): meters[number] = nil
        case .meterChanged(.deleteAll): meters = [:]
        default: break
        }
        return false
    }

    /// The ports as they are now. Says whether something has to be undone.
    mutating func see(_ all: SwitchPorts) -> Bool {
        ports = [:]
        for port in all where isKept(port) && !port.configuration.isDisjoint(with: Self.undoneBits) {
            ports[port.number] = port
        }
        return !ports.isEmpty
    }

    /// All groups and meters, and the settings, as they are now. Says whether something has to be undone.
    mutating func read(_ groups: [Group], _ meters: [Meter], _ configuration: SwitchConfiguration) -> Bool {
        guard ownership == .whole else { return false }
        self.groups = Dictionary(groups.map { ($0.number, $0) }) { $1 }
        self.meters = Dictionary(meters.map { ($0.number, $0) }) { $1 }
        fragments = configuration.fragments
        return needsRepair
    }

    var needsRepair: Bool { !groups.isEmpty || !meters.isEmpty || !ports.isEmpty || fragments != .normal }

    /// What is to be done now, which counts as done from then on.
    mutating func takeRepairs() -> [Repair] {
        var repairs: [Repair] = []
        for (number, group) in groups.sorted(by: { $0.key < $1.key }) {
            let drift = SwitchDrift(object: "Group \(bridge) \(number)", found: "\(group)")
            repairs.append(Repair(mod: .group(.delete(number)), drift: drift))
        }
        for (number, meter) in meters.sorted(by: { $0.key < $1.key }) {
            let drift = SwitchDrift(object: "Meter \(bridge) \(Meter.text(number))", found: "\(meter)")
            repairs.append(Repair(mod: .meter(.delete(number)), drift: drift))
        }
        for port in ports.values.sorted(by: { $0.number < $1.number }) {
            let bits = port.configuration.intersection(Self.undoneBits)
            let drift = SwitchDrift(object: "Port \(port.name)", column: "config", found: "\(bits)", wanted: "0")
            repairs.append(Repair(mod: .port(PortMod(clearing: Self.undoneBits, of: port)), drift: drift))
        }
        if fragments != .normal {
            let drift = SwitchDrift(
                object: "Bridge \(bridge)",
                column: "fragments",
                found: "\(fragments)",
                wanted: "\(FragmentHandling.normal)"
            )
            repairs.append(Repair(mod: .fragments(.normal), drift: drift))
        }
        self = KeptSettings(of: bridge)
        return repairs
    }

    /// On brN the lane's port only: the others are the operator's. The bridge's own port carries nothing of ours.
    private func isKept(_ port: SwitchPort) -> Bool {
        switch ownership {
        case .whole: port.number != SwitchPort.local
        case .own: LanePort(name: port.name)?.bridge == bridge
        }
    }
}

/// What somebody else did to a switch, in words for the journal.
struct SwitchDrift: Hashable, Sendable {
    var object: String
    var column: String?
    var found: String
    var wanted = ""
    /// What there is to say besides.
    var note: String?
}
