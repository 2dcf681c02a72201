import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// A host with VMs: rows and flows as the agent makes them, ports as stock tools add them.
struct ChainHost {
    let ovs: PrivateSwitch
    let agent: RunningAgent
    let vms: [VM]
    let lanes: [Lane]
    let capture: FrameCapture
    /// Of each lane, the NIC that its bond uses and the one that it doesn't.
    let wires: [[String]]
    /// `other_config:vlan-limit`.
    var vlanLimit: Int?

    /// A VM's NIC, by the columns that say all about it.
    struct VM: Sendable {
        var name: String
        var lane = 0
        /// Its `attached-mac`.
        var mac: String?
        var mode: String?
        var tag: Int?
        var trunks: [Int] = []
        var addresses: String?
        /// Its network, which makes the agent give it ``tag``.
        var network: String?

        fileprivate var columns: [String] {
            ["--", "set", "interface", name, "external_ids:iface-id=\(name)"]
                + (mac.map { ["external_ids:attached-mac=\"\($0)\""] } ?? [])
                + (addresses.map { ["external_ids:ovs-agent-addresses=\"\($0)\""] } ?? [])
                + (network.map { ["external_ids:ovs-agent-network=\($0)"] } ?? [])
                + ["--", "set", "port", name, "trunks=[\(trunks.map { "\($0)" }.joined(separator: ","))]"]
                + (mode.map { ["vlan_mode=\($0)"] } ?? [])
                + (network == nil ? tag.map { ["tag=\($0)"] } ?? [] : [])
        }

        func port(number: UInt32?) throws -> VMPort {
            let given = ["attached-mac": mac, "ovs-agent-addresses": addresses]
            let externalIDs = given.compactMapValues { $0 }
            return try VMPort(
                name: name,
                number: number,
                source: .reading(externalIDs),
                mode: mode,
                tag: tag,
                trunks: trunks
            )
        }
    }

    /// A port on brN itself.
    struct Direct: Sendable {
        var name: String
        var lane = 0
        var tag: Int
    }

    static let broadcast = "ff:ff:ff:ff:ff:ff"
    static let multicast = "01:00:5e:00:00:2a"
    /// Stations that no port has.
    static let outside = "02:00:00:00:ff:01"
    static let nowhere = "02:00:00:00:ff:02"

    /// - Parameters:
    ///   - uplink: a line more of the layout's uplinks.
    ///   - vlanLimit: `other_config:vlan-limit`.
    ///   - expected: VMs that have not spoken when `body` begins; the others have.
    ///   - isServed: whether the agent has programmed the flows when `body` begins, or never did.
    static func with(
        _ vms: [VM],
        direct: [Direct] = [],
        lanes numbers: [Int] = [0],
        uplink: String = "",
        networks: String = "",
        vlanLimit: Int? = nil,
        expected: Set<String> = [],
        isServed: Bool = true,
        _ body: (ChainHost) async throws -> Void
    ) async throws {
        let layout: String =
            numbers.count == 1
            ? .switches(numbers[0], uplink: uplink) : .switches(numbers[0], numbers[1], uplink: uplink)
        try await RunningAgent.inSync(layout: layout + networks) { agent in
            let ports =
                vms.flatMap { ["--", "add-port", "br\($0.lane).local", $0.name] + $0.columns }
                + direct.flatMap { ["--", "add-port", "br\($0.lane)", $0.name, "tag=\($0.tag)"] }
                + (vlanLimit.map { ["--", "set", "open", ".", "other_config:vlan-limit=\($0)"] } ?? [])
            try await agent.ovs.tool("ovs-vsctl", ["--db=\(agent.ovs.databaseRemote)", "--timeout=20"] + ports)
            let wires = try await numbers.asyncMap { try await Self.members(of: $0, agent.ovs) }
            let capture = try await FrameCapture(
                agent.ovs,
                of: vms.map(\.name) + direct.map(\.name) + wires.flatMap { $0 } + numbers.map { "br\($0)" }
            )
            let host = ChainHost(
                ovs: agent.ovs,
                agent: agent,
                vms: vms,
                lanes: numbers.compactMap(Lane.init),
                capture: capture,
                wires: wires,
                vlanLimit: vlanLimit
            )
            if isServed { try await host.settled(expected: expected) } else { try await host.withoutFlows() }
            try await body(host)
        }
    }

