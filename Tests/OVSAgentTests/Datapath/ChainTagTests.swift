import TestSupport
import Testing

@testable import OVSAgent

/// Stacked tags: whatever stands below a frame's own tag, the frame stays in the VLAN that its sender may name.
@Suite("Chain: stacked tags", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainTagTests {
    typealias Tag = EthernetFrame.Tag

    /// `other_config:vlan-limit`: left out, the default, all, one, two.
    static let limits: [Int?] = [nil, 0, 1, 2]

    private static func mac(_ last: Int) -> String { "02:00:00:00:00:0\(last)" }

    private static let vms = [
        ChainHost.VM(name: "plain", mac: mac(1), tag: 0),
        ChainHost.VM(name: "access", mac: mac(2), tag: 10),
        ChainHost.VM(name: "native", mac: mac(3), mode: "native-untagged", tag: 10, trunks: [20]),
        ChainHost.VM(name: "tagged", mac: mac(4), mode: "native-tagged", tag: 10, trunks: [20]),
        ChainHost.VM(name: "mixed", mac: mac(5), trunks: [0, 20]),
        ChainHost.VM(name: "trunk", mac: mac(6), trunks: [20, 30]),
        // Takes part in every VLAN, so that it sees what anybody may not send.
        ChainHost.VM(name: "near", mac: mac(7)),
        ChainHost.VM(name: "learns", tag: 10),
    ]

    /// The VLAN that a frame without tag is in at a VM port.
    private static func untagged(_ vm: ChainHost.VM) -> UInt16? {
        switch vm.mode {
        case nil where vm.tag == nil: vm.trunks.isEmpty || vm.trunks.contains(0) ? 0 : nil
        default: UInt16(vm.tag ?? 0)
        }
    }

    /// The VLAN that a frame names at a port.
    private static func vlan(of tags: [Tag], at port: String) -> UInt16? {
        if let outer = tags.first, outer.vlan != 0 { return outer.vlan }
        return vms.first { $0.name == port }.map(untagged) ?? 0
    }

    /// One tag of every kind, and two and three of them.
    private static let single: [[Tag]] = [0, 10, 20, 30].flatMap { (vlan: UInt16) in
        [0x8100, 0x88a8].flatMap { (type: UInt16) in [0, 5].map { [Tag(vlan, type: type, priority: $0)] } }
    }
    private static let stacks: [[Tag]] =
        single.flatMap { outer in
            [0, 20].flatMap { (vlan: UInt16) in [0x8100, 0x88a8].map { outer + [Tag(vlan, type: $0)] } }
        } + single.flatMap { outer in [[Tag(0), Tag(20)], [Tag(0, type: 0x88a8), Tag(20)]].map { outer + $0 } }

    /// Lets frames into a port, those with one tag first, and gives what arrived where, by the tags it was sent with.
    private static func arrivals(
        _ stacks: [[Tag]],
        from source: String,
        to destination: String,
        into port: String,
        _ host: ChainHost
    ) async throws -> [(sent: [Tag], port: String, frame: EthernetFrame)] {
        // The datapath has a decision for each of these when a frame with more tags comes.
        let plain = EthernetFrame(to: destination, from: source)
        _ = try await host.capture.send(([[]] + single).map(plain.under), into: port, forgets: false)
        let marked = stacks.indices.map { index in
            let payload = Array("frame \(index) of all".utf8)
            return EthernetFrame(to: destination, from: source, payload: payload)
        }
        let sent = Dictionary(uniqueKeysWithValues: zip(marked.map(\.payload), stacks))
        let came = try await host.capture.send(zip(marked, stacks).map { $0.under($1) }, into: port, forgets: false)
        // One of the first may have come late.
        return came.flatMap { name, frames in
            frames.compactMap { frame in sent[frame.payload].map { ($0, name, frame) } }
        }
    }

    @Test("no stack of tags takes a VM's frame to a VLAN that is not its own", arguments: limits)
    func hopping(_ limit: Int?) async throws {
        try await ChainHost.with(Self.vms, vlanLimit: limit) { host in
            for vm in Self.vms {
                let source = vm.mac ?? Self.mac(8)
                for destination in [ChainHost.broadcast, Self.mac(3), Self.mac(5), Self.mac(7)] {
                    let came = try await Self.arrivals(
                        Self.stacks,
                        from: source,
                        to: destination,
                        into: vm.name,
                        host
                    )
                    for (sent, port, frame) in came {
                        let named = Self.vlan(of: sent, at: vm.name)
                        #expect(
                            Self.vlan(of: frame.tags, at: port) == named,
                            "\(vm.name) sent \(sent) to \(destination), and \(port) got \(frame.tags)"
                        )
                    }
                }
            }
        }
    }

    @Test("no stack of tags from the wire names a VLAN at a VM port that the frame is not in", arguments: limits)
    func arriving(_ limit: Int?) async throws {
        try await ChainHost.with(Self.vms, vlanLimit: limit) { host in
            // Where the switch sees inner tags, what br0 does by itself with a tag that says nothing can't be told.
            let stacks = Self.stacks.filter { limit ?? 1 == 1 || $0[0].vlan != 0 || $0[0].priority != 0 }
            for destination in [ChainHost.broadcast] + (1...7).map(Self.mac) {
                let came = try await Self.arrivals(
                    stacks,
                    from: ChainHost.outside,
                    to: destination,
                    into: host.wire,
                    host
                )
                // The host's own port is br0's to serve.
                for (sent, port, frame) in came where port != "br0" {
                    #expect(
                        Self.vlan(of: frame.tags, at: port) == Self.vlan(of: sent, at: "wire"),
                        "the wire sent \(sent) to \(destination), and \(port) got \(frame.tags)"
                    )
                }
            }
        }
    }

    @Test("a guest may tag inside its own VLAN, and a priority tag alone stops nothing", arguments: limits)
    func ordinary(_ limit: Int?) async throws {
        try await ChainHost.with(Self.vms, vlanLimit: limit) { host in
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.mac(6))
            for inner in [Tag(40), Tag(0, priority: 3), Tag(10, type: 0x88a8)] {
                for type in [0x8100, 0x88a8] as [UInt16] {
                    let frame = flood.under([Tag(20, type: type), inner])
                    let everywhere = ["native", "tagged", "mixed", "near", host.wire]
                    try await host.expect(
                        frame,
                        into: "trunk",
                        reaches: Dictionary(uniqueKeysWithValues: everywhere.map { ($0, frame) }),
                        forgets: false
                    )
                    let arriving = EthernetFrame(to: Self.mac(6), from: ChainHost.outside)
                        .under([Tag(20, type: type), inner])
                    try await host.expect(arriving, into: host.wire, reaches: ["trunk": arriving], forgets: false)
                }
            }
            // The tag that the agent puts on is of the common type, with the priority of the one that came.
            for type in [0x8100, 0x88a8] as [UInt16] {
                for priority in [0, 5] as [UInt16] {
                    let frame = EthernetFrame(to: ChainHost.nowhere, from: Self.mac(2))
                    try await host.expect(
                        frame.under([Tag(0, type: type, priority: priority)]),
                        into: "access",
                        reaches: [host.wire: frame.under([Tag(10, priority: priority)])],
                        forgets: false
                    )
                    let plain = EthernetFrame(to: ChainHost.nowhere, from: Self.mac(1))
                    try await host.expect(
                        plain.under([Tag(0, type: type, priority: priority)]),
                        into: "plain",
                        reaches: [host.wire: plain, "br0": plain],
                        forgets: false
                    )
                }
            }
        }
    }

    @Test("a priority tag alone keeps no frame from a VM of VLAN 0, wherever it comes from", arguments: limits)
    func priority(_ limit: Int?) async throws {
        let vms = Self.vms.filter { ["plain", "mixed", "near"].contains($0.name) }
        let direct = [ChainHost.Direct(name: "controller", tag: 0)]
        try await ChainHost.with(vms + [.init(name: "learns", tag: 0)], direct: direct, vlanLimit: limit) { host in
            let spoken = EthernetFrame(to: Self.mac(1), from: Self.mac(8))
            try await host.expect(spoken, into: "learns", reaches: ["plain": spoken])
            for port in [host.wire, "controller", "br0"] {
                for priority in 0...7 as ClosedRange<UInt16> {
                    let tag = Tag(0, type: priority.isMultiple(of: 2) ? 0x8100 : 0x88a8, priority: priority)
                    for (name, mac) in [("plain", 1), ("mixed", 5), ("near", 7), ("learns", 8)] {
                        let frame = EthernetFrame(to: Self.mac(mac), from: ChainHost.outside)
                        let arrivals = try await host.capture.send(frame.under([tag]), into: port)
                        #expect(arrivals[name] == [frame], "\(tag) from \(port)")
                    }
                    let flood = EthernetFrame(to: ChainHost.broadcast, from: ChainHost.outside)
                    let arrivals = try await host.capture.send(flood.under([tag]), into: port)
                    for name in vms.map(\.name) + ["learns"] {
                        #expect(arrivals[name] == [flood], "\(tag) from \(port)")
                    }
                }
            }
        }
    }
}
