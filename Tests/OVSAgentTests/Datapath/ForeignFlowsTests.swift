import OpenFlow
import Testing

@testable import OVSAgent

/// Somebody else's flows on brN, as a table: which of them can take whose frames.
@Suite("Foreign flows")
struct ForeignFlowsTests {
    private static let (lanePort, members): (UInt32, [UInt32]) = (40000, [1, 2])

    /// What brN has with two uplink members, as the program compiles it.
    private static func kept(_ foreign: [Flow], controllers: Set<UInt32> = []) -> KeptFlows {
        let lane = LanePorts(
            lane: Lane(0)!,
            numbers: [.uplink: lanePort],
            uplinkMembers: members,
            vmPorts: []
        )
        let own = lane.uplinkCommon()
        let wanted = Dictionary(own.map { ($0.key, $0) }) { $1 }
        var kept = KeptFlows(.own, installed: own + foreign, wanted: wanted)
        _ = kept.know(controllers: controllers)
        return kept
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String { "\(flow)" }
        var flow: Flow
        var victims: ForeignFlows.Victims

        init(_ flow: Flow, _ victims: ForeignFlows.Victims) { (self.flow, self.victims) = (flow, victims) }
    }

    static let cases = [
        Case(Flow(priority: 1000), [.vms, .wire, .host]),
        Case(Flow(priority: 200), [.vms, .wire, .host]),
        Case(Flow(priority: 199), [.wire, .host]),
        Case(Flow(priority: 149), .host),
        Case(Flow(priority: 1), .host),
        Case(Flow(priority: 1000, Match(.inPort(1))), .wire),
        Case(Flow(priority: 149, Match(.inPort(2))), []),
        Case(Flow(priority: 1000, Match(.inPort(lanePort))), .vms),
        Case(Flow(priority: 150, Match(.inPort(lanePort))), []),
        Case(Flow(priority: 1000, Match(.inPort(SwitchPort.local))), .host),
        // A port of the operator's own.
        Case(Flow(priority: 1000, Match(.inPort(9))), []),
        // Beside the flow that switches, of the same priority.
        Case(Flow(priority: 0, Match(.ethernetType(.ipv4))), .host),
        Case(Flow(priority: 0, Match(.ethernetType(.ipv4)), actions: [.normal]), []),
        // Less than all frames are still somebody's.
        Case(Flow(priority: 1000, Match(.ethernetType(.arp))), [.vms, .wire, .host]),
        Case(Flow(priority: 1000, Match(.inPort(1), .ethernetType(.ipv4)), actions: [.output(9)]), .wire),
        // The host's frames are switched by the bridge in any case.
        Case(Flow(priority: 10, actions: [.normal]), []),
        Case(Flow(priority: 1000, actions: [.normal]), [.vms, .wire]),
        // No frame of these ports comes through a tunnel, or has a register before the first flow.
        Case(Flow(priority: 1000, Match(FieldMatch(.tunnelID, 5))), []),
        Case(Flow(priority: 1000, Match(.register(3, 1))), []),
        // Reached from nowhere.
        Case(Flow(table: 7, priority: 1000), []),
    ]

    @Test("a flow takes the frames that it may match before ours do", arguments: cases)
    func table(_ one: Case) {
        #expect(Self.kept([one.flow]).foreign.summary.victims == one.victims)
        #expect(Self.kept([one.flow]).counts.unmanaged == 1)
        // The same, told later.
        var kept = Self.kept([])
        let concernsAdded = kept.told(.flowAdded(one.flow))
        #expect(!concernsAdded)
        #expect(kept.foreign.summary.victims == one.victims)
        let concernsRemoved = kept.told(.flowRemoved(one.flow, .deleted))
        #expect(!concernsRemoved)
        #expect(kept.foreign.summary == ForeignFlows.Summary())
        #expect(kept.counts.unmanaged == 0)
    }

    @Test("what a flow takes follows the ports that lead to the wire")
    func otherMembers() {
        let flow = Flow(priority: 1000, Match(.inPort(7)))
        var kept = Self.kept([flow])
        #expect(kept.foreign.summary.victims == [])
        let member = Flow(priority: 150, Match(.inPort(7)), actions: [], goto: UplinkTable.wire.rawValue)
        kept.want(FlowChanges(from: [], to: [member]))
        #expect(kept.foreign.summary.victims == .wire)
        kept.want(FlowChanges(from: [member], to: []))
        #expect(kept.foreign.summary.victims == [])
    }

    @Test(
        "a flow that takes the frames of the controller VM alone is told",
        arguments: [
            Case(Flow(priority: 1000, Match(.inPort(9))), .controller),
            Case(Flow(priority: 0, Match(.inPort(9), .ethernetType(.arp))), .controller),
            Case(Flow(priority: 1000, Match(.inPort(9)), actions: [.normal]), []),
            Case(Flow(priority: 1000, Match(.inPort(8))), []),
            Case(Flow(priority: 1000), [.vms, .wire, .host, .controller]),
        ]
    )
    func controller(_ one: Case) {
        #expect(Self.kept([one.flow], controllers: [9]).foreign.summary.victims == one.victims)
        var kept = Self.kept([one.flow])
        let isNews = kept.know(controllers: [9])
        #expect(isNews && kept.foreign.summary.victims == one.victims)
        let isOver = kept.know(controllers: [])
        #expect(isOver && !kept.foreign.summary.victims.contains(.controller))
    }

    @Test("of many flows the warning names the first few and how many more there are")
    func many() throws {
        let flows = (0..<50).map { Flow(priority: 1000 + UInt16($0), Match(.inPort(1))) }
        let warning = try #require(Self.kept(flows).foreign.summary.warning(of: "br0"))
        #expect(warning.contains("from the wire: priority=1049,in_port=1 actions=drop; priority=1048"))
        #expect(warning.contains("and 47 more") && !warning.contains("of the VMs"))
        #expect(Self.kept([]).foreign.summary.warning(of: "br0") == nil)
    }
}
