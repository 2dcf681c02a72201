import TestSupport
import Testing

@testable import OVSAgent

/// Who may send as whom.
@Suite("Chain: sources", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainSourceTests {
    private static let a = "02:00:00:00:00:0a"
    private static let b = "02:00:00:00:00:0b"
    private static let nested = "02:00:00:00:00:99"

    @Test("a declared MAC is the only one that its port may send from, and no other port nor the wire may")
    func declared() async throws {
        let plain = "02:00:00:00:00:0d"
        let vms = [
            ChainHost.VM(name: "vma", mac: Self.a, tag: 7), ChainHost.VM(name: "vmb", mac: Self.b, tag: 7),
            ChainHost.VM(name: "vml", tag: 7), ChainHost.VM(name: "vmd", mac: plain, tag: 0),
        ]
        try await ChainHost.with(vms) { host in
            for destination in [Self.b, ChainHost.broadcast, ChainHost.outside] {
                try await host.expect(EthernetFrame(to: destination, from: Self.nested), into: "vma")
                try await host.expect(EthernetFrame(to: destination, from: Self.b), into: "vma")
                // A NIC that declares nothing may send from any address but those.
                try await host.expect(EthernetFrame(to: destination, from: Self.a), into: "vml")
                let claim = EthernetFrame(to: destination, from: Self.a).tagged(7)
                try await host.expect(claim, into: host.wire)
                try await host.expect(claim, into: host.wires[0][1])
                for tag in [nil, 0] as [UInt16?] {
                    let claim = EthernetFrame(to: destination, from: plain).tagged(tag)
                    try await host.expect(claim, into: host.wire)
                }
            }
            // In a VLAN where no VM has the address it is somebody else's.
            let elsewhere = EthernetFrame(to: ChainHost.broadcast, from: Self.a)
            try await host.expect(elsewhere, into: host.wire, reaches: ["br0": elsewhere, "vmd": elsewhere])
            // And none of it has led frames astray.
            let frame = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(frame, into: "vmb", reaches: ["vma": frame])
        }
    }

    @Test("a NIC without a declared MAC is learned, reached from everywhere, and forgotten with its port")
    func learned() async throws {
        let vms = [
            ChainHost.VM(name: "vma", mac: Self.a, tag: 7), ChainHost.VM(name: "vml", tag: 7),
            ChainHost.VM(name: "vmm", tag: 7),
        ]
        try await ChainHost.with(vms) { host in
            let first = EthernetFrame(to: Self.a, from: Self.nested)
            try await host.expect(first, into: "vml", reaches: ["vma": first])
            let answer = EthernetFrame(to: Self.nested, from: Self.a)
            try await host.expect(answer, into: "vma", reaches: ["vml": answer])
            let arriving = EthernetFrame(to: Self.nested, from: ChainHost.outside)
            try await host.expect(arriving.tagged(7), into: host.wire, reaches: ["vml": arriving])
            // No echo to a sender that was learned, nor to one that wasn't yet.
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.nested)
            try await host.expect(
                flood,
                into: "vml",
                reaches: ["vma": flood, "vmm": flood, host.wire: flood.tagged(7)]
            )
            let new = EthernetFrame(to: ChainHost.broadcast, from: "02:00:00:00:00:98")
            try await host.expect(new, into: "vml", reaches: ["vma": new, "vmm": new, host.wire: new.tagged(7)])
            // The address moves to another NIC as soon as that sends.
            let moved = EthernetFrame(to: Self.a, from: Self.nested)
            try await host.expect(moved, into: "vmm", reaches: ["vma": moved])
            try await host.expect(answer, into: "vma", reaches: ["vmm": answer])
            // The same flows again leave what was learned; without the port's own, it is gone.
            try await host.serve(vms)
            try await host.expect(answer, into: "vma", reaches: ["vmm": answer])
            let learned = FlowCookie(.learned(host.lanes[0], number: try await host.number(of: "vmm"))).rawValue
            let request = ["dump-flows", "br0.local", "cookie=\(learned)/-1"]
            #expect(try await host.ovs.tool("ovs-ofctl", request).contains("REG0"))
            try await host.serve(Array(vms.dropLast()))
            #expect(try await host.ovs.tool("ovs-ofctl", request).contains("REG0") == false)
        }
    }

    @Test("an address that br0 learned before a port declared it is the wire's as soon as its VM has left")
    func declaredAfterLearned() async throws {
        var vms = [ChainHost.VM(name: "vma", mac: Self.a, tag: 7), ChainHost.VM(name: "vmb", tag: 7)]
        try await ChainHost.with(vms) { host in
            let first = EthernetFrame(to: Self.a, from: Self.b)
            try await host.expect(first, into: "vmb", reaches: ["vma": first])
            func learned() async throws -> String {
                try await host.ovs.tool("ovs-ofctl", ["dump-flows", "br0", "table=242"])
            }
            #expect(try await learned().contains(Self.b))
            vms[1].mac = Self.b
            try await host.ovs.vsctl("set", "interface", "vmb", "external_ids:attached-mac=\"\(Self.b)\"")
            try await host.settled(vms)
            #expect(try await !learned().contains(Self.b))
            try await host.ovs.vsctl("del-port", "vmb")
            try await host.settled([vms[0]])
            // What vmb said when it spoke is not counted.
            let nowhere = EthernetFrame(to: "01:80:c2:00:00:00", from: Self.a)
            _ = try await host.capture.send(nowhere, into: "vma")
            let frame = EthernetFrame(to: Self.b, from: Self.a)
            try await host.expect(frame, into: "vma", reaches: [host.wire: frame.tagged(7)])
        }
    }
}