    /// The program for what is there now, and for these VMs of it, all of which but those `expected` have spoken, in the
    /// order in which they came.
    func program(_ vms: [VM]? = nil, expected: Set<String> = []) async throws -> ChainProgram {
        let numbers = try await self.numbers()
        return ChainProgram(
            lanes: try zip(lanes, wires).map { lane, wires in
                let places = LanePort.Place.allCases.map { ($0, numbers[LanePort($0, of: lane).name]) }
                let vmPorts = try (vms ?? self.vms).enumerated().filter { $0.1.lane == lane.number }.map { place, vm in
                    var port = try vm.port(number: numbers[vm.name])
                    port.presence = expected.contains(vm.name) ? .expected(since: place) : .present(since: place)
                    return port
                }
                return LanePorts(
                    lane: lane,
                    numbers: Dictionary(uniqueKeysWithValues: places).compactMapValues { $0 },
                    uplinkMembers: wires.compactMap { numbers[$0] },
                    vmPorts: vmPorts,
                    seesInnerTags: vlanLimit ?? 1 != 1,
                    lists: VLANLists(of: vmPorts.sorted { $0.number < $1.number })
                )
            }
        )
    }

    /// The number that the switch gave a VM's port.
    func number(of name: String) async throws -> UInt16 { UInt16(try await numbers()[name] ?? 0) }

    /// The number on brN of the port that leads to the first lane's VMs.
    func laneNumber() async throws -> UInt32 { try await numbers()[LanePort(.uplink, of: lanes[0]).name] ?? 0 }

