/// Says in words what one bridge does with a frame: what its flows mean that the agent put there (``LocalTable``,
/// ``MicrosegmentationTable``, ``NetworkFunctionTable``, ``UplinkTable``), and any others as they stand.
struct HopReader {
    private let section: OfprotoTrace.Section
    private let entry: DatapathPorts.Port?
    private let outPorts: [String]
    private let ports: DatapathPorts
    private let path: FramePath
    private var words: [String] = []
    /// Whether the bridge looks at the frame again, in a section further down.
    private var isTakenUpAgain = false
    /// Whether one VM port was found to have its destination.
    private var isForOne = false
    private var drop: String?

    init(
        _ section: OfprotoTrace.Section,
        entry: DatapathPorts.Port?,
        outPorts: [String],
        ports: DatapathPorts,
        _ path: FramePath
    ) {
        self.section = section
        self.entry = entry
        self.outPorts = outPorts
        self.ports = ports
        self.path = path
        for remark in section.remarks where remark != "thaw" {
            say(remark.after("Resuming from ").map { "again, from \($0)" } ?? remark)
        }
        for step in section.steps { read(step) }
    }

    var hop: FramePath.Hop {
        FramePath.Hop(
            bridge: section.bridge,
            inPort: entry?.name,
            words: words,
            outPorts: outPorts,
            drop: outPorts.isEmpty && !isTakenUpAgain ? drop ?? unexplainedDrop : nil,
            steps: section.steps
        )
    }

    private static let switched = "switched as in any bridge"

    /// The drop of a frame that no flow of the agent's accounts for.
    private var unexplainedDrop: String {
        let last = section.steps.last
        return last?.found == nil ? "no flow takes it in table \(last?.table ?? 0)" : "its flows send it nowhere"
    }

    private mutating func read(_ step: OfprotoTrace.Step) {
        if let found = step.found, !FlowCookie.isOurs(found.cookie) {
            readForeign(step, found)
        } else if Lane(localBridge: section.bridge) != nil, let table = LocalTable(rawValue: step.table) {
            readLocal(step, table)
        } else if Lane(uplinkBridge: section.bridge) != nil, let table = UplinkTable(rawValue: step.table) {
            readUplink(step, table)
        } else if let bridge = ChainBridge(name: section.bridge) {
            readChain(step, bridge)
        } else if let found = step.found {
            readForeign(step, found)
        }
        for action in step.actions where action.text == "NORMAL" {
            for remark in action.remarks where !remark.contains("dropping") { say(remark) }
        }
        if let refusal = step.remarks.first(where: { $0.contains("dropping") }) {
            drop =
                refusal.contains("bonding refused")
                ? "the bond does not take it from \(entry?.name ?? "this member") (\(refusal))" : refusal
        }
        if step.remarks.contains(where: { $0.contains("recirculate") }) { isTakenUpAgain = true }
        if Lane(localBridge: section.bridge) != nil, step.actions.contains(where: { $0.text.hasPrefix("group:") }) {
            isTakenUpAgain = true
            say("its tag is taken off, and it is looked at again, where ovs-vswitchd traces no further")
        }
    }

    private mutating func say(_ phrase: String) {
        if !phrase.isEmpty, words.last != phrase { words.append(phrase) }
    }

    /// A flow that somebody else made, or that a standalone bridge has by itself.
    private mutating func readForeign(_ step: OfprotoTrace.Step, _ found: OfprotoTrace.Found) {
        let actions = step.actions.map(\.text).joined(separator: ",")
        if found.match.isEmpty, actions == "NORMAL" { return say(Self.switched) }
        let match = found.match.isEmpty ? "" : ",\(found.match)"
        let flow = "table=\(step.table), priority=\(found.priority)\(match) actions=\(actions)"
        say("not the agent's flow: \(flow)")
        if actions == "drop" { drop = "a flow says so that is not the agent's: \(flow)" }
    }
}

