import OpenFlow

/// Somebody else's flows in the table of a brN that the agent shares with the operator, as far as they come before the
/// agent's own: a pure value, kept up flow by flow.
///
/// They stay, since brN is the operator's, too. But such a flow can take frames that the host or its VMs live by, and
/// nothing else on the host would show it.
struct ForeignFlows: Hashable, Sendable {
    /// Whose frames a flow can take before they get where they should.
    struct Victims: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        /// What the VMs send, which comes by the lane.
        static let vms = Victims(rawValue: 1 << 0)
        /// What comes from the wire.
        static let wire = Victims(rawValue: 1 << 1)
        /// What the host itself sends.
        static let host = Victims(rawValue: 1 << 2)
        /// What the controller VM sends.
        static let controller = Victims(rawValue: 1 << 3)
    }

    /// The flows that can take frames, in the words of the operator's own tools.
    struct Summary: Hashable, Sendable {
        /// The first few, the highest priority first.
        var flows: [String] = []
        var count = 0
        var victims: Victims = []

        static let mostListed = 3
    }

    /// The ports whose frames the agent's own flows of the table take, with the priority that they have there.
    private var ways: [UInt32: UInt16] = [:]
    /// Of them, the one that leads to the VMs.
    private var lanePort: UInt32?
    /// The controller VM's ports.
    var controllers: Set<UInt32> = []
    private var taking: [Flow.Key: Victims] = [:]
    private var texts: [Flow.Key: String] = [:]
    /// Rises with every change of what can take frames.
    private(set) var version = 0

    /// Notes a flow of the agent's own: what begins at a port. Says whether that is news.
    mutating func own(_ flow: Flow?, at key: Flow.Key) -> Bool {
        guard key.table == UplinkTable.shared.rawValue, let port = key.match.onlyPort else { return false }
        if flow?.instructions.goto == UplinkTable.lane.rawValue {
            lanePort = port
        } else if flow == nil, lanePort == port {
            lanePort = nil
        }
        let former = ways[port]
        ways[port] = flow?.priority
        return former != flow?.priority
    }

    mutating func insert(_ flow: Flow) {
        let victims = victims(of: flow)
        guard !victims.isEmpty else { return }
        taking[flow.key] = victims
        texts[flow.key] = "\(flow)"
        version += 1
    }

    mutating func remove(_ key: Flow.Key) {
        guard taking.removeValue(forKey: key) != nil else { return }
        texts[key] = nil
        version += 1
    }

    mutating func removeAll() {
        taking = [:]
        texts = [:]
        version += 1
    }

    var summary: Summary {
        var summary = Summary(count: taking.count)
        for victims in taking.values { summary.victims.formUnion(victims) }
        summary.flows = taking.keys
            .map { (priority: $0.priority, text: texts[$0] ?? "") }
            .sorted { $0.priority != $1.priority ? $0.priority > $1.priority : $0.text < $1.text }
            .prefix(Summary.mostListed).map(\.text)
        return summary
    }

    private func victims(of flow: Flow) -> Victims {
        guard flow.table == UplinkTable.shared.rawValue, flow.match.canBeFirst else { return [] }
        var victims: Victims = []
        for (port, priority) in ways where flow.priority >= priority && flow.match.admits(port: port) {
            victims.insert(port == lanePort ? .vms : .wire)
        }
        // All else on brN is switched by the bridge itself, at priority 0, where which of two flows comes first is left
        // open (ovs-ofctl(8)); a flow that says the same takes nothing.
        let isSwitched = flow.instructions == Flow.standalone.instructions
        if !isSwitched, flow.match.admits(port: SwitchPort.local) { victims.insert(.host) }
        if !isSwitched, controllers.contains(where: flow.match.admits) { victims.insert(.controller) }
        return victims
    }
}

extension Match {
    /// The port that the match asks for, where it asks for nothing else.
    fileprivate var onlyPort: UInt32? {
        guard let field = self[.inPort], field.isExact, self == Match(field) else { return nil }
        return UInt32(field.value)
    }

    /// Whether a frame from the port may match.
    fileprivate func admits(port: UInt32) -> Bool {
        guard let field = self[.inPort] else { return true }
        return UInt128(port & 0xffff) & field.mask == field.value
    }

    /// Whether a frame may match that has just come in by a port of the bridge's own: without a tunnel, and before any
    /// flow loaded a register.
    fileprivate var canBeFirst: Bool {
        let registers = (0...15).map { OpenFlow.Field.register($0) }
        let blank: [OpenFlow.Field] = [.tunnelID, .tunnelSource, .tunnelDestination, .metadata, .conjunctionID]
        return (blank + registers).allSatisfy { (self[$0]?.value ?? 0) == 0 }
    }
}

extension ForeignFlows.Summary {
    /// For the status; `nil` where nothing is taken.
    func warning(of bridge: String) -> String? {
        guard count > 0 else { return nil }
        let whose = [
            victims.contains(.vms) ? "of the VMs" : nil, victims.contains(.wire) ? "from the wire" : nil,
            victims.contains(.host) ? "of the host" : nil,
            victims.contains(.controller) ? "of the controller VM" : nil,
        ].compactMap { $0 }.joined(separator: ", ")
        let rest = count > flows.count ? ", and \(count - flows.count) more" : ""
        let which = count == 1 ? "a flow that is not the agent's" : "flows that are not the agent's"
        return """
            Bridge \(bridge): \(which) can take frames \(whose): \(flows.joined(separator: "; "))\(rest): if that is not \
            meant, remove it (ovs-ofctl --strict del-flows \(bridge) MATCH)
            """
    }
}
