import JSONRPC
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// A status is made of what was looked at once only for as long as nothing of it changed.
@Suite("Rows of a status")
struct RowsStatusTests {
    private static let layout = "version: 1\nvirtualSwitches:\n  - {name: vs0, bridge: br0}\n"
    private static let replica = PlanDatabase("bridge br0\n  port br0\n    interface br0 type=internal").replica

    private static func source(_ layout: String = layout) throws -> RowsStatus.Source {
        .init(
            revision: 7,
            layout: try ActiveLayout(Array(layout.utf8), file: "layout.yaml"),
            hardware: ["eth0": NICHardware(driver: "veth")],
            flows: ["br0": FlowCounts(installed: 3, missing: 0, unmanaged: 1)],
            claims: Claims()
        )
    }

    @Test("the same once more is not looked at anew")
    func same() throws {
        #expect(RowsStatus(try Self.source(), in: Self.replica).follows(from: try Self.source()))
    }

    @Test(
        "whatever changes is seen",
        arguments: [
            { $0.revision = 8 }, { $0.hardware["eth0"]?.driver = "ixgbe" }, { $0.flows["br0"]?.missing = 1 },
            { $0.flows["br.mx"] = $0.flows["br0"] }, { $0.claims = Claims([.random(): Self.entry]) },
        ] as [@Sendable (inout RowsStatus.Source) -> Void]
    )
    func changed(_ change: @Sendable (inout RowsStatus.Source) -> Void) throws {
        let rows = RowsStatus(try Self.source(), in: Self.replica)
        var next = try Self.source()
        change(&next)
        #expect(!rows.follows(from: next))
    }

    @Test("a running agent's status follows rows, flows and layouts", .enabled(if: PrivateSwitch.reasonToSkip == nil))
    func running() async throws {
        try await RunningAgent.inSync { agent in
            let words = "Port tap9 on br0 has no tag"
            for round in 0..<3 {
                try await agent.waitForState("in-sync", lacking: words)
                try await agent.ovs.edit("add-port br0 tap9 -- set interface tap9 type=internal")
                try await agent.waitForState("in-sync", warning: words)
                try await agent.ovs.edit("set port tap9 tag=\(round + 5)")
                try await agent.waitForState("in-sync", lacking: words)
                try await agent.ovs.edit("del-port br0 tap9")
            }
            // Flows come over another road than rows.
            try await agent.ovs.tool("ovs-ofctl", ["add-flow", "br0", "priority=9,in_port=7,actions=drop"])
            let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
            while try await Self.unmanaged(agent) != 1 {
                try #require(ContinuousClock.now < deadline)
                await Task.yield()
            }
            try write(.switches(0, 3), to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            try await agent.waitForState("in-sync")
            #expect(try await agent.status()["virtualSwitches"]?.array?.count == 2)
        }
    }

    private static func unmanaged(_ agent: RunningAgent) async throws -> Int64? {
        let bridges = try await agent.status()["virtualSwitches"]?.array?.first?["bridges"]?.array
        return bridges?.first { $0["bridge"]?.string == "br0" }?["flows"]?["unmanaged"]?.integer
    }

    @Test("another layout is seen")
    func anotherLayout() throws {
        let rows = RowsStatus(try Self.source(), in: Self.replica)
        #expect(!rows.follows(from: try Self.source(Self.layout + "# another\n")))
    }

    private static let entry = Claims.Entry(
        address: EthernetAddress("52:54:00:00:00:01"),
        presence: .expected(since: 1)
    )
}
