import TestSupport
import Testing

@testable import OVSAgent

/// Several ports that declare one address, and the frames that come from it.
@Suite(
    "Chain: several ports that declare a MAC",
    .enabled(if: PrivateSwitch.reasonToSkip == nil),
    .timeLimit(.minutes(5))
)
struct ChainRivalTests {
    private static let a = "02:00:00:00:00:0a"
    private static let b = "02:00:00:00:00:0b"
    private static let flood = EthernetFrame(to: ChainHost.broadcast, from: b)

    /// One of each way in which floods reach a port: by a VLAN's list with the tag or without, by that of the trunks, and by
    /// a long list.
    private static let rivals = [
        ChainHost.VM(name: "vm1", mac: b, tag: 7), ChainHost.VM(name: "vm2", mac: b, tag: 7),
        ChainHost.VM(name: "vm3", mac: b, trunks: [7, 8]), ChainHost.VM(name: "vm4", mac: b, mode: "trunk"),
        ChainHost.VM(name: "vm5", mac: b, mode: "native-untagged", tag: 7),
        ChainHost.VM(name: "vm6", mac: b, trunks: Array(1...30)),
        ChainHost.VM(name: "vm7", mac: b, mode: "native-untagged", tag: 7, trunks: Array(1...30)),
    ]

    /// What one of them sends in VLAN 7, as it does.
    private static func sent(by vm: ChainHost.VM) -> EthernetFrame {
        vm.tag == nil ? flood.tagged(7) : flood
    }

    /// Sends until the frame reaches what it should and nothing else, when the agent has done what is asked of it.
    private static func settles(
        _ frame: EthernetFrame,
        into port: String,
        reaches wanted: [String: EthernetFrame],
        _ host: ChainHost
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while true {
            let arrivals = try await host.capture.send(frame, into: port)
            if arrivals == wanted.mapValues({ [$0] }) { return }
            try #require(ContinuousClock.now < deadline, "\(frame) into \(port): \(arrivals)")
        }
    }

    @Test("no port gets a frame that comes from the address it declares", arguments: [nil, 0] as [Int?])
    func own(vlanLimit: Int?) async throws {
        let watcher = ChainHost.VM(name: "vma", mac: Self.a, tag: 7)
        let vms =
            [watcher]
            + Self.rivals.enumerated().map { place, vm in
                var vm = vm
                vm.mac = "02:00:00:00:01:0\(place)"
                return vm
            }
        try await ChainHost.with(vms, vlanLimit: vlanLimit, expected: Set(Self.rivals.map(\.name))) { host in
            let declare = Self.rivals.flatMap {
                ["--", "set", "interface", $0.name, "external_ids:attached-mac=\"\(Self.b)\""]
            }
            try await host.ovs.tool("ovs-vsctl", ["--db=\(host.ovs.databaseRemote)", "--timeout=20"] + declare)
            let fromA = EthernetFrame(to: ChainHost.broadcast, from: Self.a)
            func others(_ here: [ChainHost.VM]) -> [String: EthernetFrame] {
                let reached = here.map { ($0.name, $0.tag == nil ? fromA.tagged(7) : fromA) }
                return Dictionary(uniqueKeysWithValues: reached).merging([host.wire: fromA.tagged(7)]) { $1 }
            }
            // The VM is elsewhere, and then here.
            try await Self.settles(Self.flood.tagged(7), into: host.wire, reaches: ["vma": Self.flood], host)
            try await host.expect(fromA, into: "vma", reaches: others(Self.rivals))
            let reached = ["vma": Self.flood, host.wire: Self.flood.tagged(7)]
            for vm in Self.rivals.reversed() {
                try await Self.settles(Self.sent(by: vm), into: vm.name, reaches: reached, host)
            }
            for vm in Self.rivals { try await host.expect(Self.sent(by: vm), into: vm.name, reaches: reached) }
            try await host.expect(fromA, into: "vma", reaches: others(Self.rivals))
            // And so for those that are left when others go.
            for count in [2, 1] {
                for vm in Self.rivals.dropFirst(count).prefix(count == 2 ? 5 : 1) {
                    try await host.ovs.vsctl("del-port", vm.name)
                }
                let left = Array(Self.rivals.prefix(count))
                try await Self.settles(fromA, into: "vma", reaches: others(left), host)
                for vm in left { try await host.expect(Self.sent(by: vm), into: vm.name, reaches: reached) }
            }
        }
    }
}
