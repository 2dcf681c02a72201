import JSONRPC
import OpenFlow
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
