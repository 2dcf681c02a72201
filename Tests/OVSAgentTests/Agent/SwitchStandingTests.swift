import NIOCore
import OVSDB
import OpenFlow
import Testing

@testable import OVSAgent

/// What ovs-vswitchd has said, and what follows from it: by script, without a switch.
struct SwitchStandingTests {
    private static let counts = FlowCounts(installed: 3, missing: 0, unmanaged: 0)
    private static let up = SwitchConnection.State.up(SwitchStatus(datapathID: 1, ports: SwitchPorts(), flowCount: 3))
    private static let down = SwitchConnection.State.down(.init(socketName: "br0.mgmt", error: .lost(errno: nil)))

    private static func serving(_ bridges: String...) -> SwitchStanding {
        var standing = SwitchStanding(now: .now())
        _ = standing.follow(bridges)
        let service = standing.serveAnew()
        for bridge in bridges {
            expect(standing.heard(up, of: bridge))
            expect(standing.has(counts, .init(), on: bridge, service: service)?.isFirst == true)
        }
        return standing
    }

    @Test("bridges that are wanted are followed, what is known of the others is forgotten")
    func follow() {
        var standing = Self.serving("br0", "br.mx")
        expect(standing.follow(["br.mx", "br0"]) == nil)
        expect(standing.follow(["br.mx", "br1"]) == ["br0"])
        #expect(standing["br0"] == nil && standing["br.mx"]?.flows == Self.counts)
        #expect(standing.outages.keys.sorted() == ["br1"] && standing.isAnyOut)
        expect(standing.follow([String]())?.sorted() == ["br.mx", "br1"])
        // Nobody's word counts of a bridge that is none of ours.
        expect(!standing.heard(Self.up, of: "br0"))
        expect(standing.has(Self.counts, .init(), on: "br0", service: standing.service) == nil)
        expect(!standing.refuses("full", on: "br0"))
        standing.noteUnwatched("br0")
        standing.noteFlushed(["br0"])
        #expect(standing.bridges.isEmpty && standing.flushed == [])
    }

    @Test("what was told of flows for an earlier service says nothing of this one")
    func service() {
        var standing = Self.serving("br0")
        let former = standing.service
        let service = standing.serveAnew()
        #expect(service != former && standing.flows == [:])
        expect(standing.has(Self.counts, .init(), on: "br0", service: former) == nil)
        #expect(standing.flows == [:])
        expect(
            standing.has(Self.counts, .init(), on: "br0", service: service) == .init(isFirst: true, hadFailed: false)
        )
        expect(
            standing.has(Self.counts, .init(), on: "br0", service: service) == .init(isFirst: false, hadFailed: false)
        )
    }

    @Test("with its connection a bridge loses what is known of its flows, and not why it took none")
    func down() {
        var standing = Self.serving("br0", "br.mx")
        standing.noteUnwatched("br0")
        expect(standing.refuses("full", on: "br0"))
        expect(!standing.refuses("full", on: "br0"))
        expect(standing.refuses("fuller", on: "br0"))
        expect(standing.heard(Self.down, of: "br0"))
        #expect(standing["br0"]?.isUnwatched == false && standing["br0"]?.failure == "fuller")
        #expect(standing.flows.keys.sorted() == ["br.mx"])
        #expect(standing.outages.mapValues { "\($0)" } == ["br0": "br0.mgmt: closed by the switch"])
        expect(standing.heard(Self.up, of: "br0"))
        #expect(!standing.isAnyOut)
        let served = standing.has(Self.counts, .init(), on: "br0", service: standing.service)
        #expect(served == .init(isFirst: true, hadFailed: true) && standing["br0"]?.failure == nil)
    }

    @Test("a configuration is new once, and flushed bridges are looked at until that is over")
    func configurations() {
        var standing = Self.serving("br0", "br.mx")
        expect(standing.isNew(4))
        expect(!standing.isNew(4))
        expect(standing.isNew(5))
        expect(standing.isNew(nil))
        standing.noteFlushed(["br.mx", "br9"])
        #expect(standing.flushed == ["br.mx"])
        standing.lookedAtFlushed()
        #expect(standing.flushed == [])
    }

    @Test("all is applied when each bridge that stands has its flows and its ports under their numbers")
    func applied() throws {
        var planning = PlanningAgent(database: PlanDatabase(""))
        try planning.settle()
        let replica = planning.database.replica
        var planner = RowPlanner(layout: planning.layout, schema: replica.schema)
        _ = planner.plan(replica, provenance: &planning.provenance)
        let bridges = try #require(planner.desired?.bridges)
        let names = bridges.map(\.row.name)
        var standing = SwitchStanding(now: .now())
        _ = standing.follow(names)
        let service = standing.serveAnew()
        func words() -> [String] { standing.unapplied(bridges, replica, socketsIn: "/run/x").map(\.text) }
        #expect(words().count == 1 && words()[0].hasPrefix("ovs-vswitchd answers for none of the bridges"))
        #expect(!standing.hasApplied(bridges, replica))
        for bridge in bridges {
            let interfaces = bridge.ports.flatMap(\.interfaces).map(\.row.name)
            let ports = interfaces.enumerated().map { number, name in
                let row = replica["Interface"][name: name]
                let wanted = row?["ofport_request"].integer.flatMap { UInt32(exactly: $0) }
                return SwitchPort(number: wanted ?? UInt32(number + 1), name: name)
            }
            let status = SwitchStatus(datapathID: 1, ports: SwitchPorts(ports), flowCount: 0)
            expect(standing.heard(.up(status), of: bridge.row.name))
            #expect(words().contains("Bridge \(bridge.row.name): its flows are not installed yet"))
            _ = standing.has(Self.counts, .init(), on: bridge.row.name, service: service)
        }
        #expect(words() == [])
        #expect(standing.hasApplied(bridges, replica))
        let name = try #require(names.first)
        expect(standing.refuses("full", on: name))
        #expect(words() == ["Bridge \(name): it does not take its flows: full"])
        _ = standing.has(Self.counts, .init(), on: name, service: service)
        expect(standing.heard(Self.up, of: name))
        #expect(words().allSatisfy { $0.contains("ovs-vswitchd has no such port on \(name)") } && !words().isEmpty)
        #expect(!standing.hasApplied(bridges, replica))
    }
}
