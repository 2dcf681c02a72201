import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// A host with VMs: the rows as the agent makes them, ports as stock tools add them, and the flows of a
/// ``ChainProgram`` as `ovs-ofctl` takes its text, so that only the program itself is on trial.
struct ChainHost {
    let ovs: PrivateSwitch
    let agent: RunningAgent
    let vms: [VM]
    let lanes: [Lane]
    let capture: FrameCapture
    /// Of each lane, the NIC that its bond uses and the one that it doesn't.
    let wires: [[String]]

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

        fileprivate var columns: [String] {
            ["--", "set", "interface", name, "external_ids:iface-id=\(name)"]
                + (mac.map { ["external_ids:attached-mac=\"\($0)\""] } ?? [])
                + (addresses.map { ["external_ids:ovs-agent-addresses=\"\($0)\""] } ?? [])
                + ["--", "set", "port", name, "trunks=[\(trunks.map { "\($0)" }.joined(separator: ","))]"]
                + (mode.map { ["vlan_mode=\($0)"] } ?? []) + (tag.map { ["tag=\($0)"] } ?? [])
        }

        func port(number: UInt32?) throws -> VMPort {
            var externalIDs = ["iface-id": name]
            externalIDs["attached-mac"] = mac
            externalIDs["ovs-agent-addresses"] = addresses
            return try VMPort(
                name: name,
                number: number,
                externalIDs: externalIDs,
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

    /// - Parameter installs: whether the flows are there when `body` begins.
    static func with(
        _ vms: [VM],
        direct: [Direct] = [],
        lanes numbers: [Int] = [0],
        installs: Bool = true,
        _ body: (ChainHost) async throws -> Void
    ) async throws {
        let layout: String = numbers.count == 1 ? .switches(numbers[0]) : .switches(numbers[0], numbers[1])
        try await RunningAgent.inSync(layout: layout) { agent in
            let ports =
                vms.flatMap { ["--", "add-port", "br\($0.lane).local", $0.name] + $0.columns }
                + direct.flatMap { ["--", "add-port", "br\($0.lane)", $0.name, "tag=\($0.tag)"] }
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
                wires: wires
            )
            if installs { try await host.install() }
            try await body(host)
        }
    }

    /// The program for what is there now, and for these VMs of it.
    func program(_ vms: [VM]? = nil) async throws -> ChainProgram {
        let numbers = try await self.numbers()
        return ChainProgram(
            lanes: try zip(lanes, wires).map { lane, wires in
                let places = LanePort.Place.allCases.map { ($0, numbers[LanePort($0, of: lane).name]) }
                return LanePorts(
                    lane: lane,
                    numbers: Dictionary(uniqueKeysWithValues: places).compactMapValues { $0 },
                    uplinkMembers: wires.compactMap { numbers[$0] },
                    vmPorts: try (vms ?? self.vms).filter { $0.lane == lane.number }
                        .map { try $0.port(number: numbers[$0.name]) }
                )
            }
        )
    }

    /// The number that the switch gave a VM's port.
    func number(of name: String) async throws -> UInt16 { UInt16(try await numbers()[name] ?? 0) }

    private func numbers() async throws -> [String: UInt32] {
        let list = try await ovs.vsctl("--format=table", "--no-heading", "--columns=name,ofport", "list", "interface")
        let pairs = list.split(separator: "\n").compactMap { line -> (String, UInt32)? in
            let words = line.split(separator: " ")
            return UInt32(words[1]).map { (words[0].filter { $0 != "\"" }, $0) }
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Puts the program's flows in place of all there are.
    func install(_ vms: [VM]? = nil) async throws {
        for (bridge, flows) in try await program(vms).flows {
            let path = "\(ovs.runFolder)/\(bridge).flows"
            try write(flows.map { "\($0)\n" }.joined(), to: path)
            try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "--bundle", "replace-flows", bridge, path])
        }
        try await ovs.tool("ovs-appctl", ["revalidator/purge"])
    }

    /// Brings the flows for some VMs to those for others: adds what is new, deletes what is left over.
    func update(from old: [VM], to new: [VM]) async throws {
        let old = try await program(old).flows
        for (bridge, flows) in try await program(new).flows {
            let before = Set(old[bridge] ?? [])
            let keys = Set(flows.map(\.key))
            let deletes = before.filter { !keys.contains($0.key) }.map { flow in
                "delete_strict \(Flow(key: flow.key, instructions: Instructions()))".replacing(
                    " actions=drop",
                    with: "\n"
                )
            }
            let path = "\(ovs.runFolder)/\(bridge).flows"
            try write(flows.filter { !before.contains($0) }.map { "add \($0)\n" }.joined() + deletes.joined(), to: path)
            try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "--bundle", "add-flows", bridge, path])
        }
        try await ovs.tool("ovs-appctl", ["revalidator/purge"])
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