// brN.local.
extension HopReader {
    private mutating func readLocal(_ step: OfprotoTrace.Step, _ table: LocalTable) {
        switch table {
        case .classify: classify(step)
        case .priorityTag:
            if step.isDrop { drop = "another tag stands below the one that names no VLAN" }
        case .untagged: untagged(step)
        case .source:
            guard let found = step.found else { return drop = wrongSource }
            if found.match.split(separator: ",").count > 2 {
                say("its addresses are the port's")
            } else if found.match.field("dl_src") != nil {
                say("from the port's own MAC")
            }
        case .neighbour:
            guard step.found == nil || step.isDrop else { break }
            // The rules above those of neighbour discovery.
            drop =
                step.found.map { $0.priority > 200 } == true
                ? "only a router or a DHCP server says such a thing, or it can't be looked into (anti-spoofing)"
                : "it tells of an IPv6 address that is not the port's (anti-spoofing)"
        case .solicitation:
            if step.isDrop { drop = "a router solicitation with an option, which can't be looked into (anti-spoofing)" }
        case .learn:
            if step.isDrop {
                drop = "\(path.source) is the declared MAC of \(vmPort(of: step) ?? "another VM port")"
            } else if step.found != nil {
                say("its source is learned")
            }
        case .up: say("up the lane")
        case .claimant:
            if step.found?.match.isEmpty == false { say("its source is the port's from now on") }
        case .leave, .claim: break
        case .down, .sender, .learnedSender, .floodTrunks, .unknownTrunks, .floodListed, .unknownListed, .lists, .rival:
            break
        case .member:
            if step.found == nil { drop = notAdmitted } else { say("VLAN as it says") }
        case .listed:
            if step.found == nil, isForOne {
                drop = "the port that has \(path.destination) is not in the frame's VLAN"
            }
        case .destination, .learnedDestination, .claimedDestination:
            guard let port = step.loadedPort(into: "NXM_NX_REG0").flatMap(localPort) else { break }
            say("for \(port)" + (table == .learnedDestination ? ", which was learned" : ""))
            isForOne = true
        case .strip:
            if step.isDrop { drop = "another tag stands below the one that its receiver gets it without" }
        case .stripped:
            if step.found?.match.field("reg2") == "0", step.actions.contains(where: \.isSkipped) {
                drop = "it would go back to its sender"
            }
        case .deliver:
            if step.found == nil {
                drop = "the port that has \(path.destination) is not in the frame's VLAN"
            } else if step.actions.contains(where: \.isSkipped) {
                drop = "it would go back to its sender"
            }
        case .flood: break
        case .floodVLAN:
            say("for every port of \(vlan(of: step) ?? "its VLAN")")
            drop = "the VLAN has no other VM port here"
        case .unknownVLAN:
            if outPorts.isEmpty {
                drop = "no VM port here has \(path.destination) in its VLAN"
            } else {
                say("no VM port is known to have \(path.destination): for those that learn")
            }
        }
    }

    /// Table 0: reserved addresses, and the VLAN.
    private mutating func classify(_ step: OfprotoTrace.Step) {
        guard let found = step.found else { return drop = notAdmitted }
        if found.match.hasPrefix("dl_dst=") || found.match.contains(",dl_dst=") {
            drop = "\(path.destination) is an address that no bridge passes on (IEEE 802.1Q)"
        } else if found.match.field("dl_src") != nil {
            drop = "its source \(path.source) is a multicast address"
        } else if found.match.field("dl_vlan") == "4095" {
            drop = "4095 is no VLAN"
        } else if entry?.peer != nil {
            say("down to the VMs")
        } else if step.isDrop {
            drop = "its VLAN tag is cut short, or not its own"
        } else if found.match.field("in_port") != nil {
            say(vlan(of: step) ?? "VLAN as it says")
        }
    }

    /// Table 2: into the VLAN of the port, or down.
    private mutating func untagged(_ step: OfprotoTrace.Step) {
        if step.found == nil {
            drop = unserved ?? "the port takes no frame without a VLAN"
        } else if step.isDrop {
            drop = "another tag stands below the one that names no VLAN"
        } else if entry?.peer != nil {
            say("down to the VMs")
        } else if let pushed = step.actions.lazy.compactMap({ $0.text.after("set_field:") }).first {
            say("into VLAN \((Int(pushed.prefix { $0 != "-" }) ?? 0) & 0xfff)")
        } else {
            say("VLAN 0")
        }
    }

    private var entryVMPort: VMListing.Entry? {
        path.question.vmPorts[.init(bridge: section.bridge, name: entry?.name ?? "")]
    }

    /// Why no frame of the port goes anywhere.
    private var unserved: String? {
        guard let vm = entryVMPort else { return "no flow takes frames of \(entry?.name ?? "this port")" }
        switch vm.service {
        case .unserved(let reason): return "\(vm.port.name) is not served: \(reason.line)"
        case .unknown: return "no flow takes frames of \(vm.port.name)"
        case .served, .contested: return nil
        }
    }

    private var notAdmitted: String {
        guard unserved == nil, let vm = entryVMPort else { return unserved ?? "" }
        return vm.port.vlans.isAccess
            ? "it has a VLAN tag, and \(vm.port.name) is an access port (\(vm.port.vlans.text))"
            : "its VLAN is none of \(vm.port.name)'s (\(vm.port.vlans.text))"
    }

