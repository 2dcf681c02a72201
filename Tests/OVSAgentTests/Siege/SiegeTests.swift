import Glibc
import TestSupport
import Testing

@testable import OVSAgent

/// The promise as a whole: whatever anybody writes, and whatever is killed meanwhile, ends in what the layout says, and
/// nothing foreign is touched. `OVS_AGENT_SIEGE_EDITS` makes it longer than the ordinary run has time for, and
/// `OVS_AGENT_SIEGE_KILLS` the agent's deaths.
@Suite("Under fire", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(15)))
struct SiegeTests {
    private static let edits = number("OVS_AGENT_SIEGE_EDITS") ?? 1000
    private static let kills = number("OVS_AGENT_SIEGE_KILLS") ?? 40
    /// One that is always the same, and one of this run: an issue names it.
    private static let seeds = [1, UInt64.random(in: 2 ... .max)]

    private static func number(_ variable: String) -> Int? { getenv(variable).flatMap { Int(String(cString: $0)) } }

    @Test("ends in the owned state, and no transaction of ours has changed a foreign row", arguments: seeds)
    func siege(_ seed: UInt64) async throws {
        try await Siege.with(seed: seed) { siege in
            for round in 0..<4 {
                try await siege.withDaemon("round \(round)") { daemon in
                    try await siege.fire(Self.edits / 4)
                    try await siege.fire(Self.edits / 8) {
                        if round.isMultiple(of: 2) {
                            try await siege.ovs.killServer(siege.isBrutal() ? SIGKILL : SIGTERM)
                            try await siege.ovs.restartServer()
                        } else {
                            daemon.program.send(SIGKILL)
                            _ = try await daemon.program.end()
                        }
                    }
                }
            }
            try await siege.withDaemon("at the end") { _ in }
            try await siege.expectNoTrespass(edits: Self.edits)
        }
    }

    @Test("killed at any moment of its life, it ends in sync when it is started again", arguments: seeds)
    func killed(_ seed: UInt64) async throws {
        try await Siege.with(seed: seed) { siege in
            for round in 0..<Self.kills / Self.seeds.count {
                // Some deaths are in the midst of the start, some long after.
                try await Daemon.with(siege.ovs) { daemon in
                    try await siege.fire(siege.upTo(20))
                    daemon.program.send(SIGKILL)
                    _ = try await daemon.program.end()
                }
                try await siege.withDaemon("after kill \(round)") { _ in }
            }
            try await siege.expectNoTrespass(edits: 0)
        }
    }

    @Test("makes ovs-vswitchd make nothing anew where a change of columns is enough", arguments: seeds)
    func patched(_ seed: UInt64) async throws {
        try await Siege.with(seed: seed, vswitchd: true, hands: .columns) { siege in
            let ovs = siege.ovs
            try await Daemon.with(ovs) { daemon in
                try await daemon.waitForState("in-sync")
                let (identities, ports) = (try await siege.identities(), try await siege.portNumbers())
                #expect(ports.count > 10)
                let log = "\(ovs.runFolder)/ovs-vswitchd.log"
                let before = try await siege.removals(in: log)
                try await siege.fire(Self.edits / 4)
                try await daemon.settled()
                try await ovs.settled()
                try await daemon.waitForState("in-sync")
                #expect(try await siege.identities() == identities, "seed \(seed)")
                #expect(try await siege.portNumbers() == ports, "seed \(seed)")
                #expect(try await siege.removals(in: log) == before, "seed \(seed)")
            }
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
            let log = TransactionLog(text, names: [])
            #expect(log.ofAgent == 3)
            let words = log.trespasses.map { $0.split(separator: " ").prefix(3).joined(separator: " ") }.sorted()
            #expect(words == ["Port tap1 tag=7", "ovs1 ports: ovs1", "ovs1 ports: tap1"])
        }
    }
}
