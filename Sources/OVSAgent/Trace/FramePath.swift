/// The way of a frame through the bridges, hop by hop: the answer to `trace`, a pure function of what ovs-vswitchd says.
struct FramePath: Hashable, Sendable {
    var question: TraceQuestion
    /// Its addresses as ovs-vswitchd read them.
    var source: String
    var destination: String
    var hops: [Hop]
    /// Where it leaves the switch.
    var deliveries: [Delivery]
    /// What else ovs-vswitchd has to say.
    var remarks: [String]

    /// A frame's stay in one bridge.
    struct Hop: Hashable, Sendable {
        var bridge: String
        /// The port that it comes in by; `nil` where nothing tells.
        var inPort: String?
        /// What the bridge does, and why, a phrase each.
        var words: [String]
        /// The ports that it goes out by.
        var outPorts: [String]
        /// Why it goes no further; `nil` where it does.
        var drop: String?
        var steps: [OfprotoTrace.Step]
    }

    struct Delivery: Hashable, Sendable {
        var bridge: String
        var port: String
        var kind: Kind

        enum Kind: String, Hashable, Sendable {
            case vm, wire, host, other
        }
    }

    init(_ question: TraceQuestion, trace: OfprotoTrace, ports: DatapathPorts) {
        self.question = question
        source = trace.flow.field("dl_src") ?? "?"
        destination = trace.flow.field("dl_dst") ?? "?"
        let start = ports.port(question.port, on: question.bridge)
        let left = trace.datapathActions.flatMap { $0 }.outputs.compactMap { number in
            start.flatMap { ports.port(datapathNumber: number, in: $0.datapath) }
        }
        deliveries = left.map { Delivery($0, question) }
        remarks = trace.remarks

        // By which port each section is entered: what its first flow matches tells, or else which bridge came before.
        var entries: [DatapathPorts.Port?] = []
        for (index, section) in trace.sections.enumerated() {
            if index == 0 {
                entries.append(start)
            } else {
                let former = trace.sections[..<index].reversed().map(\.bridge)
                entries.append(ports.entry(of: section, after: former))
            }
        }
        let entered = Set(entries.compactMap { $0?.name })
        var unexplained = left
        var explicit: [[DatapathPorts.Port]] = []
        for (section, entry) in zip(trace.sections, entries) {
            let out = section.outputs(in: ports, entry)
            for port in out { unexplained.removeAll { $0 == port } }
            explicit.append(out)
        }
        // Where a bond picks a member by the frame's headers, the datapath does that, after the trace.
        let picking =
            trace.datapathActions.contains { $0.leavesToBond }
            ? trace.sections.indices.last { trace.sections[$0].switchesByItself } : nil
        hops = []
        for (index, section) in trace.sections.enumerated() {
            var out = explicit[index]
            if section.switchesByItself {
                // It names no ports; what is seen of its choice is where the frame turns up.
                let patches = ports.ports.filter { port in
                    port.bridge == section.bridge && port.peer.map(entered.contains) == true
                        && port != entries[index]
                }
                out += (patches + unexplained.filter { $0.bridge == section.bridge }).filter { !out.contains($0) }
                unexplained.removeAll { $0.bridge == section.bridge }
            }
            var names = out.map(\.name)
            if index == picking, let bond = question.uplinks[section.bridge] {
                names.append(bond)
                deliveries.append(Delivery(bridge: section.bridge, port: bond, kind: .wire))
            }
            hops.append(HopReader(section, entry: entries[index], outPorts: names, ports: ports, self).hop)
        }
    }
}

extension FramePath.Delivery {
    fileprivate init(_ port: DatapathPorts.Port, _ question: TraceQuestion) {
        let name = TraceQuestion.PortName(bridge: port.bridge, name: port.name)
        let kind: Kind =
            if question.vmPorts[name] != nil {
                .vm
            } else if question.wires.contains(name) {
                .wire
            } else if Lane(uplinkBridge: port.name) != nil, port.name == port.bridge {
                .host
            } else {
                .other
            }
        self.init(bridge: port.bridge, port: port.name, kind: kind)
    }
}

extension DatapathPorts {
    fileprivate func entry(of section: OfprotoTrace.Section, after former: [String]) -> Port? {
        if let text = section.steps.first?.found?.match.field("in_port") {
            return port(text, on: section.bridge) ?? number(text).flatMap { port(number: $0, on: section.bridge) }
        }
        for bridge in former {
            let patches = ports.filter { $0.bridge == bridge }.compactMap { patch in
                patch.peer.flatMap { port($0, on: section.bridge) }
            }
            if let patch = patches.first { return patch }
        }
        return nil
    }

    private func number(_ text: String) -> UInt32? { text == "LOCAL" ? 65534 : UInt32(text) }

    /// The port that an action names, by number or by name in quotes.
    fileprivate func named(_ text: String, on bridge: String) -> Port? {
        let name = text.filter { $0 != "\"" }
        return number(name).flatMap { port(number: $0, on: bridge) } ?? port(name, on: bridge)
    }
}

extension OfprotoTrace.Section {
    /// Whether what it does with a frame depends on more than its flows say.
    fileprivate var switchesByItself: Bool {
        steps.contains { step in
            step.actions.contains { action in
                ["NORMAL", "FLOOD", "ALL", "group:", "bucket"].contains(where: action.text.hasPrefix)
            }
        }
    }

    /// The ports that its actions name, each once.
    fileprivate func outputs(in ports: DatapathPorts, _ entry: DatapathPorts.Port?) -> [DatapathPorts.Port] {
        var outputs: [DatapathPorts.Port] = []
        for action in steps.flatMap(\.actions) where !action.isSkipped {
            let port: DatapathPorts.Port?
            if action.text == "IN_PORT" {
                port = entry
            } else if let number = action.remarks.lazy.compactMap({ $0.after("output port is ") }).first {
                port = ports.named(number, on: bridge)
            } else if let target = action.text.after("output:") ?? action.text.after("output(port=") {
                port = ports.named(String(target.prefix { $0 != "," && $0 != ")" }), on: bridge)
            } else if action.text == "LOCAL" {
                port = ports.named("LOCAL", on: bridge)
            } else {
                port = nil
            }
            if let port, !outputs.contains(port) { outputs.append(port) }
        }
        return outputs
    }
}

extension OfprotoTrace.Action {
    /// An output that is not made, as the frame came from there.
    var isSkipped: Bool { remarks.contains { $0.contains("skipping output") } }
}

extension String {
    /// The value of a field in a flow.
    func field(_ name: String) -> String? {
        split(separator: ",").lazy.compactMap { String($0).after("\(name)=") }.first
    }
}

extension [String] {
    /// Whether a bond picks a member by a hash (balance-tcp).
    fileprivate var leavesToBond: Bool { contains { $0.hasPrefix("hash(") || $0.hasPrefix("lb_output(") } }

    /// The datapath ports that a list of datapath actions sends to, each once.
    fileprivate var outputs: [UInt32] {
        var outputs: [UInt32] = []
        for word in self {
            let inside = word.after("clone(").map { String($0.dropLast()).topLevelWords.outputs }
            for number in inside ?? UInt32(word).map({ [$0] }) ?? [] where !outputs.contains(number) {
                outputs.append(number)
            }
        }
        return outputs
    }
}