    private var wrongSource: String {
        guard let mac = entryVMPort?.port.mac else { return "the port may not send from \(path.source)" }
        return mac.lowercased() == path.source.lowercased()
            ? "its IP or ARP addresses are not the port's (external_ids:\(VMPort.Key.addresses))"
            : "its source \(path.source) is not the MAC that the port declares, \(mac)"
    }

    private func localPort(_ number: UInt32) -> String? { ports.port(number: number, on: section.bridge)?.name }
}

// The four bridges between.
extension HopReader {
    private mutating func readChain(_ step: OfprotoTrace.Step, _ bridge: ChainBridge) {
        guard let found = step.found else { return }
        switch (bridge, step.table) {
        case (.multiplexer, _) where found.match.field("dl_vlan") == "4095": drop = "4095 is no VLAN"
        case (_, 0):
            switch entry.flatMap({ LanePort(name: $0.name) })?.place {
            case .south: say("up the lane")
            case .north: say("down the lane")
            default: break
            }
        case (.microsegmentation, MicrosegmentationTable.subject.rawValue) where found.match.isEmpty:
            say("no policy")
        case (.networkFunctions, NetworkFunctionTable.steer.rawValue) where found.match.isEmpty:
            say("no network function")
        case (.networkFunctions, NetworkFunctionTable.tap.rawValue) where found.match.isEmpty: break
        case (.microsegmentation, MicrosegmentationTable.leave.rawValue),
            (.networkFunctions, NetworkFunctionTable.leave.rawValue):
            break
        default:
            let actions = step.actions.map(\.text).joined(separator: ",")
            say("table \(step.table): \(found.match.isEmpty ? "" : "\(found.match) ")-> \(actions)")
        }
    }
}

// brN.
extension HopReader {
    private mutating func readUplink(_ step: OfprotoTrace.Step, _ table: UplinkTable) {
        guard let found = step.found else { return }
        switch table {
        case .shared:
            if step.isDrop {
                drop = "\(path.destination) is an address that no bridge passes on (IEEE 802.1Q)"
            } else if entry?.peer != nil {
                say("from the VMs")
            } else {
                say("from the wire")
            }
        case .lane:
            if found.match.isEmpty { say("its source is learned") }
        case .destination:
            if found.match.contains("dl_dst=01:00:00:00:00:00/") {
                say("for all: out, and back down the lane")
            } else if let port = vmPort(of: step), step.actions.last?.text == "IN_PORT" {
                say("for \(port): back down the lane")
            } else if let port = vmPort(of: step) {
                say("for \(port)")
            }
        case .learned, .lists, .arrival, .guarded, .announced: break
        case .expected:
            say(
                found.match.isEmpty
                    ? "it has not spoken here: out, and back down the lane" : "it has spoken: back down the lane"
            )
        case .undeclared:
            say(found.match.isEmpty ? "for no VM port: \(Self.switched)" : "learned behind the lane: back down it")
        case .wire:
            if let port = vmPort(of: step) {
                drop = "\(path.source) is the MAC of \(port), which is on this host"
            } else if step.isDrop {
                drop = "\(path.source) is the MAC of a VM that has spoken on this host"
            } else {
                say(Self.switched)
            }
        }
    }
}

extension HopReader {
    /// The VM port whose flow was found, by the flow's cookie.
    private func vmPort(of step: OfprotoTrace.Step) -> String? {
        guard let (lane, number) = step.found.flatMap({ FlowCookie.vmPort($0.cookie) }) else { return nil }
        return ports.port(number: UInt32(number), on: lane.localBridge)?.name
    }

    /// The VLAN that a flow is for, in words.
    private func vlan(of step: OfprotoTrace.Step) -> String? {
        guard let match = step.found?.match else { return nil }
        if let vlan = match.field("dl_vlan") { return "VLAN \(vlan)" }
        return match.field("vlan_tci")?.hasPrefix("0x0000/") == true ? "VLAN 0" : nil
    }
}

extension OfprotoTrace.Step {
    fileprivate var remarks: [String] { actions.flatMap(\.remarks) }

    fileprivate var isDrop: Bool { actions.map(\.text) == ["drop"] }

    /// Of `load:0x2->NXM_NX_REG0[]`, the number.
    fileprivate func loadedPort(into register: String) -> UInt32? {
        for action in actions {
            guard let text = action.text.after("load:0x"), text.contains("->\(register)[") else { continue }
            return UInt32(text.prefix { $0 != "-" }, radix: 16)
        }
        return nil
    }
}
