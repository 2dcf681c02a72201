import TestSupport
import Testing

@testable import OVSAgent

/// Frames for many: one copy to each, none back, counted at every endpoint of the host.
@Suite("Chain: floods", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainFloodTests {
    private static let a = "02:00:00:00:00:0a"
    private static let d = "02:00:00:00:00:0d"
    private static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 7), ChainHost.VM(name: "vmb", mac: "02:00:00:00:00:0b", tag: 7),
        ChainHost.VM(name: "vmc", mac: "02:00:00:00:00:0c", tag: 8),
        ChainHost.VM(name: "vmd", mac: d, tag: 0),
        ChainHost.VM(name: "vml", tag: 7),
        ChainHost.VM(name: "vmt", mac: "02:00:00:00:00:0e"),
    ]
    private static let direct = [ChainHost.Direct(name: "direct", tag: 7), ChainHost.Direct(name: "plain", tag: 0)]

    @Test(
        "broadcast and multicast: one copy to each port of the VLAN",
        arguments: [ChainHost.broadcast, ChainHost.multicast]
    )
    func multicast(_ group: String) async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            let frame = EthernetFrame(to: group, from: Self.a)
            let tagged = frame.tagged(7)
            try await host.expect(
                frame,
                into: "vma",
                reaches: ["vmb": frame, "vml": frame, "vmt": tagged, "direct": frame, host.wire: tagged]
            )
            let arriving = EthernetFrame(to: group, from: ChainHost.outside)
            try await host.expect(
                arriving.tagged(7),
                into: host.wire,
                reaches: [
                    "vma": arriving, "vmb": arriving, "vml": arriving, "vmt": arriving.tagged(7), "direct": arriving,
                ]
            )
            try await host.expect(
                arriving,
                into: host.wire,
                reaches: ["vmd": arriving, "vmt": arriving, "plain": arriving, "br0": arriving]
            )
            let direct = EthernetFrame(to: group, from: "02:00:00:00:dd:01")
            try await host.expect(
                direct,
                into: "direct",
                reaches: [
                    "vma": direct, "vmb": direct, "vml": direct, "vmt": direct.tagged(7), host.wire: direct.tagged(7),
                ]
            )
            let hosts = EthernetFrame(to: group, from: "02:00:00:00:dd:02")
            try await host.expect(
                hosts,
                into: "br0",
                reaches: ["vmd": hosts, "vmt": hosts, "plain": hosts, host.wire: hosts]
            )
            let untagged = EthernetFrame(to: group, from: Self.d)
            try await host.expect(
                untagged,
                into: "vmd",
                reaches: ["vmt": untagged, "plain": untagged, "br0": untagged, host.wire: untagged]
            )
        }
    }

    @Test("unicast that nobody is known for: to the wire, to br0's ports and to NICs that learn, never back")
    func unknown() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            let frame = EthernetFrame(to: ChainHost.nowhere, from: Self.a)
            try await host.expect(frame, into: "vma", reaches: ["direct": frame, host.wire: frame.tagged(7)])
            let arriving = EthernetFrame(to: ChainHost.nowhere, from: ChainHost.outside)
            try await host.expect(arriving.tagged(7), into: host.wire, reaches: ["direct": arriving, "vml": arriving])
            let direct = EthernetFrame(to: ChainHost.nowhere, from: "02:00:00:00:dd:01")
            try await host.expect(
                direct,
                into: "direct",
                reaches: ["vml": direct, host.wire: direct.tagged(7)]
            )
            let hosts = EthernetFrame(to: ChainHost.nowhere, from: "02:00:00:00:dd:02")
            try await host.expect(hosts, into: "br0", reaches: ["plain": hosts, host.wire: hosts])
        }
    }

    @Test("reserved destinations and multicast sources go nowhere")
    func reserved() async throws {
        try await ChainHost.with(Self.vms, direct: Self.direct) { host in
            for last in ["00", "02", "0e", "0f"] {
                let destination = "01:80:c2:00:00:\(last)"
                try await host.expect(EthernetFrame(to: destination, from: Self.a), into: "vma")
                let arriving = EthernetFrame(to: destination, from: ChainHost.outside)
                try await host.expect(arriving.tagged(7), into: host.wire)
            }
            try await host.expect(EthernetFrame(to: Self.a, from: "03:00:00:00:00:01"), into: "vml")
            try await host.expect(EthernetFrame(to: ChainHost.broadcast, from: ChainHost.broadcast), into: "vml")
        }
    }
}
