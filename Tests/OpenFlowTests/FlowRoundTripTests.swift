import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OpenFlow

/// Flows on their way to a real ovs-vswitchd and back, compared with what the stock tool says of them.
@Suite(
    "flows in a real switch",
    .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"),
    .timeLimit(.minutes(5))
)
struct FlowRoundTripTests {
    @Test("every flow that we encode is read back by ovs-ofctl as the text that we print, and by us as the same value")
    func encoding() async throws {
        try await Self.withSwitch { ovs, watcher in
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-group", "br0", "group_id=1,type=all")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-meter", "br0", "meter=1,pktps,band=type=drop,rate=9")
            try await watcher.commit(FlowTable.flows.map { .add($0) })
            let texts = try await Self.dump(ovs)
            let ours = FlowTable.flows.map(\.description).sorted()
            for (text, own) in zip(texts, ours) where text != own { Issue.record("ovs-ofctl: \(text)\nours: \(own)") }
            #expect(texts.count == ours.count)
            let entries = try await watcher.flows()
            #expect(Set(entries.map(\.flow)) == Set(FlowTable.flows))
            #expect(entries.count == FlowTable.flows.count)
        }
    }

    @Test("a table that ovs-ofctl installed is decoded to the text that ovs-ofctl prints")
    func decoding() async throws {
        try await Self.withSwitch { ovs, watcher in
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-group", "br0", "group_id=1,type=all")
            var random = Seeded(state: 4)
            let lines = Self.lines + (0..<300).map { Self.line(number: $0, &random) }
            try await Self.install(lines, ovs)
            let texts = try await Self.dump(ovs)
            let flows = try await watcher.flows().map(\.flow)
            let ours = flows.map(\.description).sorted()
            for (text, own) in zip(texts, ours) where text != own { Issue.record("ovs-ofctl: \(text)\nours: \(own)") }
            #expect(texts.count == lines.count)

            // What was read can be written: the same flows again change nothing.
            try await watcher.commit(flows.map { .add($0) })
            #expect(try await Self.dump(ovs) == texts)
        }
    }

    /// Written by hand, in ways that an operator might choose; some are read back in another form.
    private static let lines: [String] = """
        table=1,priority=1,ip,actions=mod_vlan_vid:5,output:1
        table=1,priority=2,dl_vlan=3,dl_vlan_pcp=4,actions=strip_vlan,normal
        table=1,priority=3,in_port=LOCAL,dl_vlan=0xffff,actions=mod_dl_src:00:01:02:03:04:05,mod_dl_dst:00:01:02:03:04:05
        table=1,priority=4,tcp,tp_dst=80,actions=mod_nw_src:1.2.3.4,mod_tp_dst:8080
        table=1,priority=5,vlan_vid=0x1000/0x1000,actions=set_field:3->vlan_pcp
        table=1,priority=6,arp,arp_op=1,actions=move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],load:2->NXM_OF_ARP_OP[]
        table=1,priority=7,xxreg0=0x1/0xff,actions=set_field:0x1/0xf->xxreg1
        table=1,priority=8,ct_state=+trk+new,tcp6,actions=ct(commit,table=5,zone=NXM_NX_REG0[0..15],alg=ftp)
        table=1,priority=9,tcp6,tcp_flags=+syn-ack,actions=ct(commit,exec(set_field:1/1->ct_label,set_field:2->ct_mark))
        table=1,priority=10,ip,actions=learn(table=2,idle_timeout=1,fin_idle_timeout=2,fin_hard_timeout=3,limit=9,result_dst=NXM_NX_REG0[3],eth_type=0x800,nw_proto=6,NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],output:NXM_OF_IN_PORT[])
        table=1,priority=11,actions=learn(table=2,dl_type=0x86dd,nw_proto=6,ipv6_dst=2001:db8::1,load:NXM_NX_REG0[1..3]->NXM_NX_REG1[4..6])
        table=1,priority=12,metadata=0x5/0xf,actions=write_metadata:0x3/0x7,goto_table:9
        table=1,priority=13,icmp6,icmp_type=136,nd_target=fe80::/10,actions=flood
        table=1,priority=14,cookie=0xffffffffffffffff,idle_timeout=1000,hard_timeout=2000,importance=3,send_flow_rem,actions=all
        table=1,priority=15,udp,udp_src=0x1000/0xf000,actions=group:1
        table=1,priority=16,ip,nw_dst=10.0.0.0/255.0.255.0,actions=set_field:10->nw_ttl,dec_ttl,note:00.01
        table=1,priority=17,ipv6,actions=check_pkt_larger(66)->NXM_NX_REG1[0],resubmit(,8)
        table=1,priority=17,reg3=0x10/0x30,actions=clear_actions,write_actions(set_field:1->reg1,output:2)
        table=1,priority=18,pkt_mark=7,actions=clone(push_vlan:0x8100,set_field:4097->vlan_vid,output:2),resubmit(,9)
        table=1,priority=19,tun_id=0x10,tun_src=1.2.3.4,actions=set_field:5->tun_id
        """.split(separator: "\n").map(String.init)

    /// A line made of random parts that go together.
    private static func line(number: Int, _ random: inout Seeded) -> String {
        func hex(_ digits: Int) -> String {
            (0..<digits).map { _ in String(Int.random(in: 0..<16, using: &random), radix: 16) }.joined()
        }
        func mac() -> String { (0..<6).map { _ in hex(2) }.joined(separator: ":") }
        func ip() -> String { (0..<4).map { _ in "\(Int.random(in: 0...255, using: &random))" }.joined(separator: ".") }
        func ip6() -> String { (0..<8).map { _ in Bool.random(using: &random) ? "0" : hex(4) }.joined(separator: ":") }
        func port() -> String { "\(Int.random(in: 1...65000, using: &random))" }
        let anywhere = [
            "in_port=\(port())", "dl_src=\(mac())", "dl_dst=\(mac())/\(mac())",
            "reg\(hex(1).first == "a" ? 9 : 2)=0x\(hex(8))",
            "reg4=0x\(hex(8))/0x\(hex(8))", "metadata=0x\(hex(12))", "ct_mark=0x\(hex(3))", "ct_zone=\(port())",
            "dl_vlan=\(Int.random(in: 0..<4096, using: &random))", "vlan_tci=0x\(hex(3))/0x\(hex(3))",
            "pkt_mark=0x\(hex(4))/0xffff", "ct_state=+trk-rpl",
        ]
        let protocols = [
            ["ip", "nw_src=\(ip())", "nw_dst=\(ip())/\(Int.random(in: 1...32, using: &random))"],
            ["tcp", "tp_src=\(port())", "nw_src=\(ip())"], ["udp", "tp_dst=\(port())/0xfff0"],
            ["icmp", "icmp_type=\(Int.random(in: 0...255, using: &random))"],
            ["arp", "arp_spa=\(ip())", "arp_sha=\(mac())"],
            ["ipv6", "ipv6_src=\(ip6())", "ipv6_dst=\(ip6())/\(Int.random(in: 1...128, using: &random))"],
            ["tcp6", "tp_dst=\(port())"], ["icmp6", "icmp_type=135", "nd_target=\(ip6())"], ["dl_type=0x9\(hex(3))"],
            [],
        ]
        let actions = [
            "output:\(port())", "load:0x\(hex(4))->NXM_NX_REG5[\(hex(1).first == "b" ? "0..15" : "16..31")]",
            "set_field:0x\(hex(8))->reg6", "resubmit(\(port()),\(Int.random(in: 0..<254, using: &random)))", "NORMAL",
            "IN_PORT",
            "move:NXM_NX_REG1[0..7]->NXM_NX_REG2[8..15]", "set_field:\(mac())->eth_dst", "push_vlan:0x8100",
            "output:NXM_NX_REG7[]", "CONTROLLER:\(port())",
        ]
        let match =
            anywhere.shuffled(using: &random).prefix(.random(in: 0...4, using: &random))
            + (protocols.randomElement(using: &random) ?? [])
        // Only one of them may speak of the tag.
        let firstTag = match.firstIndex { $0.contains("vlan") }
        let kept = match.enumerated().filter { !$0.element.contains("vlan") || $0.offset == firstTag }.map(\.element)
        let done = actions.shuffled(using: &random).prefix(.random(in: 0...5, using: &random))
        return (["table=\(number % 5 + 10)", "priority=\(number)"] + kept).joined(separator: ",") + ",actions="
            + (done.isEmpty ? "drop" : done.joined(separator: ","))
    }

    // MARK: Around

    static func withSwitch(_ body: (PrivateSwitch, SwitchWatcher) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl(
                "add-br",
                "br0",
                "--",
                "set",
                "Bridge",
                "br0",
                "fail_mode=secure",
                "datapath_type=dummy"
            )
            // A thread of its own: thousands of flows would hold up the clocks of other tests.
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let watcher = SwitchWatcher(eventLoop: group.any())
            await watcher.open("\(ovs.runFolder)/br0.mgmt")
            let result: Result<Void, any Error>
            do {
                _ = try await watcher.nextUp()
                result = .success(try await body(ovs, watcher))
            } catch {
                result = .failure(error)
            }
            try await watcher.end()
            try await group.shutdownGracefully()
            try result.get()
        }
    }

    /// What `ovs-ofctl` says, a line for each flow, sorted.
    static func dump(_ ovs: PrivateSwitch) async throws -> [String] {
        let output = try await ovs.check("ovs-ofctl", "-OOpenFlow14", "--no-stats", "dump-flows", "br0")
        return output.split(separator: "\n").map { String($0.drop { $0 == " " }) }.sorted()
    }

    private static func install(_ lines: [String], _ ovs: PrivateSwitch) async throws {
        try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flows", "br0", write(lines, ovs))
    }

    /// The path of a file with these lines.
    static func write(_ lines: [String], _ ovs: PrivateSwitch) throws -> String {
        let path = "\(ovs.runFolder)/lines.txt"
        let file = try #require(fopen(path, "w"))
        for line in lines { fputs(line + "\n", file) }
        try #require(fclose(file) == 0)
        return path
    }
}
