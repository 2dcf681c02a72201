import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// Servers that answer and will not do: each reads as what it is, once, and with its own remedy.
@Suite("A database that will not do", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct LossTests {
    /// An agent at a remote, on the folder of a switch that need not run.
    private static func with(
        _ remote: String,
        _ ovs: PrivateSwitch,
        _ body: (RunningAgent) async throws -> Void
    ) async throws {
        try await RunningAgent.with(ovs, name: "loss", layout: .oneSwitch, remote: remote, body)
    }

    @Test("a server that takes no writers reads as read-only, and the journal is told once")
    func readOnly() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let folder = ovs.runFolder
            try await ovs.check(
                "ovsdb-tool",
                "create",
                "\(folder)/backup.db",
                "/usr/share/openvswitch/vswitch.ovsschema"
            )
            // A backup server is read-only for as long as it follows another.
            let options = ["--remote=punix:\(folder)/backup.sock", "--sync-from=\(ovs.databaseRemote)"]
            try await ovs.withProgram(
                "ovsdb-server",
                ["\(folder)/backup.db", "--unixctl=\(folder)/backup.ctl"] + options
            ) { program in
                try await program.accepts(at: "\(folder)/backup.sock")
                try await Self.with("unix:\(folder)/backup.sock", ovs) { agent in
                    let status = try await agent.waitForState("disconnected", reason: "it is read-only")
                    #expect(status["reasons"]?.array?.first?.string?.contains("give --db a remote") == true)
                    // It is asked again and again.
                    let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                    while agent.logs.count(of: "read only") < 3 {
                        try #require(ContinuousClock.now < deadline)
                        await Task.yield()
                    }
                    let kinds = try await agent.events().map(\.kind)
                    #expect(kinds.count { $0 == "disconnected" } == 1, "\(kinds)")
                    #expect(!kinds.contains("connected"), "\(kinds)")
                    try await ovs.check(
                        "ovs-appctl",
                        "-t",
                        "\(folder)/backup.ctl",
                        "ovsdb-server/disconnect-active-ovsdb-server"
                    )
                    try await agent.waitForEvent("connected")
                    try await ovs.check(
                        "ovs-vsctl",
                        "--db=unix:\(folder)/backup.sock",
                        "--timeout=20",
                        "wait-until",
                        "bridge",
                        "br0"
                    )
                }
            }
        }
    }

    @Test("a cluster that has lost its quorum reads as that, and is gone on with when it has one again")
    func quorum() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let folder = ovs.runFolder
            let schema = "/usr/share/openvswitch/vswitch.ovsschema"
            let addresses = (1...3).map { "unix:\(folder)/\($0).raft" }
            try await ovs.check("ovsdb-tool", "create-cluster", "\(folder)/1.db", schema, addresses[0])
            for number in 2...3 {
                let (file, address) = ("\(folder)/\(number).db", addresses[number - 1])
                try await ovs.check("ovsdb-tool", "join-cluster", file, "Open_vSwitch", address, addresses[0])
            }
            try await Self.withServers(ovs, [1, 2, 3]) { servers in
                let remote = "unix:\(folder)/1.sock"
                for number in 1...3 {
                    try await ovs.check(
                        "ovsdb-client",
                        "wait",
                        "unix:\(folder)/\(number).sock",
                        "Open_vSwitch",
                        "connected"
                    )
                }
                try await ovs.check("ovs-vsctl", "--db=\(remote)", "--no-wait", "--timeout=20", "init")
                try await Self.with(remote, ovs) { agent in
                    try await agent.waitForEvent("connected")
                    for server in servers.dropFirst() {
                        server.send(SIGKILL)
                        _ = try await server.end()
                    }
                    let status = try await agent.waitForState("disconnected", reason: "has lost its quorum")
                    #expect(status["reasons"]?.array?.first?.string?.contains("cluster/status Open_vSwitch") == true)
                    let last = try await agent.lastEvent()
                    try await Self.withServers(ovs, [2, 3]) { _ in
                        try await agent.waitForEvent(after: last, "connected")
                        let kinds = try await agent.events(since: last).map(\.kind)
                        #expect(!kinds.contains("disconnected"), "\(kinds)")
                    }
                }
            }
        }
    }

    private static func withServers(
        _ ovs: PrivateSwitch,
        _ numbers: [Int],
        _ running: [PrivateSwitch.Program] = [],
        _ body: ([PrivateSwitch.Program]) async throws -> Void
    ) async throws {
        guard let number = numbers.first else { return try await body(running) }
        let path = "\(ovs.runFolder)/\(number)"
        let options = ["--remote=punix:\(path).sock", "--unixctl=\(path).ctl", "-vconsole:warn"]
        try await ovs.withProgram("ovsdb-server", ["\(path).db"] + options) { program in
            try await program.accepts(at: "\(path).sock")
            try await withServers(ovs, Array(numbers.dropFirst()), running + [program], body)
        }
    }
}
