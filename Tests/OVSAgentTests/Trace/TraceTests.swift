import Glibc
import JSONRPC
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// The way of a frame as a running agent tells it, of a real switch.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct TraceTests {
    private static let vms = [
        ChainHost.VM(name: "vm1", mac: "02:00:00:00:00:0a", tag: 10),
        ChainHost.VM(name: "vm2", mac: "02:00:00:00:00:0b", tag: 10), ChainHost.VM(name: "vml", tag: 30),
        ChainHost.VM(name: "vmt", mac: "02:00:00:00:00:0d", trunks: [10, 20, 30], addresses: "10.0.0.4,fd00::4"),
    ]
    private static let up = ["br0.local", "br.mx", "br.microseg", "br.nf", "br.dmx", "br0"]
    private static let round = up + up.dropLast().reversed()

    private static func trace(_ host: ChainHost, _ port: String, _ frame: String) async throws -> JSON {
        try await host.agent.ask("trace", port, frame)
    }

    @Test("every frame's way is told hop by hop, to where it leaves or why it does not")
    func ways() async throws {
        let down = Array(Self.up.reversed())
        let cases: [(port: String, frame: String, bridges: [String], words: String, ports: [String])] = [
            ("vm1", "dl_dst=02:00:00:00:00:0b", Self.round, "for vm2: back down the lane", ["vm2"]),
            ("vm1", "", Self.round, "for every port of VLAN 10", ["eth", "direct", "vmt", "vm2"]),
            ("vm1", "dl_vlan=0,eth_dst=02:00:00:00:00:0b", Self.round, "into VLAN 10", ["vm2"]),
            ("vml", "dl_dst=02:00:00:00:00:99", Self.up, "its source is learned", ["eth"]),
            ("vmt", "ip,nw_src=10.0.0.4,dl_vlan=10,dl_dst=02:00:00:00:00:0a", Self.round, "its addresses", ["vm1"]),
            ("eth", "dl_vlan=10,dl_dst=02:00:00:00:00:0a", down, "from the wire", ["vm1"]),
            ("eth", "dl_vlan=30,dl_dst=02:00:00:00:00:99", down, "for those that learn", ["vml"]),
            ("direct", "dl_dst=02:00:00:00:00:0b", down, "switched as in any bridge", ["vm2"]),
            ("br0", "dl_dst=02:00:00:00:00:0b", down, "has 02:00:00:00:00:0b in its VLAN", ["eth"]),
            ("br0.local.n", "dl_vlan=10,dl_dst=02:00:00:00:00:0b", ["br0.local"], "for vm2", ["vm2"]),
            ("br0.mx.s", "dl_vlan=4095", ["br.mx"], "4095 is no VLAN", []),
            ("vm1", "dl_src=02:00:00:00:00:0e", ["br0.local"], "is not the MAC that the port declares", []),
            ("vm1", "dl_vlan=10", ["br0.local"], "vm1 is an access port (VLAN 10)", []),
            ("vmt", "dl_vlan=11", ["br0.local"], "its VLAN is none of vmt's (trunk 10,20,30)", []),
            ("vmt", "dl_vlan=0", ["br0.local"], "the port takes no frame without a VLAN", []),
            ("vm1", "dl_vlan=0,dl_type=0x8100", ["br0.local"], "below the one that names no VLAN", []),
            (
                "br0.local.n", "dl_vlan=10,dl_type=0x88a8,dl_dst=02:00:00:00:00:0a", ["br0.local"],
                "receiver gets it without", []
            ),
            ("vmt", "dl_vlan=10,ip,nw_src=10.0.0.5", ["br0.local"], "external_ids:ovs-agent-addresses", []),
            ("vml", "dl_src=02:00:00:00:00:0d", ["br0.local"], "is the declared MAC of vmt", []),
            ("vm1", "dl_dst=02:00:00:00:00:0a", Self.round, "it would go back to its sender", []),
            ("vm1", "dl_dst=01:80:c2:00:00:00", ["br0.local"], "no bridge passes on", []),
            ("vm1", "dl_src=01:00:00:00:00:01", ["br0.local"], "is a multicast address", []),
            ("stray", "", ["br0.local"], "no VM port, as its interface has no external_ids:iface-id", []),
            ("eth", "dl_vlan=10,dl_src=02:00:00:00:00:0b", ["br0"], "is the MAC of vm2, which is on this host", []),
            ("other", "dl_vlan=10", ["br0"], "the bond does not take it from", []),
            ("eth", "tcp", ["br0"], "table=0, priority=999,tcp actions=drop", []),
        ]
        try await ChainHost.with(Self.vms, direct: [.init(name: "direct", tag: 10)]) { host in
            try await host.ovs.vsctl("add-port", "br0.local", "stray")
            try await host.ovs.tool("ovs-ofctl", ["add-flow", "br0", "priority=999,tcp,actions=drop"])
            let names = ["eth": host.wires[0][0], "other": host.wires[0][1]]
            for (port, frame, bridges, words, ports) in cases {
                let answer = try await Self.trace(host, names[port] ?? port, frame)
                let text = answer["text"]?.string ?? ""
                let hops = answer["hops"]?.array ?? []
                let passed = hops.compactMap { $0["bridge"]?.string }
                let delivered = answer["deliveries"]?.array?.compactMap { $0["port"]?.string } ?? []
                let expected = ports.map { names[$0] ?? $0 }
                #expect(passed == bridges, "\(text)")
                #expect(text.contains(words), "\(text)")
                #expect(Set(delivered) == Set(expected), "\(text)")
                #expect(delivered.count == ports.count, "\(text)")
                // A frame enters each bridge by the port that it left the one before for.
                for hop in hops { #expect(hop["in"]?.string != nil, "\(text)") }
                #expect((hops.last?["dropped"]?.isNull == false) == ports.isEmpty || port == "br0", "\(text)")
            }
        }
    }

    @Test("where the switch sees inner tags, the way is told up to where the frame is looked at again")
    func again() async throws {
        try await ChainHost.with(Self.vms, vlanLimit: 2) { host in
            let answer = try await Self.trace(host, "vm1", "dl_vlan=0,eth_dst=02:00:00:00:00:0b")
            let text = answer["text"]?.string ?? ""
            #expect(text.contains("its tag is taken off, and it is looked at again"), "\(text)")
            #expect(!text.contains("dropped") && !text.contains("DROPPED"), "\(text)")
        }
    }

    @Test("both clients print it, and it leaves no trace in the switch")
    func output() async throws {
        try await ChainHost.with(Self.vms) { host in
            func counters() async throws -> [String] {
                var dumps: [String] = []
                for bridge in Self.up {
                    let dump = try await host.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", bridge])
                    dumps += dump.split(separator: "\n").map { line in
                        line.split(separator: ",").filter { !$0.contains("duration=") && !$0.contains("_age=") }
                            .joined(separator: ",")
                    }
                }
                return dumps
            }
            let before = try await counters()
            let path = host.agent.controlPath
            let stock = try await host.ovs.tool(
                "ovs-appctl",
                ["-t", path, "-T", "20", "trace", "vml", "dl_dst=\(ChainHost.nowhere)"]
            )
            let own = try await host.ovs.tool(
                ControlFixture.agentctlPath,
                ["trace", "vml", "dl_dst=\(ChainHost.nowhere)", "--control", path]
            )
            #expect(stock == own)
            let wire = host.wire
            #expect(
                try await host.ovs.tool(
                    ControlFixture.agentctlPath,
                    ["trace", "vm1", "dl_dst=02:00:00:00:00:0b", "--control", path]
                ) == """
                    vm1 on br0.local, VLAN 10, 02:00:00:00:00:0a -> 02:00:00:00:00:0b
                      br0.local    in vm1          into VLAN 10; from the port's own MAC; up the lane  out br0.local.n
                      br.mx        in br0.mx.s     up the lane                                         out br0.mx.n
                      br.microseg  in br0.ms.s     up the lane; no policy                              out br0.ms.n
                      br.nf        in br0.nf.s     up the lane; no network function                    out br0.nf.n
                      br.dmx       in br0.dmx.s    up the lane                                         out br0.dmx.n
                      br0          in br0.dmx      from the VMs; for vm2: back down the lane           out br0.dmx
                      br.dmx       in br0.dmx.n    down the lane                                       out br0.dmx.s
                      br.nf        in br0.nf.n     down the lane; no network function                  out br0.nf.s
                      br.microseg  in br0.ms.n     down the lane; no policy                            out br0.ms.s
                      br.mx        in br0.mx.n     down the lane                                       out br0.mx.s
                      br0.local    in br0.local.n  down to the VMs; for vm2                            out vm2
                    delivered to vm2
                    """
            )
            let json = try await host.ovs.tool(
                ControlFixture.agentctlPath,
                ["trace", wire, "dl_vlan=10,dl_src=02:00:00:00:00:0b", "--json", "--control", path]
            )
            let answer = try JSON(parsing: json.utf8)
            #expect(answer["verdict"] == "dropped by br0")
            #expect(answer["hops"]?.array?.first?["tables"]?.array?.last?["table"] == 248)
            #expect(try await counters() == before)
        }
    }

    @Test("an ovs-vswitchd that hangs holds up nobody but who asks for a trace, and not for long")
    func hang() async throws {
        try await ChainHost.with(Self.vms) { host in
            let pid = try #require(host.ovs.switchProcess)
            try await host.ovs.killSwitch(SIGSTOP)
            async let answer = Self.trace(host, "vm1", "dl_dst=02:00:00:00:00:0b")
            #expect(try await host.agent.status()["state"]?.string != nil)
            await #expect(throws: CommandFailure.self) {
                try await UnixctlClient.ask(
                    "ovs-vswitchd",
                    "version",
                    at: "\(host.ovs.runFolder)/ovs-vswitchd.\(pid).ctl",
                    on: MultiThreadedEventLoopGroup.singleton.next(),
                    until: .now() + .milliseconds(1)
                ).get()
            }
            try await host.ovs.killSwitch(SIGCONT)
            #expect(try await answer["verdict"] == "delivered to vm2")
        }
    }

    @Test("what can't be traced is refused in words that help")
    func refusals() async throws {
        try await ChainHost.with(Self.vms) { host in
            func refusal(_ port: String, _ frame: String) async throws -> String {
                do {
                    let answer = try await Self.trace(host, port, frame)
                    return answer["text"]?.string ?? ""
                } catch ControlClientError.refused(let words) {
                    return words
                }
            }
            #expect(
                try await refusal("nope", "")
                    == "trace: there is no port nope on br0.local, br0 or the chain; VM ports: vm1, vm2, vml, vmt"
            )
            #expect(
                try await refusal("br0-up", "").hasPrefix(
                    "trace: br0-up is a bond: name one of its members (eth0, eth1)"
                )
            )
            #expect(try await refusal("vm1", "in_port=3").hasPrefix("trace: leave in_port out"))
            #expect(
                try await refusal("vm1", "dl_dst=zz").contains("bad value for dl_dst (zz: invalid Ethernet address)")
            )
            #expect(try await refusal("vm1", "nonsense=1").contains("unknown field nonsense"))

            // An ovs-vswitchd that is gone, and something else in its place.
            let folder = host.ovs.runFolder
            #expect(symlink("\(folder)/br0.mgmt", "\(folder)/ovs-vswitchd.1.ctl") == 0)
            try write("1\n", to: "\(folder)/ovs-vswitchd.pid")
            #expect(try await refusal("vm1", "").contains("a JSON-RPC message begins with '{'"))
            try write("nonsense\n", to: "\(folder)/ovs-vswitchd.pid")
            #expect(try await refusal("vm1", "").hasSuffix("holds no pid"))
            try write("2\n", to: "\(folder)/ovs-vswitchd.pid")
            #expect(try await refusal("vm1", "").contains("No such file or directory (is it running?)"))
            unlink("\(folder)/ovs-vswitchd.pid")
            #expect(try await refusal("vm1", "").contains("ovs-vswitchd.pid: No such file or directory"))
        }
    }
}
