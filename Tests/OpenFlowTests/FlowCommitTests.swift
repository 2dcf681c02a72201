import Glibc
import NIOCore
import TestSupport
import Testing

@testable import OpenFlow

/// Changes of flow tables that happen as one, against a real ovs-vswitchd.
@Suite(
    "a bundle of flows",
    .enabled(if: PrivateSwitch.reasonToSkip == nil, "\(PrivateSwitch.reasonToSkip ?? "")"),
    .timeLimit(.minutes(5))
)
struct FlowCommitTests {
    @Test("with a bad member changes nothing, and the error names it")
    func badMember() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let old = Flow(table: 1, Match(.inPort(1)), cookie: 1, actions: [.output(2)])
            try await watcher.commit([.add(old)])
            let before = try await FlowRoundTripTests.dump(ovs)
            // The switch finds the first fault when it reads the message, the second when it looks at its tables, the
            // third when it carries the bundle out.
            let bad: [Flow] = [
                Flow(table: 2, Match(.tcpDestination(80))),
                Flow(table: 2, actions: [.group(99)]),
                Flow(
                    key: .init(table: 1, priority: Flow.defaultPriority, match: Match(.inPort(1), .vlan(3))),
                    flags: .checkOverlap,
                    instructions: Instructions()
                ),
            ]
            for flow in bad {
                let mods: [FlowMod] = [
                    .add(Flow(table: 3, cookie: 7)), .deleteStrict(old.key), .add(Flow(table: 1, cookie: 8)),
                    .add(flow), .add(Flow(table: 4)),
                ]
                let error = await #expect(throws: OpenFlowError.self) { try await watcher.commit(mods) }
                guard case .flowRefused(.add(flow), let message) = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(!message.description.contains("code"), "\(message) has a name")
                #expect(try await FlowRoundTripTests.dump(ovs) == before)
            }
            // The session goes on.
            try await watcher.commit([.deleteStrict(old.key)])
            #expect(try await watcher.flows().isEmpty)
        }
    }

    @Test("does what each command says, and leaves the counters of flows that stay")
    func commands() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            try await ovs.vsctl("add-port", "br0", "p1", "--", "set", "Interface", "p1", "ofport_request=1")
            let match = Match(.inPort(1))
            let first = Flow(match, cookie: 0x10, goto: 1)
            try await watcher.commit([.add(first), .add(Flow(table: 1, cookie: 0x20))])
            try await ovs.check(
                "ovs-appctl",
                "-t",
                "ovs-vswitchd",
                "netdev-dummy/receive",
                "p1",
                "ffffffffffff0a0b0c0d0e0f88b50001"
            )
            var counted: [FlowEntry] = []
            repeat { counted = try await watcher.flows() } while !counted.allSatisfy { $0.packetCount == 1 }
            #expect(counted.allSatisfy { $0.byteCount > 0 })

            // The same again, another one in its place, and another action.
            try await watcher.commit([.add(first)])
            #expect(try await watcher.flows(FlowFilter(table: 0)) == counted.filter { $0.flow == first })
            var second = first
            second.cookie = 0x11
            try await watcher.commit([.add(second)])
            var third = second
            third.instructions.actions = [.output(9)]
            try await watcher.commit([.modifyStrict(third)])
            #expect(try await watcher.flows(FlowFilter(table: 0)).map(\.flow) == [third])
            #expect(try await watcher.flows(FlowFilter(table: 0)).map(\.packetCount) == [1])
            third.flags = .resetCounts
            try await watcher.commit([.add(third)])
            #expect(try await watcher.flows(FlowFilter(table: 0)).map(\.packetCount) == [0])

            // A flow that is not there is not modified, and what belongs to somebody else is not deleted.
            try await watcher.commit([.modifyStrict(Flow(table: 7)), .deleteStrict(third.key, cookie: .init(0x99))])
            #expect(try await watcher.flows().count == 2)
            #expect(try await watcher.flows(FlowFilter(cookie: .init(0x20, mask: 0xf0))).map(\.flow.table) == [1])
            try await watcher.commit([.delete(FlowFilter(cookie: .init(0x10, mask: 0xf0)))])
            #expect(try await watcher.flows().map(\.flow.table) == [1])
            try await watcher.commit([.delete(FlowFilter(table: 2)), .delete(.init(table: 1, match: match))])
            #expect(try await watcher.flows().count == 1)
            try await watcher.commit([.delete(.all)])
            #expect(try await watcher.flows().isEmpty)
            try await watcher.commit([])
        }
    }

    @Test("of 10,000 flows is taken as one, and read back in many parts")
    func many() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let flows = (0..<10_000).map { index -> Flow in
                let source = EthernetAddress(rawValue: UInt64(index))
                return Flow(
                    table: UInt8(index % 50),
                    Match(.inPort(UInt32(index % 1000 + 1)), .vlan(UInt16(index % 4000)), .ethernetSource(source)),
                    cookie: UInt64(index),
                    actions: [.load(UInt64(index), .register(2))],
                    goto: 60
                )
            }
            try await watcher.commit(flows.map { .add($0) })
            #expect(Set(try await watcher.flows().map(\.flow)) == Set(flows))

            // Requests that do not wait for each other are answered each with its own.
            let every = try await watcher.issue { $0.flows() }
            let some = try await watcher.issue { $0.flows(FlowFilter(table: 49)) }
            let deleted = try await watcher.issue { $0.commit(flows.map { .deleteStrict($0.key) }) }
            let refused = try await watcher.issue { $0.commit([.add(Flow(actions: [.group(99)]))]) }
            let none = try await watcher.issue { $0.flows(FlowFilter(cookie: .init(.max))) }
            let barrier = try await watcher.issue { $0.barrier() }
            #expect(try await every.get().count == 10_000)
            #expect(try await some.get().count == 200)
            #expect(try await none.get().isEmpty)
            try await barrier.get()
            try await deleted.get()
            await #expect(throws: OpenFlowError.self) { try await refused.get() }
            #expect(try await watcher.flows().isEmpty)
        }
    }

    @Test("that no message can hold is refused before anything is sent")
    func tooLong() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            let longest = Flow(actions: (1...4080).map { .output($0) })
            try await watcher.commit([.add(longest)])
            let longer = Flow(table: 1, actions: (1...4200).map { .output($0) })
            await #expect(throws: OpenFlowError.tooLong(.add(longer))) {
                try await watcher.commit([.add(Flow(table: 2)), .add(longer)])
            }
            #expect(try await watcher.flows().map(\.flow) == [longest])
        }
    }

    @Test("that the connection does not survive fails with the reason why it ended")
    func lost() async throws {
        try await FlowRoundTripTests.withSwitch { ovs, watcher in
            try await ovs.killSwitch(SIGSTOP)
            let flows = try await watcher.issue { $0.flows() }
            let commit = try await watcher.issue { $0.commit([.add(Flow())]) }
            try await ovs.killSwitch(SIGKILL)
            await #expect(throws: OpenFlowError.self) { try await flows.get() }
            await #expect(throws: OpenFlowError.self) { try await commit.get() }
            _ = try await watcher.nextOutage()
            await #expect(throws: OpenFlowError.self) { try await watcher.flows() }
        }
    }
}
