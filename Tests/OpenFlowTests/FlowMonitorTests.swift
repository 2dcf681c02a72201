import NIOCore
import TestSupport
import Testing

@testable import OpenFlow

/// What others do to a real switch, as the connection reports it.
@Suite(
    "a flow monitor",
    .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"),
    .timeLimit(.minutes(5))
)
struct FlowMonitorTests {
    @Test("tells the flows that are there, and then what is added, changed, deleted and expired, by whomever")
    func others() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let own = Flow(table: 5, Match(.inPort(1)), cookie: 5, actions: [.output(2)])
            try await watcher.commit([.add(own)])
            let initial = try await watcher.issue { $0.monitorFlows() }
            #expect(try await initial.get() == [own])

            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flow", "br0", "table=1,cookie=7,actions=drop")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "mod-flows", "br0", "table=1,actions=output:9")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flow", "br0", "table=5,in_port=1,actions=output:3")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-flows", "br0")
            let changes = try await watcher.changes { $0.removes(table: 5) }
            let expected: Set<SwitchChange> = [
                .flowAdded(Flow(table: 1, cookie: 7)), .flowModified(Flow(table: 1, cookie: 7, actions: [.output(9)])),
                .flowRemoved(Flow(table: 1, cookie: 7, actions: [.output(9)]), .deleted),
                .flowAdded(Flow(table: 5, Match(.inPort(1)), actions: [.output(3)])),
                .flowRemoved(Flow(table: 5, Match(.inPort(1)), actions: [.output(3)]), .deleted),
            ]
            // The last two may come in either order.
            #expect(expected.isSuperset(of: changes))
            #expect(changes.starts(with: [.flowAdded(Flow(table: 1, cookie: 7))]))
            #expect(changes.count >= 4)

            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flow", "br0", "table=2,hard_timeout=1,actions=drop")
            _ = try await watcher.changes {
                if case .flowRemoved(let flow, .hardTimeout) = $0 { flow.table == 2 } else { false }
            }
        }
    }

    @Test("tells our own changes as such, in their place among those of others")
    func own() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            _ = try await watcher.issue { $0.monitorFlows() }.get()
            let flow = Flow(table: 1, cookie: 7, actions: [.output(2)])
            try await watcher.commit([.add(flow), .add(Flow(table: 2))])
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flow", "br0", "table=3,actions=drop")
            try await watcher.commit([.delete(.all)])
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-flow", "br0", "table=4,actions=drop")
            let changes = try await watcher.changes { $0 == .flowAdded(Flow(table: 4)) }
            #expect(changes == [.ownFlows, .flowAdded(Flow(table: 3)), .ownFlows, .flowAdded(Flow(table: 4))])
        }
    }

    @Test("of one table tells nothing of another, and a switch with 5,000 flows tells them all at first")
    func tables() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let flows = (0..<5000).map { Flow(table: 3, priority: UInt16($0), Match(.vlan(7)), actions: [.output(1)]) }
            try await watcher.commit(flows.map { .add($0) } + [.add(Flow(table: 4))])
            let initial = try await watcher.issue { $0.monitorFlows(table: 3) }
            #expect(Set(try await initial.get()) == Set(flows))
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-flows", "br0", "table=4")
            try await ovs.check(
                "ovs-ofctl",
                "-OOpenFlow14",
                "--strict",
                "del-flows",
                "br0",
                "table=3,priority=9,dl_vlan=7"
            )
            let changes = try await watcher.changes { $0.removes(table: 3) }
            #expect(changes == [.flowRemoved(flows[9], .deleted)])

            // Every flow at once, as an operator's slip of the hand would do: all of them are told.
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-flows", "br0")
            var gone: Set<Flow> = []
            while gone.count < 4999 {
                for case .flowRemoved(let flow, _) in try await watcher.changes(until: { _ in true }) {
                    gone.insert(flow)
                }
            }
            #expect(gone == Set(flows).subtracting([flows[9]]))
        }
    }

    @Test("that the switch does not accept is an error, and the session goes on")
    func refused() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let refused = try await watcher.issue { $0.monitorFlows(match: Match(.tcpSource(1))) }
            await #expect(throws: OpenFlowError.self) { try await refused.get() }
            #expect(try await watcher.flows().isEmpty)
        }
    }

    @Test("groups and meters that others change are told without any monitor")
    func groups() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-group", "br0", "group_id=7,type=all")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "add-meter", "br0", "meter=2,pktps,band=type=drop,rate=9")
            try await ovs.check("ovs-ofctl", "-OOpenFlow14", "del-groups", "br0")
            let changes = try await watcher.changes { $0 == .groupChanged(.deleteAll) }
            let meter = Meter(2, .packets, bands: [.init(.drop, rate: 9)])
            #expect(
                changes == [.groupChanged(.add(Group(7, .all))), .meterChanged(.add(meter)), .groupChanged(.deleteAll)]
            )
        }
    }
}

extension SwitchChange {
    fileprivate func removes(table: UInt8) -> Bool {
        if case .flowRemoved(let flow, _) = self { flow.table == table } else { false }
    }
}
