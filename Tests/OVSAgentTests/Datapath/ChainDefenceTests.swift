import TestSupport
import Testing

@testable import OVSAgent

/// What passes while the flows are not there.
@Suite("Chain: without flows", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainDefenceTests {
    private static let a = "02:00:00:00:00:0a"
    private static let b = "02:00:00:00:00:0b"
    private static let hostMAC = "02:00:00:00:dd:02"
    private static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 7), ChainHost.VM(name: "vmb", mac: b, tag: 7),
        ChainHost.VM(name: "vmd", mac: "02:00:00:00:00:0d", tag: 0), ChainHost.VM(name: "vmt"),
    ]
    private static let direct = [ChainHost.Direct(name: "controller", tag: 0)]

    @Test("without flows nothing passes from or to a VM, while the host and its controller VM have their network")
    func noFlows() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct, isServed: false) { host in
            for port in ["vma", "vmd", "vmt"] {
                for destination in [Self.b, ChainHost.broadcast, ChainHost.outside] {
                    try await host.expect(EthernetFrame(to: destination, from: Self.a), into: port)
                }
            }
            try await host.expect(EthernetFrame(to: Self.a, from: ChainHost.outside).tagged(7), into: host.wire)
            let asked = EthernetFrame(to: ChainHost.broadcast, from: Self.hostMAC)
            try await host.expect(asked, into: "br0", reaches: ["controller": asked, host.wire: asked])
            let answered = EthernetFrame(to: Self.hostMAC, from: ChainHost.outside)
            try await host.expect(answered, into: host.wire, reaches: ["br0": answered])
            let controllers = EthernetFrame(to: Self.hostMAC, from: "02:00:00:00:dd:03")
            try await host.expect(controllers, into: "controller", reaches: ["br0": controllers])
        }
    }

    @Test(
        "a bridge of the chain that somebody set to standalone passes nothing, and the rest of the chain none of it",
        arguments: ["br.mx", "br.microseg", "br.nf", "br.dmx"]
    )
    func standalone(_ bridge: String) async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct, lanes: [0, 5]) { host in
            try await host.agent.stop()
            try await host.ovs.vsctl("set", "bridge", bridge, "fail_mode=standalone")
            #expect(try await host.ovs.tool("ovs-ofctl", ["dump-flows", bridge]).contains("actions=NORMAL"))
            for (port, mac) in [("vma", Self.a), ("vmd", "02:00:00:00:00:0d"), ("vmt", "02:00:00:00:00:99")] {
                for destination in [Self.b, ChainHost.broadcast, ChainHost.outside] {
                    try await host.expect(EthernetFrame(to: destination, from: mac), into: port)
                }
            }
            for tag in [nil, 7, 1001, 2001, 4094] as [UInt16?] {
                try await host.expect(EthernetFrame(to: ChainHost.broadcast, from: Self.a).tagged(tag), into: "vmt")
                let arriving = EthernetFrame(to: ChainHost.broadcast, from: ChainHost.outside).tagged(tag)
                let untagged = tag == nil ? ["br0": arriving, "controller": arriving] : [:]
                try await host.expect(arriving, into: host.wire, reaches: untagged)
            }
        }
    }

    @Test("br0.local set to standalone lets nothing out to the chain and nothing in")
    func standaloneLocal() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            try await host.agent.stop()
            try await host.ovs.vsctl("set", "bridge", "br0.local", "fail_mode=standalone")
            for tag in [nil, 7, 4094, 4095] as [UInt16?] {
                let frame = EthernetFrame(to: ChainHost.broadcast, from: Self.a).tagged(tag)
                let arrivals = try await host.capture.send(frame, into: "vmt")
                #expect(Set(arrivals.keys).isSubset(of: ["vma", "vmb", "vmd"]))
                let arriving = EthernetFrame(to: ChainHost.broadcast, from: ChainHost.outside).tagged(tag)
                let untagged = tag == nil ? ["br0": arriving, "controller": arriving] : [:]
                try await host.expect(arriving, into: host.wire, reaches: untagged)
            }
        }
    }
}
