import TestSupport
import Testing

@testable import OVSAgent

/// Frames between two stations, counted at every endpoint of the host.
@Suite("Chain: unicast", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainUnicastTests {
    private static let a = "02:00:00:00:00:0a"
    private static let b = "02:00:00:00:00:0b"
    private static let c = "02:00:00:00:00:0c"
    private static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 7), ChainHost.VM(name: "vmb", mac: b, tag: 7),
        ChainHost.VM(name: "vmc", mac: c, tag: 8),
    ]
    private static let direct = [ChainHost.Direct(name: "direct", tag: 7), ChainHost.Direct(name: "other", tag: 8)]

    @Test("a frame between two VMs of a host goes up and down the whole chain once, and not to the wire")
    func hairpin() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            let path = try await host.path(of: "dl_src=\(Self.a),dl_dst=\(Self.b)", from: "vma", on: "br0.local")
            let up = ["br0.local", "br.mx", "br.microseg", "br.nf", "br.dmx", "br0"]
            #expect(path == up + up.dropLast().reversed())
            // The first is decided by the tables, the others by what the datapath kept of that.
            let frame = EthernetFrame(to: Self.b, from: Self.a)
            for _ in 0..<3 {
                try await host.expect(frame, into: "vma", reaches: ["vmb": frame], forgets: false)
            }
            let back = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(back, into: "vmb", reaches: ["vma": back])
            // To itself: not back to where it came from.
            try await host.expect(EthernetFrame(to: Self.a, from: Self.a), into: "vma")
        }
    }

    @Test("a frame from a VM reaches the wire with its tag, and the answer the VM without")
    func wire() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            let path = try await host.path(
                of: "dl_src=\(Self.a),dl_dst=\(ChainHost.outside)",
                from: "vma",
                on: "br0.local"
            )
            #expect(path == ["br0.local", "br.mx", "br.microseg", "br.nf", "br.dmx", "br0"])
            let asked = EthernetFrame(to: ChainHost.outside, from: Self.a)
            // Nobody knows yet where that is.
            try await host.expect(asked, into: "vma", reaches: [host.wire: asked.tagged(7), "direct": asked])
            let answered = EthernetFrame(to: Self.a, from: ChainHost.outside)
            try await host.expect(answered.tagged(7), into: host.wire, reaches: ["vma": answered])
            try await host.expect(asked, into: "vma", reaches: [host.wire: asked.tagged(7)])
            // What the bond's idle member hears is a copy.
            try await host.expect(answered.tagged(7), into: host.wires[0][1])
        }
    }

    @Test("a direct port is switched by br0 alone, and reaches VMs through the chain")
    func directPort() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            let station = "02:00:00:00:dd:01"
            let out = EthernetFrame(to: ChainHost.outside, from: station)
            let path = try await host.path(
                of: "dl_src=\(station),dl_dst=\(ChainHost.outside)",
                from: "direct",
                on: "br0"
            )
            #expect(path.first == "br0")
            // Unknown to br0, it is offered to the lane, and no VM takes it.
            try await host.expect(out, into: "direct", reaches: [host.wire: out.tagged(7)])
            let answer = EthernetFrame(to: station, from: ChainHost.outside)
            try await host.expect(answer.tagged(7), into: host.wire, reaches: ["direct": answer])
            let known = try await host.path(
                of: "dl_src=\(station),dl_dst=\(ChainHost.outside)",
                from: "direct",
                on: "br0"
            )
            #expect(known == ["br0"])
            let toVM = EthernetFrame(to: Self.a, from: station)
            try await host.expect(toVM, into: "direct", reaches: ["vma": toVM])
            let fromVM = EthernetFrame(to: station, from: Self.a)
            try await host.expect(fromVM, into: "vma", reaches: ["direct": fromVM])
            try await host.expect(toVM, into: "direct", reaches: ["vma": toVM])
        }
    }

    @Test("the host and a VM of its VLAN reach each other, through the chain")
    func host() async throws {
        let vm = ChainHost.VM(name: "vmd", mac: Self.a, tag: 0)
        try await ChainHost.with([vm]) { host in
            let station = "02:00:00:00:dd:02"
            let asked = EthernetFrame(to: ChainHost.broadcast, from: station)
            try await host.expect(asked, into: "br0", reaches: ["vmd": asked, host.wire: asked])
            let answered = EthernetFrame(to: station, from: Self.a)
            try await host.expect(answered, into: "vmd", reaches: ["br0": answered])
            let frame = EthernetFrame(to: Self.a, from: station)
            try await host.expect(frame, into: "br0", reaches: ["vmd": frame])
        }
    }

    @Test("the datapath keeps one decision for a direction, whatever runs between two VMs")
    func megaflows() async throws {
        // A neighbour whose IP addresses are looked at makes nobody else's be looked at.
        let strict = ChainHost.VM(name: "vms", mac: "02:00:00:00:00:0e", tag: 7, addresses: "192.0.2.1 2001:db8::1")
        try await ChainHost.with(Self.vms + [strict]) { host in
            for last in 0..<4 as Range<UInt8> {
                let ip: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, last, 198, 51, 100, last]
                let frame = EthernetFrame(
                    to: Self.b,
                    from: Self.a,
                    type: 0x0800,
                    payload: ip + [last, 1, last, 2, 0, 8, 0, 0]
                )
                try await host.expect(frame, into: "vma", reaches: ["vmb": frame], forgets: false)
            }
            let flows = try await host.ovs.tool("ovs-appctl", ["dpctl/dump-flows"])
            let ours = flows.split(separator: "\n").filter { $0.contains("src=\(Self.a)") }
            #expect(ours.count == 1)
            let actions = ours.first?.split(separator: "actions:").last.map(String.init) ?? ""
            #expect(Int(actions) != nil, "one port: \(flows)")
        }
    }

    @Test("a VLAN's frames reach nothing of another VLAN")
    func isolation() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            // vmc has this address in VLAN 8: here it is a stranger.
            let frame = EthernetFrame(to: Self.c, from: Self.a)
            try await host.expect(frame, into: "vma", reaches: [host.wire: frame.tagged(7), "direct": frame])
            let answer = EthernetFrame(to: Self.a, from: ChainHost.outside)
            try await host.expect(answer.tagged(8), into: host.wire, reaches: ["other": answer])
        }
    }

    @Test("two lanes with the same MACs and VLANs know nothing of each other")
    func lanes() async throws {
        let vms =
            Array(Self.vms.dropLast())
            + [
                ChainHost.VM(name: "vme", lane: 5, mac: Self.a, tag: 7),
                ChainHost.VM(name: "vmf", lane: 5, mac: Self.b, tag: 7),
            ]
        try await ChainHost.with(vms, lanes: [0, 5]) { host in
            let frame = EthernetFrame(to: Self.b, from: Self.a)
            try await host.expect(frame, into: "vma", reaches: ["vmb": frame])
            try await host.expect(frame, into: "vme", reaches: ["vmf": frame])
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.a)
            try await host.expect(flood, into: "vma", reaches: ["vmb": flood, host.wire: flood.tagged(7)])
            try await host.expect(flood, into: "vme", reaches: ["vmf": flood, host.wires[1][0]: flood.tagged(7)])
            let arriving = EthernetFrame(to: Self.a, from: ChainHost.outside)
            try await host.expect(arriving.tagged(7), into: host.wires[1][0], reaches: ["vme": arriving])
            try await host.expect(arriving.tagged(7), into: host.wire, reaches: ["vma": arriving])
        }
    }
}
