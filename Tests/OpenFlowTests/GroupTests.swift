import NIOCore
import TestSupport
import Testing

@testable import OpenFlow

/// Groups, meters, ports and settings on their way to a real ovs-vswitchd and back, compared with what the stock tool
/// says of them.
@Suite(
    "groups and meters in a real switch",
    .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"),
    .timeLimit(.minutes(5))
)
struct GroupTests {
    static let groups = [
        Group(
            1,
            .all,
            buckets: [.init(actions: [.output(1)]), .init(actions: [.pushVLAN(), .setVLAN(5), .output(2)])]
        ),
        Group(
            2,
            .fastFailover,
            buckets: [
                .init(watchPort: 1, actions: [.output(1)]),
                .init(watchPort: SwitchPort.local, watchGroup: 1, actions: [.resubmit(table: 20)]),
            ]
        ),
        Group(3, .select, buckets: [.init(weight: 5, actions: [.inPort]), .init(weight: 1), .init(weight: 0)]),
        Group(0xffff_ff00, .indirect, buckets: [.init(actions: [.group(3)])]), Group(5, .all),
    ]

    static let meters = [
        Meter(
            1,
            .packets,
            hasBursts: true,
            hasStatistics: true,
            bands: [.init(.drop, rate: 9, burst: 3), .init(.drop, rate: 19, burst: 40)]
        ),
        Meter(0xffff, .kilobits, bands: [.init(.drop, rate: 1_000_000)]),
        Meter(Meter.controller, .packets, hasStatistics: true, bands: [.init(.drop, rate: 100)]),
    ]

    @Test("those that we make are read back by ovs-ofctl as the text that we print, and by us as the same value")
    func encoding() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let mods = Self.groups.map { SwitchMod.group(.add($0)) } + Self.meters.map { .meter(.add($0)) }
            try await watcher.issue { $0.apply(mods) }.get()
            #expect(try await Self.dumpGroups(ovs) == Self.groups.map(\.description).sorted())
            let (texts, ours) = (try await Self.dumpMeters(ovs), Self.meters.map(\.description).sorted())
            #expect(texts == ours)
            #expect(Set(try await watcher.issue { $0.groups() }.get()) == Set(Self.groups))
            #expect(Set(try await watcher.issue { $0.meters() }.get()) == Set(Self.meters))

