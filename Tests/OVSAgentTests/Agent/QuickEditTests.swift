import JSONRPC
import NIOPosix
import OVSDB
import Synchronization
import TestSupport
import Testing

@testable import OVSAgent

/// Edits by somebody who follows the database, and answers what the agent did the moment that it shows. Each round is
/// another chance to come before the agent has looked at its own work.
@Suite("Edits right after a commit", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct QuickEditTests {
    private static let rounds = 5

    @Test("the marks of a row that was just made are put back")
    func madeRow() async throws {
        try await RunningAgent.inSync { agent in
            try await Editor.with(agent.ovs) { editor in
                for _ in 0..<Self.rounds {
                    let last = try await agent.lastEvent()
                    try await editor.catchUp()
                    let former = await editor.row(of: "br0.mx.s")
                    editor.clearMarks(of: "br0.mx.s") { $0.uuid != former }
                    try await agent.ovs.vsctl("del-port", "br.mx", "br0.mx.s", wait: false)
                    let column = "external_ids:\(Mark.made)"
                    try await agent.waitForEvent(after: last, "repaired", object: "Port br0.mx.s", column: column)
                }
            }
        }
    }

    @Test("the tag that a VM port had before it was given one is known, though the note of it is taken away")
    func givenTag() async throws {
        let layout = .oneSwitch + "networks:\n  - { name: Production, virtualSwitch: vs0, vlan: 27 }\n"
        try await RunningAgent.inSync(layout: layout) { agent in
            let ovs = agent.ovs
            try await ovs.edit("add-port br0.local vm1 tag=5 -- set interface vm1 external_ids:iface-id=vm1")
            try await Editor.with(ovs) { editor in
                for _ in 0..<Self.rounds {
                    let last = try await agent.lastEvent()
                    try await editor.catchUp()
                    editor.clearMarks(of: "vm1") { $0["tag"].integer == 27 }
                    try await ovs.edit("set interface vm1 external_ids:ovs-agent-network=Production")
                    let column = "external_ids:\(Mark.formerTag)"
                    let told = try await agent.waitForEvent(after: last, "repaired", object: "Port vm1", column: column)
                    #expect(told.wanted == "5")
                    try await ovs.edit("remove interface vm1 external_ids ovs-agent-network")
                    try await agent.waitForEvent(after: told.id, "released", object: "Port vm1")
                    #expect(try await ovs.vsctl("get", "port", "vm1", "tag") == "5")
                }
            }
        }
    }

    @Test("a drift is told to whoever asks, as soon as it is repaired")
    func asked() async throws {
        try await RunningAgent.inSync { agent in
            try await Editor.with(agent.ovs) { editor in
                for _ in 0..<10 * Self.rounds {
                    let last = try await agent.lastEvent()
                    try await editor.setTag(of: "br0.mx.s", to: 7)
                    let told = try await agent.events(since: last).map(\.text)
                    #expect("drift Port br0.mx.s tag: 7 -> ".isPart(of: told))
                }
            }
        }
    }
}

/// A client that follows the ports of a switch. It waits for the end of a repair, and takes a port's marks away as soon as it is what it waits for.
private final class Editor: Sendable {
    private typealias Aim = (port: String, isDone: @Sendable (Row) -> Bool)

    private let client: OVSDBClient
    /// What it waits for; `nil` once it has come.
    private let aim = Mutex<Aim?>(nil)

    private init(_ ovs: PrivateSwitch) throws {
        client = try OVSDBClient(
            .init(
                remotes: [Remote(ovs.databaseRemote)],
                database: "Open_vSwitch",
                followed: [.init("Port", columns: ["name", "tag", "external_ids"])]
            ),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: .quiet
        )
    }

    static func with(_ ovs: PrivateSwitch, _ body: (Editor) async throws -> Void) async throws {
        let editor = try Editor(ovs)
        let (synced, continuation) = AsyncStream.makeStream(of: Void.self)
        await editor.client.start { event in
            switch event {
            case .synced: continuation.yield()
            case .changed: editor.client.assumeIsolated { editor.look($0) }
            default: break
            }
        }
        for await _ in synced { break }
        let result: Result<Void, any Error>
        do { result = .success(try await body(editor)) } catch { result = .failure(error) }
        await editor.client.stop()
        try result.get()
    }

    /// Returns when it has seen all that was committed so far, which an answer follows.
    func catchUp() async throws { _ = try await client.transact([.comment("so far")]) }

    func row(of port: String) async -> UUID? { await client.replica?["Port"][name: port]?.uuid }

    /// Changes a port's tag, and returns when that is undone.
    func setTag(of port: String, to tag: Int64) async throws {
        let row = try #require(await client.replica?["Port"][name: port])
        let (place, former) = ([Condition.row(row.uuid)], row["tag"])
        _ = try await client.transact([.update(table: "Port", where: place, row: ["tag": Datum(.integer(tag))])])
        _ = try await client.transact([
            .wait(table: "Port", where: place, columns: ["tag"], rows: [["tag": former]], timeout: 20_000)
        ])
    }

    func clearMarks(of port: String, when isDone: @escaping @Sendable (Row) -> Bool) {
        aim.withLock { $0 = (port, isDone) }
    }

    private func look(_ client: isolated OVSDBClient) {
        let found: Row? = aim.withLock { aim in
            guard let (port, isDone) = aim, let row = client.replica?["Port"][name: port], isDone(row) else {
                return nil
            }
            aim = nil
            return row
        }
        guard let found else { return }
        client.transact([.update(table: "Port", where: [.row(found.uuid)], row: ["external_ids": .emptyMap])]) { _ in }
    }
}
