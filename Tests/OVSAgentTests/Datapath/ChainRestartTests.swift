import Glibc
import TestSupport
import Testing

@testable import OVSAgent

/// What a starting agent finds programmed stays, in whatever order it comes to know the bridges.
@Suite("Chain: an agent that starts", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainRestartTests {
    @Test("what serves VMs on br0 stays while br0.local is not seen yet")
    func localBridgeLast() async throws {
        let vms = [
            ChainHost.VM(name: "vma", mac: "02:00:00:00:00:0a", tag: 7),
            ChainHost.VM(name: "vmb", mac: "02:00:00:00:00:0b", tag: 7),
        ]
        try await ChainHost.with(vms) { host in
            let (ovs, socket) = (host.ovs, "\(host.ovs.runFolder)/br0.local.mgmt")
            func dump(_ flow: String) async throws -> String {
                let dump = try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", "br0", flow])
                return dump.split(separator: "n_packets=").last.map { String($0.prefix { $0 != "," }) } ?? ""
            }
            let frame = EthernetFrame(to: "02:00:00:00:00:0b", from: "02:00:00:00:00:0a")
            try await host.expect(frame, into: "vma", reaches: ["vmb": frame])
            let before = (
                source: try await dump("table=240,dl_src=02:00:00:00:00:0a"),
                destination: try await dump("table=241,dl_dst=02:00:00:00:00:0b")
            )
            #expect(before.source != "0" && before.destination != "0")
            try await host.agent.stop()
            #expect(rename(socket, "\(socket).away") == 0)
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("degraded", reason: "br0.local")
                // Shows that the agent works on the bridges that it sees.
                try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "del-flows", "br.mx"])
                try await agent.waitForEvent("repaired", object: "Flow br.mx table=0")
                #expect(rename("\(socket).away", socket) == 0)
                try await agent.waitForState("in-sync")
                try await host.settled()
            }
            // A flow that is made anew counts anew.
            #expect(try await dump("table=240,dl_src=02:00:00:00:00:0a") == before.source)
            #expect(try await dump("table=241,dl_dst=02:00:00:00:00:0b") == before.destination)
        }
    }
}
