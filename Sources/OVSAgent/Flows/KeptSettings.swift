import OpenFlow

/// What a bridge has besides flows, as others left it: a pure value that says how to undo it, and which groups the flows
/// need.
///
/// On a bridge that is ours whole, any other group and every meter is somebody else's.
struct KeptSettings: Hashable, Sendable {
    /// One thing to undo.
    struct Repair: Hashable, Sendable {
        var mod: SwitchMod
        /// What somebody else did; `nil` for what only became wanted, or no more wanted, or what a new bridge has not yet.
        var drift: SwitchDrift?
    }

    /// `ovs-ofctl mod-port` sets them, and each cuts a port off in one direction or hides its misses.
    ///
    /// `down` is not among them: of a port with a device it says what the operator did to the device (`ip link set tap0
    /// down`), and of a patch port Open vSwitch does not take it.
    static let undoneBits: SwitchPort.Configuration = [.noReceive, .noForward, .noPacketIn]
    /// Of a port of brN that is not ours alone, only those with which frames stop.
    static let cuttingBits: SwitchPort.Configuration = [.noReceive, .noForward]

    let bridge: String
    let ownership: KeptFlows.Ownership
    /// On a brN, the interfaces that lead to the wire, and the controller VM's.
    var vitalPorts: Set<String>
    /// By number. Flows that send to a group are only taken where it is there, and go when it goes.
    private var wantedGroups: [UInt32: Group] = [:]
    private var groups: [UInt32: Group] = [:]
    /// Those that somebody else changed. What was changed in part is not known as it is now.
    private var tamperedGroups: Set<UInt32> = []
    /// Whether ``groups`` has all of them.
    private var areGroupsRead = false
    /// Whether no flow can send to a group that is not wanted. Open vSwitch deletes the flows that send to a group together
    /// with it, and frames find none until others are there: a group goes last.
    private var areGroupsLeft = false
    private var meters: [UInt32: Meter] = [:]
    private var ports: [UInt32: SwitchPort] = [:]
    /// As it was found, until that is put right.
    private var fragments: FragmentHandling?
    /// Whether it was as wanted before, on this connection.
    private var hadFragments = false

    init(of bridge: String, vitalPorts: Set<String> = []) {
        self.bridge = bridge
        self.vitalPorts = vitalPorts
        ownership = Lane(uplinkBridge: bridge) == nil ? .whole : .own
    }

    /// On brN.local the first fragment of a packet shows its ports and its type, from which it follows whether it may pass
    /// (``AddressRule``).
    private var wantedFragments: FragmentHandling { Lane(localBridge: bridge) == nil ? .normal : .niciraMatch }

