import JSONRPC
import NIOCore
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// Objects that have to wait: somebody fights over them, or the server does not take them. All others must not.
@Suite("One object's trouble", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct FightTests {
    @Test("what somebody never stops rewriting is contested, and released in the end; all else is repaired at once")
    func fight() async throws {
        // A budget that any machine's edits use up, however busy it is.
        let limits = Contest.Limits(burst: 10, refill: 2, quiet: .seconds(2))
        try await RunningAgent.inSync(contest: limits) { agent in
            try await Self.fight(over: "br0.mx.n", agent) { _, fighter in
                try await agent.waitForEvent("contested", object: "Port br0.mx.n")
                try await agent.waitForState("contested", reason: "Port br0.mx.n: somebody changes it again and again")
                let last = try await agent.lastEvent()
                try await agent.ovs.edit("del-port br.nf br0.nf.s")
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.nf")
                // Blow by blow the journal would hold nothing else.
                let blows = try await agent.events(since: last).filter { $0.object == "Port br0.mx.n" }
                #expect(blows.map(\.text) == [])
                fighter.cancel()
                let released = try await agent.waitForEvent(after: last, "released", object: "Port br0.mx.n")
                #expect(released.reason.contains("repaired"))
                try await agent.waitForState("in-sync")
                #expect(try await agent.ovs.vsctl("get", "port", "br0.mx.n", "tag") == "2001")
                #expect(try await agent.status()["repairs"]?["contested"]?.integer == 1)
            }
        }
    }

    @Test("a fight over flows, or a port's bits, is contested, too; the bridge's other tables are repaired at once")
    func flowFight() async throws {
        let limits = Contest.Limits(burst: 10, refill: 2, quiet: .seconds(2))
        let blows: [(object: String, blow: [String])] = [
            ("Flow br.mx table=0", ["add-flow", "br.mx", "priority=7,actions=drop"]),
            ("Port br0.dmx.s", ["mod-port", "br.dmx", "br0.dmx.s", "no-forward"]),
        ]
        try await RunningAgent.inSync(contest: limits) { agent in
            let dump = ["--no-stats", "dump-flows", "br.mx"]
            let wanted = try await Self.ofctl(agent, dump)
            for (object, blow) in blows {
                let first = try await agent.lastEvent()
                let fighter = Task {
                    while !Task.isCancelled { _ = try? await Self.ofctl(agent, blow) }
                }
                defer { fighter.cancel() }
                try await agent.waitForEvent(after: first, "contested", object: object)
                try await agent.waitForState("contested", reason: "\(object): somebody changes it again and again")
                let last = try await agent.lastEvent()
                try await Self.ofctl(agent, ["add-flow", "br.mx", "table=9,actions=drop"])
                try await agent.waitForEvent(after: last, "repaired", object: "Flow br.mx table=9")
                #expect(try await agent.events(since: last).filter { $0.object == object }.map(\.text) == [])
                fighter.cancel()
                await fighter.value
                let released = try await agent.waitForEvent(after: last, "released", object: object)
                #expect(released.reason.contains("repaired"))
                try await agent.waitForState("in-sync")
                #expect(try await Self.ofctl(agent, dump) == wanted)
            }
            #expect(try await agent.status()["repairs"]?["contested"]?.integer == 2)
        }
    }

    @Test("while a table or a port's bits wait, what else is on the bridge does not, and the state says what waits")
    func waitsAlone() async throws {
        // The pause that begins with the fight lasts longer than the test.
        let limits = Contest.Limits(burst: 5, refill: 0.001, longestPause: .hours(1))
        try await RunningAgent.inSync(contest: limits) { agent in
            for (object, blow, other, edit) in [
                (
                    "Flow br.mx table=0", ["add-flow", "br.mx", "priority=7,actions=drop"],
                    "Flow br.mx table=9", ["add-flow", "br.mx", "table=9,actions=drop"]
                ),
                (
                    "Port br0.dmx.s", ["mod-port", "br.dmx", "br0.dmx.s", "no-forward"],
                    "Group br.dmx 7", ["add-group", "br.dmx", "group_id=7,type=all"]
                ),
            ] {
                let fighter = Task {
                    while !Task.isCancelled { _ = try? await Self.ofctl(agent, blow) }
                }
                defer { fighter.cancel() }
                try await agent.waitForEvent("contested", object: object)
                #expect(try await agent.status()["state"]?.string == "contested")
                fighter.cancel()
                await fighter.value
                // That it is made once more in vain is the one blow that stays.
                try await Self.ofctl(agent, blow)
                try await agent.waitForState("contested", reason: "\(object): somebody changes it again and again")
                let last = try await agent.lastEvent()
                try await Self.ofctl(agent, edit)
                try await agent.waitForEvent(after: last, "repaired", object: other)
            }
            #expect(try await Self.ofctl(agent, ["dump-flows", "br.mx"]).contains("priority=7 actions=drop"))
            #expect(try await Self.ofctl(agent, ["dump-ports-desc", "br.dmx"]).contains("NO_FWD"))
        }
    }

    @Test("the flows of a VM port follow from what its owner sets, while somebody fights over its tag")
    func fightOverVMPort() async throws {
        let networks = "networks:\n  - { name: Production, virtualSwitch: vs0, vlan: 27 }\n"
        // The pause that begins with the fight lasts longer than the test.
        let limits = Contest.Limits(burst: 10, refill: 0.001, longestPause: .hours(1))
        try await RunningAgent.inSync(layout: .oneSwitch + networks, contest: limits) { agent in
            try await agent.ovs.edit(
                """
                add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=vm1 \
                external_ids:ovs-agent-network=Production
                """
            )
            try await agent.waitForEvent("assigned", object: "Port vm1")
            try await Self.fight(over: "vm1", agent) { editor, fighter in
                try await agent.waitForEvent("contested", object: "Port vm1")
                fighter.cancel()
                await fighter.value
                // As ovs-vsctl would not do it: this notification is of that one row alone.
                try await Self.set("vlan_mode", of: "vm1", to: "trunk", by: editor)
                let words = "VM port vm1 on br0.local has no network: vlan_mode is trunk"
                try await agent.waitForState("contested", warning: words)
                try await Self.set("vlan_mode", of: "vm1", to: .emptySet, by: editor)
                try await agent.waitForState("contested", lacking: words)
            }
        }
    }

    @Test("what the server does not take waits alone, is told once with its words, and is made when it can be")
    func refused() async throws {
        try await RunningAgent.inSync { agent in
            // A server that takes shorter delays only, as none does: any other refusal looks the same.
            try await Self.convert(agent.ovs, longestDelay: 100)
            let last = try await agent.lastEvent()
            try write(.switches(0, uplink: "upDelay: 200") + "    hostVlan: 7\n", to: agent.configuration.layoutPath)
            try await agent.ask("reload")
            let refusal = try await agent.waitForEvent(after: last, "apply-failed", object: "Port br0-up")
            #expect(refusal.reason.contains("constraint violation"))
            try await agent.waitForState("degraded", reason: "Port br0-up: the database refused a transaction")
            #expect(try await agent.ovs.vsctl("get", "port", "br0", "tag") == "7")

            // Meanwhile all else is undone at once.
            let next = try await agent.lastEvent()
            try await agent.ovs.edit("del-port br.nf br0.nf.s")
            try await agent.waitForEvent(after: next, "drift", object: "Bridge br.nf")
            try await agent.waitForEvent(after: next, "repaired", object: "Bridge br.nf")

            try await Self.convert(agent.ovs, longestDelay: 1000)
            try await agent.waitForState("in-sync")
            #expect(try await agent.ovs.vsctl("get", "port", "br0-up", "bond_updelay") == "200")
            let told = try await agent.events(since: last).filter { $0.kind == "apply-failed" && $0.object != "" }
            #expect(told.map(\.object) == ["Port br0-up"])
        }
    }

    @discardableResult
    private static func ofctl(_ agent: RunningAgent, _ arguments: [String]) async throws -> String {
        try await agent.ovs.tool("ovs-ofctl", ["-O", "OpenFlow14"] + arguments)
    }

    /// Has somebody rewrite a port's tag as fast as the server takes it, until it is cancelled or `body` ends.
    private static func fight(
        over port: String,
        _ agent: RunningAgent,
        _ body: (_ editor: OVSDBClient, _ fighter: Task<Void, Never>) async throws -> Void
    ) async throws {
        let editor = try await OVSDBClient.stranger(agent.ovs)
        let fighter = Task {
            var tag: Int64 = 5
            while !Task.isCancelled {
                tag = 11 - tag
                try? await set("tag", of: port, to: Datum(.integer(tag)), by: editor)
            }
        }
        do {
            try await body(editor, fighter)
        } catch {
            fighter.cancel()
            await editor.stop()
            throw error
        }
        fighter.cancel()
        await fighter.value
        await editor.stop()
    }

    private static func set(_ column: String, of port: String, to value: Datum, by editor: OVSDBClient) async throws {
        let name = Condition("name", .equal, Datum(.string(port)))
        _ = try await editor.transact([.update(table: "Port", where: [name], row: [column: value])])
    }

    /// Gives the server another schema, in which `bond_updelay` goes up to so many milliseconds only.
    private static func convert(_ ovs: PrivateSwitch, longestDelay: Int) async throws {
        let path = "\(ovs.runFolder)/next.ovsschema"
        let schema = try await ovs.check("ovsdb-client", "get-schema", ovs.databaseRemote, "Open_vSwitch")
        let bounded = #"{"type":{"key":{"type":"integer","maxInteger":\#(longestDelay)}}}"#
        let column = #""bond_updelay":"#
        let start = try #require(schema.firstRange(of: column)?.upperBound)
        var depth = 0
        let end = try #require(
            schema[start...].indices.first { index in
                depth += schema[index] == "{" ? 1 : schema[index] == "}" ? -1 : 0
                return depth == 0
            }
        )
        try write(schema[..<start] + bounded + schema[schema.index(after: end)...], to: path)
        try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
    }
}
