import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// VMs that have left: from then on their address is heard from the wire.
extension ChainPresenceTests {
    @Test(
        "a VM that has left is heard from the wire at once, whatever the bond",
        arguments: ["active-backup", "balance-slb"],
        Watch.allCases
    )
    func departure(mode: String, _ watch: Watch) async throws {
        try await ChainHost.with(Self.vms, uplink: "mode: \(mode)") { host in
            // br0 learns that it stands behind the lane.
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.b)
            _ = try await host.capture.send(flood, into: "vmb")
            try await watch.without(host) {
                try await host.ovs.vsctl("del-port", "vmb")
            } then: {
                try await host.settled([Self.vms[0]])
                // It is taught a moment after it has the flows.
                let lane = "\(try await host.laneNumber())"
                while try await host.known(Self.b).contains(where: { $0[0] == lane }) { try Task.checkCancellation() }
                // An agent that has lost its memory has told br0 of vma, too, that it may be elsewhere.
                let answer = EthernetFrame(to: ChainHost.broadcast, from: Self.a)
                _ = try await host.capture.send(answer, into: "vma")
                let toA = EthernetFrame(to: Self.a, from: Self.b)
                for wire in host.wires[0].prefix(mode == "balance-slb" ? 2 : 1) {
                    try await host.expect(toA.tagged(7), into: wire, reaches: ["vma": toA])
                }
            }
        }
    }

    /// What the agent does while a VM leaves.
    enum Watch: CaseIterable {
        case works, isPaused, isStopped
        /// Another one goes on, which knows nothing of who was there.
        case isReplaced

        func without(
            _ host: ChainHost,
            _ edit: () async throws -> Void,
            then body: () async throws -> Void
        ) async throws {
            if self == .isPaused { try await host.agent.ask("pause", "600", "bond swap") }
            if self == .isStopped || self == .isReplaced { try await host.agent.stop() }
            try await edit()
            switch self {
            case .works: try await body()
            case .isPaused:
                try await host.ovs.settled()
                try await host.agent.ask("resume")
                try await body()
            case .isStopped: try await RunningAgent.with(host.ovs) { _ in try await body() }
            case .isReplaced: try await RunningAgent.with(host.ovs, name: "b") { _ in try await body() }
            }
        }
    }

    @Test("a VM of a long list that has left while no agent was there is heard from the wire in its VLANs")
    func listedDeparture() async throws {
        let vms = [Self.vms[0], ChainHost.VM(name: "vmb", mac: Self.b, trunks: Array(1...30))]
        try await ChainHost.with(vms) { host in
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.b)
            for vlan: UInt16 in [7, 29] { _ = try await host.capture.send(flood.tagged(vlan), into: "vmb") }
            try await Watch.isReplaced.without(host) {
                try await host.ovs.vsctl("del-port", "vmb")
            } then: {
                try await host.settled([vms[0]])
                let known = try await host.known(Self.b)
                let lane = try await host.laneNumber()
                #expect(Set(known.map { $0[1] }).isSuperset(of: ["7", "29"]), "\(known)")
                #expect(known.allSatisfy { $0[0] != "\(lane)" }, "\(known)")
            }
        }
    }

    @Test(
        "a VM with every VLAN that has left is heard from the wire in those that it spoke in",
        arguments: Watch.allCases
    )
    func wholeDeparture(_ watch: Watch) async throws {
        let vms = [Self.vms[0], ChainHost.VM(name: "vmb", mac: Self.b)]
        try await ChainHost.with(vms) { host in
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.b)
            for vlan: UInt16 in [7, 29] { _ = try await host.capture.send(flood.tagged(vlan), into: "vmb") }
            try await watch.without(host) {
                try await host.ovs.vsctl("del-port", "vmb")
            } then: {
                try await host.settled([vms[0]])
                let lane = "\(try await host.laneNumber())"
                var known: [[String]] = []
                // ovs-vswitchd is asked first.
                repeat {
                    try Task.checkCancellation()
                    known = try await host.known(Self.b)
                } while known.contains { $0[0] == lane }
                #expect(Set(known.map { $0[1] }).isSuperset(of: ["7", "29"]), "\(known)")
                try await host.flush()
                let toA = EthernetFrame(to: Self.a, from: Self.b)
                try await host.expect(toA.tagged(7), into: host.wire, reaches: ["vma": toA])
            }
        }
    }

    @Test("what a bridge has learned is read by port, VLAN and address")
    func learned() {
        let table = """
             port  VLAN  MAC                Age
            LOCAL     0  aa:55:aa:55:00:01    3
            50000     7  02:00:00:00:00:0b    1
                1  4094  02:00:00:00:00:0a  static

            """
        let found = LearnedAddress.all(in: table)
        #expect(found.map { [Int($0.port), Int($0.vlan.number)] } == [[50000, 7], [1, 4094]])
        #expect(found.map { "\($0.address)" } == [Self.b, Self.a])
    }
}
