import TestSupport
import Testing

@testable import OVSAgent

/// Frames of a host whose port others had set up, and whose VLAN the layout states.
@Suite("A stated host VLAN", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct HostVLANTests {
    /// A virtual switch, its host port as found, and what is stated.
    private struct Case: Sendable {
        var number: Int
        var mode: String
        var vlan: UInt16

        var bridge: String { "br\(number)" }
        var nic: String { "eth\(number)" }
        var vm: String { "vm\(number)" }
        /// As it leaves where frames of the VLAN have their tag.
        func tagged(_ frame: EthernetFrame) -> EthernetFrame { vlan == 0 ? frame : frame.tagged(vlan) }
        /// As the host gets it.
        func atHost(_ frame: EthernetFrame) -> EthernetFrame { mode == "native-tagged" ? tagged(frame) : frame }
    }

    private static let cases = [0, 100].flatMap { vlan in
        ["native-untagged", "native-tagged", "dot1q-tunnel"].map { (vlan, $0) }
    }.enumerated().map { Case(number: $0, mode: $1.1, vlan: UInt16($1.0)) }

    private static let layout =
        "version: 1\ndatapath: dummy\nvirtualSwitches:\n"
        + cases.map {
            """
              - name: vs\($0.number)
                bridge: \($0.bridge)
                hostVlan: \($0.vlan)
                uplink:
                  nics: [\($0.nic)]

            """
        }.joined()

    /// Sends until the frame reaches what it should and nothing else: what an agent changes may come a moment later.
    private static func expect(
        _ frame: EthernetFrame,
        into port: String,
        reaches wanted: [String: EthernetFrame],
        _ capture: FrameCapture
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while true {
            let arrivals = try await capture.send(frame, into: port)
            if arrivals == wanted.mapValues({ [$0] }) { return }
            guard ContinuousClock.now < deadline else {
                return #expect(arrivals == wanted.mapValues { [$0] }, "\(frame) into \(port)")
            }
        }
    }

    private static func expectFrames(_ capture: FrameCapture) async throws {
        for each in cases {
            let frames = (1...3).map {
                EthernetFrame(to: ChainHost.broadcast, from: "02:00:00:00:0\(each.number):0\($0)")
            }
            let (wire, vm, host) = (frames[0], frames[1], frames[2])
            try await expect(
                each.tagged(wire),
                into: each.nic,
                reaches: [each.bridge: each.atHost(wire), each.vm: wire],
                capture
            )
            try await expect(
                vm,
                into: each.vm,
                reaches: [each.bridge: each.atHost(vm), each.nic: each.tagged(vm)],
                capture
            )
            try await expect(host, into: each.bridge, reaches: [each.vm: host, each.nic: each.tagged(host)], capture)
        }
    }

    @Test("frames reach the host and leave it whatever mode was found, also after others edited it")
    func frames() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let found = Self.cases.flatMap { each in
                ["--", "add-br", each.bridge, "--", "set", "bridge", each.bridge, "datapath_type=dummy"]
                    + ["--", "add-port", each.bridge, each.nic, "--", "set", "port", each.bridge]
                    + ["vlan_mode=\(each.mode)", "tag=5", "trunks=5,6", "cvlans=7"]
            }
            let database = ["--db=\(ovs.databaseRemote)", "--timeout=20"]
            try await ovs.tool("ovs-vsctl", database + found)
            try await RunningAgent.with(ovs, layout: Self.layout) { agent in
                try await agent.waitForState("in-sync")
                let vms = Self.cases.flatMap { each in
                    ["--", "add-port", "\(each.bridge).local", each.vm, "tag=\(each.vlan)"]
                        + ["--", "set", "interface", each.vm, "external_ids:iface-id=\(each.vm)"]
                        + ["external_ids:attached-mac=\"02:00:00:00:0\(each.number):02\""]
                }
                try await ovs.tool("ovs-vsctl", database + vms)
                let capture = try await FrameCapture(ovs, of: Self.cases.flatMap { [$0.bridge, $0.nic, $0.vm] })
                try await Self.expectFrames(capture)
                for edit in [["vlan_mode=dot1q-tunnel", "cvlans=9"], ["tag=9", "trunks=9", "vlan_mode=trunk"]] {
                    let last = try await agent.lastEvent()
                    let edits = Self.cases.flatMap { ["--", "set", "port", $0.bridge] + edit }
                    try await ovs.tool("ovs-vsctl", database + ["--no-wait"] + edits)
                    for each in Self.cases {
                        try await agent.waitForEvent(after: last, "repaired", object: "Port \(each.bridge)")
                    }
                    try await Self.expectFrames(capture)
                }
            }
        }
    }
}
