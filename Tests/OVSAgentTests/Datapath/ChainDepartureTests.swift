import TestSupport
import Testing

@testable import OVSAgent

/// A port that learns which goes, and stations that stood behind it and stand elsewhere now.
@Suite("Chain: what stood behind a port", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainDepartureTests {
    private static let a = "02:00:00:00:00:0a"
    private static let b = "02:00:00:00:00:0b"
    private static let vms = [
        ChainHost.VM(name: "vma", mac: a, tag: 7), ChainHost.VM(name: "vml", tag: 7), ChainHost.VM(name: "vmm", tag: 7),
    ]

    @Test(
        "frames for a station that has moved away find it when its former port goes",
        arguments: [["del-port", "vml"], ["remove", "interface", "vml", "external_ids", "iface-id"], []],
        ChainPresenceTests.Watch.allCases
    )
    func learned(unplug: [String], _ watch: ChainPresenceTests.Watch) async throws {
        try await ChainHost.with(Self.vms) { host in
            let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.b)
            let other = EthernetFrame(to: ChainHost.broadcast, from: ChainHost.outside)
            let toB = EthernetFrame(to: Self.b, from: Self.a)
            let toOther = EthernetFrame(to: ChainHost.outside, from: Self.a)
            try await host.expect(
                flood,
                into: "vml",
                reaches: ["vma": flood, "vmm": flood, host.wire: flood.tagged(7)]
            )
            try await host.expect(
                other,
                into: "vmm",
                reaches: ["vma": other, "vml": other, host.wire: other.tagged(7)]
            )
            try await host.expect(toB, into: "vma", reaches: ["vml": toB])
            // It speaks from the wire only after the port has gone, or before that, too.
            if watch == .works { _ = try await host.capture.send(flood.tagged(7), into: host.wire) }
            let (ovs, database) = (host.ovs, ["--db=\(host.ovs.databaseRemote)", "--timeout=20"])
            try await watch.without(host) {
                if unplug.isEmpty {
                    try await ovs.tool("ovs-appctl", ["netdev-dummy/set-admin-state", "vml", "down"])
                } else {
                    try await ovs.tool("ovs-vsctl", database + unplug)
                }
            } then: {
                try await host.settled([Self.vms[0], Self.vms[2]])
                // ovs-vswitchd is asked first.
                let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                while true {
                    let arrivals = try await host.capture.send(toB, into: "vma")
                    if arrivals == [host.wire: [toB.tagged(7)]] { break }
                    try #require(ContinuousClock.now < deadline, "\(arrivals)")
                }
                let toA = EthernetFrame(to: Self.a, from: Self.b)
                try await host.expect(toA.tagged(7), into: host.wire, reaches: ["vma": toA])
                // Nobody else is forgotten.
                try await host.expect(toOther, into: "vma", reaches: ["vmm": toOther])
            }
        }
    }
}