    private func numbers() async throws -> [String: UInt32] {
        let list = try await ovs.vsctl("--format=table", "--no-heading", "--columns=name,ofport", "list", "interface")
        let pairs = list.split(separator: "\n").compactMap { line -> (String, UInt32)? in
            let words = line.split(separator: " ")
            return UInt32(words[1]).map { (words[0].filter { $0 != "\"" }, $0) }
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Returns once the switch has the flows that serve these VMs, and no others but learned ones. All but those
    /// `expected` speak if they have not, unless they are to have spoken before.
    func settled(_ vms: [VM]? = nil, expected: Set<String> = [], speaks: Bool = true) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        for (bridge, flows) in try await program(vms, expected: expected).flows {
            let wanted = Set(flows.map { Self.withoutComing($0.description) })
            while true {
                let found = try await installed(on: bridge)
                if found == wanted { break }
                for vm in vms ?? self.vms where speaks && !expected.contains(vm.name) { try await speak(vm) }
                guard ContinuousClock.now < deadline else {
                    let surplus = found.subtracting(wanted).sorted().joined(separator: "\n")
                    let missing = wanted.subtracting(found).sorted().joined(separator: "\n")
                    throw RunningAgent.Failure(description: "\(bridge) has\n\(surplus)\nand lacks\n\(missing)")
                }
            }
        }
        try await ovs.tool("ovs-appctl", ["revalidator/purge"])
        try await capture.forget()
    }

    /// What `ovs-ofctl` prints of a bridge's flows, without those that were learned.
    func installed(on bridge: String) async throws -> Set<String> {
        let dump = try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "--no-stats", "dump-flows", bridge])
        let kinds: [UInt64] = [4, 5]
        let learned = kinds.map { "cookie=0x\(String(FlowCookie.space | $0 << 28, radix: 16).prefix(9))" }
        let lines = dump.split(separator: "\n").filter { $0.hasPrefix(" ") }.map { String($0.dropFirst()) }
        return Set(lines.filter { line in !learned.contains { line.hasPrefix($0) } }.map(Self.withoutComing))
    }

    /// Which coming of a port a claim belongs to only the agent can say.
    private static func withoutComing(_ flow: String) -> String {
        flow.replacing(/cookie=0x6f76736150[0-9a-f]{6},/, with: "cookie=CLAIM,")
    }

    /// Lets a VM say that it is here, to nobody else.
    func speak(_ vm: VM) async throws {
        guard let mac = vm.mac else { return }
        let isTrunk = vm.mode == "trunk" || vm.mode == nil && vm.tag == nil
        let isTagged = isTrunk && !vm.trunks.isEmpty && !vm.trunks.contains(0)
        let frame = EthernetFrame.moved(mac, to: mac).tagged(isTagged ? vm.trunks.first.map(UInt16.init) : nil)
        try await ovs.tool("ovs-appctl", ["netdev-dummy/receive", vm.name, frame.hexadecimal])
    }

    /// Takes what frames of before still bring out of the capture.
    func flush() async throws {
        _ = try await capture.send(EthernetFrame(to: "01:80:c2:00:00:00", from: Self.nowhere), into: wire)
    }

    /// Where br0 has learned that an address is: of each place port, VLAN, address and age.
    func known(_ address: String) async throws -> [[String]] {
        try await ovs.tool("ovs-appctl", ["fdb/show", "br0"]).split(separator: "\n").filter { $0.contains(address) }
            .map { $0.split(separator: " ").map(String.init) }
    }

    /// A host on which no agent ever programmed a flow.
    private func withoutFlows() async throws {
        try await agent.stop()
        for bridge in try await program().flows.keys {
            try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "del-flows", bridge])
        }
        for lane in lanes {
            // As a standalone bridge has it by itself.
            try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "add-flow", lane.uplinkBridge, "\(Flow.standalone)"])
        }
        try await ovs.tool("ovs-appctl", ["revalidator/purge"])
    }

    /// Makes VMs of some ports and not of others, as by libvirt's mark.
    func serve(_ vms: [VM]) async throws {
        for vm in self.vms {
            let isServed = vms.contains { $0.name == vm.name }
            let change =
                isServed
                ? ["set", "interface", vm.name, "external_ids:iface-id=\(vm.name)"]
                : ["remove", "interface", vm.name, "external_ids", "iface-id"]
            try await ovs.tool("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--timeout=20"] + change)
        }
        try await settled(vms)
    }

    /// The NIC that leads to the wire.
    var wire: String { wires[0][0] }

    /// Lets a frame into a port, and expects exactly one frame at each of these ports, and nothing anywhere else.
    func expect(
        _ frame: EthernetFrame,
        into port: String,
        reaches expected: [String: EthernetFrame] = [:],
        forgets: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let arrivals = try await capture.send(frame, into: port, forgets: forgets)
        #expect(arrivals == expected.mapValues { [$0] }, "\(frame) into \(port)", sourceLocation: sourceLocation)
    }

    /// The NICs of a lane's bond, the active one first.
    private static func members(of lane: Int, _ ovs: PrivateSwitch) async throws -> [String] {
        let members = lane == 0 ? ["eth0", "eth1"] : ["eth\(lane)", "eth\(lane)1"]
        let bond = try await ovs.tool("ovs-appctl", ["bond/show", "br\(lane)-up"])
        let active = bond.split(separator: "\n").first { $0.hasPrefix("active member mac:") } ?? ""
        return active.contains("(\(members[1]))") ? members.reversed() : members
    }

    /// The bridges that a frame passes, in order.
    func path(of frame: String, from port: String, on bridge: String) async throws -> [String] {
        let trace = try await ovs.tool("ovs-appctl", ["ofproto/trace", bridge, "in_port=\(port),\(frame)"])
        return trace.split(separator: "\n").compactMap { line in
            line.hasPrefix("bridge(") ? line.split(separator: "\"").dropFirst().first.map(String.init) : nil
        }
    }
}

extension Sequence {
    fileprivate func asyncMap<R>(_ transform: (Element) async throws -> R) async throws -> [R] {
        var results: [R] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
