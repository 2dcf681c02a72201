import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// A database in which three editors do what they like, and the layout that an agent defends in it.
final class Siege {
    let ovs: PrivateSwitch
    private let layout: SiegeLayout
    private let editors: [RandomEditor]
    private let seed: UInt64
    private var random: Seeded
    private var before: OwnedState?

    private init(
        _ ovs: PrivateSwitch,
        _ layout: SiegeLayout,
        _ editors: [RandomEditor],
        _ seed: UInt64,
        _ random: Seeded
    ) {
        (self.ovs, self.layout, self.editors, self.seed, self.random) = (ovs, layout, editors, seed, random)
    }

    /// Sets everything up as the seed says, for `body`.
    static func with(
        seed: UInt64,
        vswitchd: Bool = false,
        hands: RandomEditor.Hands = .all,
        _ body: (Siege) async throws -> Void
    ) async throws {
        var random = Seeded(state: seed)
        let layout = SiegeLayout(&random)
        try await PrivateSwitch.with(vswitchd: vswitchd) { ovs in
            try write(layout.text, to: "\(ovs.runFolder)/layout.yaml")
            for command in layout.foreign {
                try await ovs.tool("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--no-wait"] + command)
            }
            var editors: [RandomEditor] = []
            for (offset, name) in ["a", "b", "c"].enumerated() {
                editors.append(
                    try await RandomEditor(ovs, name: name, seed: seed &+ UInt64(offset) &+ 1, hands: hands)
                )
            }
            do {
                try await body(Siege(ovs, layout, editors, seed, random))
            } catch {
                for editor in editors { await editor.stop() }
                throw error
            }
            for editor in editors { await editor.stop() }
        }
    }

    func isBrutal() -> Bool { random.chance(2) }
    func upTo(_ most: Int) -> Int { Int.random(in: 0...most, using: &random) }

    /// Starts the agent, and calls `body` once the owned state is what it was before.
    func withDaemon(_ place: String, _ body: (Daemon) async throws -> Void) async throws {
        try await Daemon.with(ovs) { daemon in
            try await self.expectOwnedState(by: daemon, place)
            try await body(daemon)
        }
    }

    /// Makes so many edits, by all editors at once.
    func fire(_ edits: Int, meanwhile body: () async throws -> Void = {}) async throws {
        let editors = self.editors
        async let fire: Void = Self.fire(edits, editors)
        try await body()
        await fire
    }

    private static func fire(_ edits: Int, _ editors: [RandomEditor]) async {
        await withTaskGroup { group in
            for (index, editor) in editors.enumerated() {
                group.addTask { await editor.edit((edits + index) / editors.count) }
            }
        }
    }

    /// What the agent owns once it has nothing left to change is as it was before. It may hear of the last edit later
    /// than we do.
    private func expectOwnedState(by daemon: Daemon, _ place: String) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while true {
            try await daemon.settled()
            let now = OwnedState(try await replica(), layout)
            let differences = before.map { now.differences(from: $0) } ?? []
            if differences.isEmpty {
                before = now
                return
            }
            guard ContinuousClock.now < deadline else {
                Issue.record("seed \(seed), \(place): \(differences)")
                return
            }
        }
    }

    /// No transaction of the agent's changed a row of others. There were some, and many of the editors'.
    func expectNoTrespass(edits: Int) async throws {
        let text = try await ovs.check("ovsdb-tool", "-mm", "show-log", "\(ovs.runFolder)/conf.db")
        let log = TransactionLog(text, names: layout.names)
        #expect(log.ofAgent > 4 && log.transactions > edits / 2, "seed \(seed)")
        #expect(log.trespasses.prefix(5) == [], "seed \(seed)")
    }

    private func replica() async throws -> Replica { try #require(await editors[0].replica()) }

    /// The row of each object that is ours.
    func identities() async throws -> [String: UUID] {
        let replica = try await replica()
        var identities: [String: UUID] = [:]
        for table in ["Bridge", "Port", "Interface"] {
            for row in replica[table].rows where OwnedState.isOurs(row.name, layout.names) {
                identities["\(table) \(row.name)"] = row.uuid
            }
        }
        return identities
    }

    /// What ovs-vswitchd itself numbers the ports of our bridges, as `br.mx 40000(br0.mx.s)`.
    func portNumbers() async throws -> [String] {
        var numbers: [String] = []
        for bridge in try await replica()["Bridge"].rows.map(\.name) where DerivedName(bridge) != nil {
            let text = try await ovs.check("ovs-ofctl", "-OOpenFlow14", "dump-ports-desc", bridge)
            let names = text.split(separator: "\n").compactMap { line in
                line.split(separator: ":").first.map(String.init).flatMap { $0.contains("(") ? $0 : nil }
            }
            numbers += names.map { "\(bridge)\($0)" }
        }
        return numbers.sorted()
    }

    /// What ovs-vswitchd has logged of ports that it took away.
    func removals(in log: String) async throws -> [String] {
        let text = try await RunningAgent.blocking { try BoundedFile.text(of: log, limit: 64 << 20) }
        return text.split(separator: "\n").filter { $0.contains("deleted interface") }.map(String.init)
    }
}

extension Daemon {
    /// Returns once it has nothing left to change.
    func settled() async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        var changes: [JSON] = []
        repeat {
            let last = try await lastEvent()
            // Without a session there is no plan to be had.
            if let plan = try? await ask("plan"), let left = plan["changes"]?.array {
                changes = left
                if left.isEmpty { return }
            }
            _ = try? await waitForEvent(after: last, "repaired", within: 1)
        } while ContinuousClock.now < deadline
        throw RunningAgent.Failure(description: "there is still to change: \(changes.prefix(3))")
    }
}