    /// Somebody else changed something. Says whether that has to be undone.
    mutating func told(_ change: SwitchChange) -> Bool {
        guard ownership == .whole else { return false }
        switch change {
        case .groupChanged(.add(let group)), .groupChanged(.modify(let group)):
            groups[group.number] = group
            tamperedGroups.insert(group.number)
            return true
        case .groupChanged(.delete(let number)):
            groups[number] = nil
            tamperedGroups.insert(number)
            return wantedGroups[number] != nil
        case .groupChanged(.deleteAll):
            groups = [:]
            tamperedGroups.formUnion(wantedGroups.keys)
            return !wantedGroups.isEmpty
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
        for port in all where !undoneBits(of: port).isEmpty { ports[port.number] = port }
        return !ports.isEmpty
    }

    /// All groups and meters, and the settings, as they are now. Says whether something has to be undone.
    mutating func read(_ groups: [Group], _ meters: [Meter], _ configuration: SwitchConfiguration) -> Bool {
        // A brN's groups and meters are the operator's, and so is how it matches fragments, as long as they pass.
        guard ownership == .whole else {
            let passes = [FragmentHandling.normal, .niciraMatch].contains(configuration.fragments)
            fragments = passes ? nil : configuration.fragments
            return needsRepair
        }
        let found = Dictionary(groups.map { ($0.number, $0) }) { $1 }
        for number in Set(found.keys).union(self.groups.keys) where found[number] != self.groups[number] {
            // What stands there when the connection comes may be as the agent once wanted it.
            if areGroupsRead || wantedGroups[number] == nil { tamperedGroups.insert(number) }
        }
        self.groups = found
        areGroupsRead = true
        self.meters = Dictionary(meters.map { ($0.number, $0) }) { $1 }
        fragments = configuration.fragments == wantedFragments ? nil : configuration.fragments
        if fragments == nil { hadFragments = true }
        return needsRepair
    }

    var needsRepair: Bool { !groupRepairs.isEmpty || !meters.isEmpty || !ports.isEmpty || fragments != nil }

    /// Other groups are wanted. Those that are no more go when the flows are as wanted (``leftGroups()``).
    mutating func want(_ groups: [Group]) {
        let former = wantedGroups
        wantedGroups = Dictionary(groups.map { ($0.number, $0) }) { $1 }
        if former.keys.contains(where: { wantedGroups[$0] == nil }) { areGroupsLeft = false }
    }

    /// The flows are as wanted: none sends to a group that is not.
    mutating func leftGroups() { areGroupsLeft = true }

    /// Nothing is known any more of what is there.
    mutating func forget() {
        let wanted = wantedGroups
        self = KeptSettings(of: bridge, vitalPorts: vitalPorts)
        wantedGroups = wanted
    }

    /// Whether flows can be added: those that send to groups find them.
    var hasGroups: Bool {
        wantedGroups.isEmpty
            || areGroupsRead
                && wantedGroups.allSatisfy { groups[$0.key] == $0.value && !tamperedGroups.contains($0.key) }
    }

    /// Adds and changes what is wanted, deletes what is not and nothing sends to.
    private var groupRepairs: [Repair] {
        var repairs: [Repair] = []
        for (number, wanted) in wantedGroups.sorted(by: { $0.key < $1.key }) where areGroupsRead {
            let found = groups[number]
            guard found != wanted || tamperedGroups.contains(number) else { continue }
            repairs.append(groupRepair(found == nil ? .add(wanted) : .modify(wanted), number))
        }
        for number in groups.keys.sorted() where areGroupsLeft && wantedGroups[number] == nil {
            repairs.append(groupRepair(.delete(number), number))
        }
        return repairs
    }

    private func groupRepair(_ mod: GroupMod, _ number: UInt32) -> Repair {
        guard tamperedGroups.contains(number) else { return Repair(mod: .group(mod)) }
        let drift = SwitchDrift(
            object: groupObject(number),
            found: groups[number].map { "\($0)" } ?? "",
            wanted: wantedGroups[number].map { "\($0)" } ?? ""
        )
        return Repair(mod: .group(mod), drift: drift)
    }

    /// What is to be done now, which counts as done from then on, without that of these objects, as the journal names them:
    /// it is still to be done.
    mutating func takeRepairs(except held: Set<String> = []) -> [Repair] {
        let former = self
        defer { keep(held, as: former) }
        return takeAllRepairs().filter { $0.drift.map { !held.contains($0.object) } ?? true }
    }

    private mutating func keep(_ held: Set<String>, as former: KeptSettings) {
        guard !held.isEmpty else { return }
        for number in former.tamperedGroups where held.contains(groupObject(number)) {
            groups[number] = former.groups[number]
            tamperedGroups.insert(number)
        }
        meters = former.meters.filter { held.contains(meterObject($0.key)) }
        ports = former.ports.filter { held.contains(Self.portObject($0.value)) }
        if held.contains(bridgeObject) { (fragments, hadFragments) = (former.fragments, former.hadFragments) }
    }

    private var bridgeObject: String { "Bridge \(bridge)" }
    private func groupObject(_ number: UInt32) -> String { "Group \(bridge) \(number)" }
    private func meterObject(_ number: UInt32) -> String { "Meter \(bridge) \(Meter.text(number))" }
    private static func portObject(_ port: SwitchPort) -> String { "Port \(port.name)" }

    private mutating func takeAllRepairs() -> [Repair] {
        var repairs = groupRepairs
        for (number, meter) in meters.sorted(by: { $0.key < $1.key }) {
            let drift = SwitchDrift(object: meterObject(number), found: "\(meter)")
            repairs.append(Repair(mod: .meter(.delete(number)), drift: drift))
        }
        for port in ports.values.sorted(by: { $0.number < $1.number }) {
            let bits = undoneBits(of: port)
            let drift = SwitchDrift(object: Self.portObject(port), column: "config", found: "\(bits)", wanted: "0")
            repairs.append(Repair(mod: .port(PortMod(clearing: bits, of: port)), drift: drift))
        }
        if let fragments {
            let drift = SwitchDrift(
                object: bridgeObject,
                column: "fragments",
                found: "\(fragments)",
                wanted: "\(wantedFragments)"
            )
            // A bridge that came a moment ago has them as Open vSwitch gives them.
            let isNew = fragments == .normal && !hadFragments
            repairs.append(Repair(mod: .fragments(wantedFragments), drift: isNew ? nil : drift))
        }
        // Those that are to go later.
        let left = areGroupsLeft ? [:] : groups.filter { wantedGroups[$0.key] == nil }
        groups = wantedGroups.merging(left) { wanted, _ in wanted }
        tamperedGroups.formIntersection(left.keys)
        meters = [:]
        ports = [:]
        fragments = nil
        hadFragments = true
        return repairs
    }

    /// What is set of a port and has to be cleared.
    ///
    /// On brN of what the host and its VMs live by: the lane's port, the way to the wire, the host's own port and the
    /// controller VM's. The others are the operator's. The own port of a bridge of the chain carries nothing.
    private func undoneBits(of port: SwitchPort) -> SwitchPort.Configuration {
        let isLocal = port.number == SwitchPort.local
        switch ownership {
        case .whole: return isLocal ? [] : port.configuration.intersection(Self.undoneBits)
        case .own:
            if LanePort(name: port.name)?.bridge == bridge { return port.configuration.intersection(Self.undoneBits) }
            guard isLocal || vitalPorts.contains(port.name) else { return [] }
            return port.configuration.intersection(Self.cuttingBits)
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
