import NIOCore
import NIOPosix
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
        let limits = Contest.Limits(burst: 10, refill: 5, quiet: .seconds(2))
        try await RunningAgent.inSync(contest: limits) { agent in
            let editor = try await Self.editor(agent.ovs)
            let fighter = Task {
                var tag: Int64 = 5
                while !Task.isCancelled {
                    tag = 11 - tag
                    let row = ["tag": Datum(.integer(tag))]
                    let name = Condition("name", .equal, Datum(.string("br0.mx.n")))
                    _ = try? await editor.transact([.update(table: "Port", where: [name], row: row)])
                }
            }
            do {
                try await agent.waitForEvent("contested", object: "Port br0.mx.n")
                try await agent.waitForState("contested", reason: "Port br0.mx.n: somebody changes it again and again")
                let last = try await agent.lastEvent()
                try await agent.ovs.edit("del-port br.nf br0.nf.s")
                try await agent.waitForEvent(after: last, "repaired", object: "Bridge br.nf")
                // Blow by blow the journal would hold nothing else.
                let blows = try await agent.events(since: last).filter { $0.object == "Port br0.mx.n" }
                #expect(blows.map(\.text) == [])
                fighter.cancel()
                await fighter.value
                let released = try await agent.waitForEvent(after: last, "released", object: "Port br0.mx.n")
                #expect(released.reason.contains("repaired"))
                try await agent.waitForState("in-sync")
                #expect(try await agent.ovs.vsctl("get", "port", "br0.mx.n", "tag") == "2001")
                #expect(try await agent.status()["repairs"]?["contested"]?.integer == 1)
            } catch {
                fighter.cancel()
                await editor.stop()
                throw error
            }
            await editor.stop()
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

    /// A client of its own, as a controller that means harm would be.
    private static func editor(_ ovs: PrivateSwitch) async throws -> OVSDBClient {
        let editor = try OVSDBClient(
            .init(remotes: [Remote(ovs.databaseRemote)], database: "Open_vSwitch", followed: []),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: .quiet
        )
        let (events, continuation) = AsyncStream.makeStream(of: Void.self)
        await editor.start { event in if case .synced = event { continuation.yield() } }
        for await _ in events { break }
        return editor
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
