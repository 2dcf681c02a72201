import Glibc
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// The promise as a whole: whatever anybody writes, and whatever is killed meanwhile, ends in what the layout says, and
/// nothing foreign is touched. `OVS_AGENT_SIEGE_EDITS` makes it longer than the ordinary run has time for.
@Suite("Under fire", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(10)))
struct SiegeTests {
    private static let nics: Set<String> = ["br0-up", "eth0", "eth1", "br7-up", "eth7", "eth71"]
    private static let edits = getenv("OVS_AGENT_SIEGE_EDITS").flatMap { Int(String(cString: $0)) } ?? 300
    /// One that is always the same, and one of this run: an issue names it.
    private static let seeds = [1, UInt64.random(in: 2 ... .max)]

    @Test("ends in the owned state, and no transaction of ours has changed a foreign row", arguments: seeds)
    func siege(_ seed: UInt64) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try write(.switches(0, 7, uplink: "adopt: true"), to: "\(ovs.runFolder)/layout.yaml")
            try await ovs.vsctl("add-br", "ovs1", wait: false)
            try await ovs.vsctl("add-port", "ovs1", "tap1", "--", "add-port", "ovs1", "tap2", wait: false)
            let editors = [
                try await RandomEditor(ovs, name: "a", seed: seed),
                try await RandomEditor(ovs, name: "b", seed: seed &+ 1),
                try await RandomEditor(ovs, name: "c", seed: seed &+ 2),
            ]
            do {
                try await Self.siege(ovs, editors, seed)
            } catch {
                for editor in editors { await editor.stop() }
                throw error
            }
            for editor in editors { await editor.stop() }
        }
    }

    @Test("the judge of transactions knows a trespass when it sees one")
    func judge() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            try await ovs.vsctl("add-br", "ovs1", "--", "add-port", "ovs1", "tap1", wait: false)
            try await ovs.vsctl("add-br", "br.mx", "--", "add-port", "ovs1", "br0.mx.n", wait: false)
            for operation in [
                #"{"op":"update","table":"Bridge","where":[["name","==","br.mx"]],"row":{"stp_enable":true}}"#,
                #"{"op":"update","table":"Port","where":[["name","==","tap1"]],"row":{"tag":7}}"#,
                #"{"op":"update","table":"Bridge","where":[["name","==","ovs1"]],"row":{"ports":["set",[]]}}"#,
            ] {
                let comment = #"{"op":"comment","comment":"ovs-agentd: repair: x"}"#
                try await ovs.check(
                    "ovsdb-client",
                    "transact",
                    ovs.databaseRemote,
                    #"["Open_vSwitch",\#(operation),\#(comment)]"#
                )
            }
            let text = try await ovs.check("ovsdb-tool", "-mm", "show-log", "\(ovs.runFolder)/conf.db")
            let log = TransactionLog(text, nics: [])
            #expect(log.ofAgent == 3)
            let words = log.trespasses.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }.sorted()
            #expect(words == ["Port tap1 tag=7", "ovs1 ports: ovs1", "ovs1 ports: tap1"])
        }
    }

    private static func siege(_ ovs: PrivateSwitch, _ editors: [RandomEditor], _ seed: UInt64) async throws {
        var random = Seeded(state: seed &+ 3)
        var before: OwnedState?
        for round in 0..<4 {
            try await Daemon.with(ovs) { daemon in
                before = try await owned(daemon, editors[0], as: before, "seed \(seed), round \(round)")
                try await fire(edits / 4, editors)
                switch round {
                case 0, 2:
                    // In the midst of it all.
                    async let more: Void = fire(edits / 8, editors)
                    try await ovs.killServer(random.chance(2) ? SIGKILL : SIGTERM)
                    try await ovs.restartServer()
                    try await more
                default:
                    async let more: Void = fire(edits / 8, editors)
                    daemon.program.send(SIGKILL)
                    _ = try await daemon.program.end()
                    try await more
                }
            }
        }
        try await Daemon.with(ovs) { daemon in
            _ = try await owned(daemon, editors[0], as: before, "seed \(seed), at the end")
        }
        let text = try await ovs.check("ovsdb-tool", "-mm", "show-log", "\(ovs.runFolder)/conf.db")
        let log = TransactionLog(text, nics: nics)
        #expect(log.ofAgent > 4 && log.transactions > edits / 2)
        #expect(log.trespasses.prefix(5) == [], "seed \(seed)")
    }

    /// What the agent owns once it has nothing left to change, and all is as it was before: it may hear of the last edit
    /// later than we do.
    private static func owned(
        _ daemon: Daemon,
        _ observer: RandomEditor,
        as before: OwnedState?,
        _ place: String
    ) async throws -> OwnedState {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while true {
            try await daemon.settled()
            let now = OwnedState(try #require(await observer.replica()), nics: nics)
            let differences = before.map { now.differences(from: $0) } ?? []
            if differences.isEmpty { return now }
            guard ContinuousClock.now < deadline else {
                Issue.record("\(place): \(differences)")
                return now
            }
        }
    }

    private static func fire(_ edits: Int, _ editors: [RandomEditor]) async throws {
        await withTaskGroup { group in
            for editor in editors { group.addTask { await editor.edit(edits / editors.count) } }
        }
    }
}

extension Daemon {
    /// Returns once it has nothing left to change.
    fileprivate func settled() async throws {
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
