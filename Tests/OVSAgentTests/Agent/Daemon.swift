import TestSupport

@testable import OVSAgent

/// A built `ovs-agentd` at work on a switch.
struct Daemon: AgentCaller {
    let ovs: PrivateSwitch
    let program: PrivateSwitch.Program
    let controlPath: String

    /// Built next to the tests, as ovs-agentctl is.
    static let program = String(ControlFixture.agentctlPath.dropLast(3) + "d")

    static func arguments(_ ovs: PrivateSwitch) -> [String] {
        [
            "--layout", "\(ovs.runFolder)/layout.yaml", "--db", ovs.databaseRemote, "--control",
            "\(ovs.runFolder)/d.sock", "--state-dir", "\(ovs.runFolder)/d.state", "--log-level", "debug",
        ]
    }

    /// Starts it for `body`, and kills it after that if it still runs.
    static func with(_ ovs: PrivateSwitch, _ body: (Daemon) async throws -> Void) async throws {
        try await ovs.withProgram(program, arguments(ovs)) { program in
            let daemon = Daemon(ovs: ovs, program: program, controlPath: "\(ovs.runFolder)/d.sock")
            try await program.accepts(at: daemon.controlPath)
            try await body(daemon)
        }
    }

    /// The exit code of `ovs-agentctl`.
    func ctl(_ arguments: String...) async throws -> Int32 {
        try await ovs.run(ControlFixture.agentctlPath, ["--control", controlPath] + arguments).exitCode
    }
}
