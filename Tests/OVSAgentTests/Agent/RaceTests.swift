import Glibc
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// Edits that come between a plan and its transaction: the server is stopped while both arrive, and takes the editor's
/// first, which connected first.
@Suite("Edits in flight", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct RaceTests {
    @Test("one that comes while a new layout is committed is drift, and journalled")
    func duringLayout() async throws {
        try await Self.race { agent, editor in
            let last = try await agent.lastEvent()
            try await agent.reload(
                .switches(0, 7),
                against: [.update(table: "Port", where: [.named("br0.mx.s")], row: ["tag": 5])],
                of: editor
            )
            try await agent.waitForEvent(after: last, "repaired", object: "Port br0.mx.s", column: "tag")
            try await agent.waitForState("in-sync")
            #expect(try await agent.ovs.vsctl("list-br").split(separator: "\n").count == 8)
            #expect(
                try await agent.events(since: last).filter { $0.kind == "drift" }.map(\.object) == ["Port br0.mx.s"]
            )
        }
    }

    @Test("a name that somebody takes meanwhile is planned with at once: no transaction has failed")
    func takenName() async throws {
        try await Self.race { agent, editor in
            try await agent.ovs.edit("add-br ovs1 -- set bridge ovs1 datapath_type=dummy")
            try await agent.waitForState("in-sync")
            for (layout, lane) in [(String.switches(0, 7), 7), (.switches(0, 7, 8), 8), (.switches(0, 7, 8, 9), 9)] {
                let last = try await agent.lastEvent()
                let isFirst = try await agent.reload(layout, against: .port("eth\(lane)", on: "ovs1"), of: editor)
                // A server that was stopped at work may take the agent's first: then the name is taken, and all is well.
                guard isFirst else { continue }
                try await agent.waitForState(
                    "degraded",
                    reason: "Interface eth\(lane): wanted on bridge br\(lane), in use"
                )
                try await agent.waitForEvent(after: last, "applied")
                #expect(try await agent.ovs.vsctl("list-ifaces", "br\(lane)") == "br\(lane).dmx\neth\(lane)1")
                break
            }
            let refused = try await agent.events().filter { $0.reason.contains("refused a transaction") }
            #expect(refused.map(\.text) == [])
        }
    }

    /// An agent in sync, and a client that the server knew before it.
    private static func race(_ body: (RunningAgent, OVSDBClient) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let editor = try await OVSDBClient.stranger(ovs)
            do {
                try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                    try await agent.waitForState("in-sync")
                    try await body(agent, editor)
                }
            } catch {
                await editor.stop()
                throw error
            }
            await editor.stop()
        }
    }
}

extension RunningAgent {
    /// Has the agent plan for a layout while the server stands still, and somebody's transaction come before its own.
    /// Whether that one was made.
    @discardableResult
    fileprivate func reload(
        _ layout: String,
        against operations: [OVSDB.Operation],
        of editor: OVSDBClient
    ) async throws -> Bool {
        try write(layout, to: configuration.layoutPath)
        try await ovs.killServer(SIGSTOP)
        try await ask("reload")
        let (answers, continuation) = AsyncStream.makeStream(of: Bool.self)
        await editor.transact(operations) { answer in
            continuation.yield((try? answer.get()) != nil)
            continuation.finish()
        }
        try await ovs.killServer(SIGCONT)
        return await answers.first { _ in true } ?? false
    }
}

extension Condition {
    fileprivate static func named(_ name: String) -> Condition { Condition("name", .equal, Datum(.string(name))) }
}

extension [OVSDB.Operation] {
    /// Adds a port with one interface of its name to a bridge.
    fileprivate static func port(_ name: String, on bridge: String) -> [OVSDB.Operation] {
        let name = Datum(.string(name))
        let port = Datum(set: [.namedUUID("p")])
        return [
            .insert(table: "Interface", row: ["name": name], name: "i"),
            .insert(table: "Port", row: ["name": name, "interfaces": Datum(set: [.namedUUID("i")])], name: "p"),
            .mutate(table: "Bridge", where: [.named(bridge)], mutations: [Mutation("ports", .insert, port)]),
        ]
    }
}