            let changed = [
                SwitchMod.group(.modify(Group(1, .all))), .group(.delete(2)), .meter(.delete(1)),
                .meter(.modify(Meter(0xffff, .packets, bands: [.init(.drop, rate: 7)]))),
            ]
            try await watcher.issue { $0.apply(changed) }.get()
            #expect(try await Self.dumpGroups(ovs).contains("group_id=1,type=all"))
            #expect(try await Self.dumpGroups(ovs).count == 4)
            #expect(try await Self.dumpMeters(ovs).contains("meter=65535 pktps bands= type=drop rate=7"))
            #expect(try await Self.dumpMeters(ovs).count == 2)
            try await watcher.issue { $0.apply([.group(.deleteAll), .meter(.deleteAll)]) }.get()
            #expect(try await Self.dumpGroups(ovs) == [])
            #expect(try await Self.dumpMeters(ovs) == [])
        }
    }

    @Test("those that ovs-ofctl made are decoded to the text that ovs-ofctl prints, many of them in several parts")
    func decoding() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let actions = "set_field:02:00:00:00:00:01->eth_dst,ct(commit,table=9,zone=7),output:7"
            let bucket = "bucket=watch_port:7,actions=\(actions)"
            let lines = (1...2000).map { "group_id=\($0),type=ff,\(bucket),\(bucket)" }
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-groups", "br0", FlowRoundTripTests.write(lines, ovs))
            let groups = try await watcher.issue { $0.groups() }.get()
            let (texts, ours) = (try await Self.dumpGroups(ovs), groups.map(\.description).sorted())
            #expect(zip(texts, ours).first { $0 != $1 }.map { [$0, $1] } == nil)
            #expect(texts.count == 2000 && ours.count == 2000)

            let meters = [
                "meter=1,kbps,stats,band=type=drop,rate=9", "meter=2,pktps,burst,band=type=drop,rate=9,burst_size=4",
            ]
            for meter in meters { try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-meter", "br0", meter) }
            let own = try await watcher.issue { $0.meters() }.get().map(\.description).sorted()
            #expect(try await Self.dumpMeters(ovs) == own)
            #expect(own.count == 2)
        }
    }

    @Test("what can't be taken is refused by name, the others are made, and what we do is not told as somebody else's")
    func refused() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let (group, meter) = (Group(1, .all), Meter(2, .packets, bands: [.init(.drop, rate: 9)]))
            let mods = [SwitchMod.group(.add(group)), .group(.add(group)), .meter(.modify(meter)), .meter(.add(meter))]
            let error = OpenFlowError.modsRefused([
                RefusedMod(mods[1], ErrorMessage(type: 6, code: 0)),
                RefusedMod(mods[2], ErrorMessage(type: 12, code: 3)),
            ])
            await #expect(throws: error) { try await watcher.issue { $0.apply(mods) }.get() }
            #expect(try await Self.dumpGroups(ovs).count == 1)
            #expect(try await Self.dumpMeters(ovs).count == 1)
            let long = SwitchMod.group(
                .add(Group(3, .all, buckets: Array(repeating: .init(actions: [.output(1)]), count: 2048)))
            )
            await #expect(throws: OpenFlowError.modTooLong(long)) { try await watcher.issue { $0.apply([long]) }.get() }

            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "--may-create", "mod-group", "br0", "group_id=4,type=all")
            let bucket = "group_id=4,command_bucket_id=last,bucket=drop"
            try await ovs.check("ovs-ofctl", "-OOpenFlow15", "insert-buckets", "br0", bucket)
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-groups", "br0", "group_id=4")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-meters", "br0")
            let changes = try await watcher.changes { $0 == .meterChanged(.deleteAll) }
            #expect(
                changes == [
                    .groupChanged(.add(Group(4, .all))), .groupChanged(.modify(Group(4, .all, buckets: [.init()]))),
                    .groupChanged(.delete(4)), .meterChanged(.deleteAll),
                ]
            )
        }
    }

    @Test("a meter that remarks has the layout that ovs-ofctl knows")
    func remarking() async throws {
        let meter = Meter(2, .kilobits, bands: [.init(.remark(levels: 3), rate: 9)])
        #expect(meter.description == "meter=2 kbps bands= type=dscp_remark rate=9 prec_level=3")
        var buffer = ByteBuffer()
        try buffer.writeMods([.meter(.add(meter))], firstXID: 7)
        let bytes = "051d0020 00000007 0000 0001 00000002 0002 0010 00000009 00000000 03 000000 05140008 00000008"
        #expect(buffer == ByteBuffer(hex: bytes))
        var body = ByteBuffer(hex: "0000 0001 00000002 0002 0010 00000009 00000000 03 000000")
        #expect(try MeterMod(decoding: &body) == .add(meter))
    }

    @Test(
        "bits of a port are cleared, a port that has gone is not taken for another, and fragments are handled as said"
    )
    func settings() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            try await ovs.vsctl("add-port", "br0", "p1")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-port", "br0", "p1", "no-receive")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-port", "br0", "p1", "no-forward")
            let marked = try await watcher.nextUp { $0.ports["p1"]?.configuration == [.noReceive, .noForward] }
            var port = try #require(marked.ports["p1"])
            #expect(port.configuration.description == "NO_RECV NO_FWD")
            let mod = PortMod(clearing: .noReceive, of: port)
            try await watcher.issue { $0.apply([.port(mod)]) }.get()
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-port", "br0", "p1", "no-packet-in")
            _ = try await watcher.nextUp { $0.ports["p1"]?.configuration == [.noForward, .noPacketIn] }
            await watcher.refresh()
            _ = try await watcher.nextUp { $0.ports["p1"]?.configuration == [.noForward, .noPacketIn] }
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-port", "br0", "p1", "packet-in")
            port.hardwareAddress = .broadcast
            let wrong = SwitchMod.port(PortMod(clearing: .noForward, of: port))
            await #expect(throws: OpenFlowError.modsRefused([RefusedMod(wrong, ErrorMessage(type: 7, code: 1))])) {
                try await watcher.issue { $0.apply([wrong]) }.get()
            }
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "set-frags", "br0", "drop")
            #expect(try await watcher.issue { $0.configuration() }.get().fragments == .drop)
            try await watcher.issue { $0.apply([.fragments(.normal)]) }.get()
            #expect(try await ovs.check("ovs-ofctl", "-OOpenFlow14", "get-frags", "br0").hasPrefix("normal"))
            // Announcements go on.
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-port", "br0", "p1", "forward")
            _ = try await watcher.nextUp { $0.ports["p1"]?.configuration == [] }
        }
    }

    @Test("a connection leaves the handling of fragments as it finds it")
    func fragmentsStay() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "set-frags", "br0", "nx-match")
            let second = SwitchWatcher(eventLoop: watcher.eventLoop)
            await second.open("\(ovs.runFolder)/br0.mgmt")
            _ = try await second.nextUp()
            #expect(try await second.issue { $0.configuration() }.get().fragments == .niciraMatch)
            try await second.end()
        }
    }

    private static func dumpGroups(_ ovs: PrivateSwitch) async throws -> [String] {
        let output = try await ovs.check("ovs-ofctl", "-OOpenFlow14", "dump-groups", "br0")
        let lines = output.split(separator: "\n").filter { $0.hasPrefix(" ") }
        return lines.map { String($0.dropFirst()) }.sorted()
    }

    /// With the bands of each on the meter's own line.
    private static func dumpMeters(_ ovs: PrivateSwitch) async throws -> [String] {
        var meters: [String] = []
        let output = try await ovs.check("ovs-ofctl", "-OOpenFlow14", "dump-meters", "br0")
        for line in output.split(separator: "\n").dropFirst() {
            if line.hasPrefix("type=") { meters[meters.count - 1] += " " + line } else { meters.append(String(line)) }
        }
        return meters.sorted()
    }
}
