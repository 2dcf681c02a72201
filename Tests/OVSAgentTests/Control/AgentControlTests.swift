import Glibc
import JSONRPC
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// ovs-agentctl as a script sees it: what it prints, where, and its exit code.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil, "Open vSwitch is not installed")) struct AgentControlTests {
    @Test(
        "status exits 0 when nobody needs to look, 3 otherwise",
        arguments: [(Status.State.inSync, 0), (.standby, 0), (.degraded, 3), (.disconnected, 3), (.reconciling, 3)]
            as [(Status.State, Int32)]
    )
    func status(state: Status.State, code: Int32) async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.set(state)
            for arguments in [["status", "--control", fixture.path], ["--control", fixture.path, "status"]] {
                let result = try await fixture.ovs.run(ControlFixture.agentctlPath, arguments)
                #expect(result.output.hasPrefix(state.rawValue))
                #expect(result.exitCode == code)
                #expect(result.errorOutput == "")
            }
            let json = try await fixture.agentctl("status", "--json", "--control", fixture.path)
            #expect(try JSON(parsing: json.output.utf8)["state"]?.string == state.rawValue)
            #expect(try JSON(parsing: json.output.utf8)["text"] == nil)
            #expect(json.exitCode == code)
        }
    }

    @Test("plan exits 0 without and 2 with changes, and reads the file itself")
    func plan() async throws {
        try await ControlFixture.with { fixture in
            let layout = "\(fixture.ovs.runFolder)/l.yaml"
            try write("version: 1\n", to: layout)
            let none = try await fixture.agentctl("plan", "--control", fixture.path)
            #expect((none.output, none.exitCode) == ("nothing to change\n", 0))
            let some = try await fixture.agentctl("plan", "--layout", layout, "--control", fixture.path)
            #expect((some.output, some.exitCode) == ("add Bridge br0\n", 2))
            try write("bad", to: layout)
            let bad = try await fixture.agentctl("plan", "--layout", layout, "--control", fixture.path)
            #expect((bad.output, bad.exitCode) == ("", 1))
            #expect(bad.errorOutput == "ovs-agentctl: \(layout):1:1: error: bad layout\n")
        }
    }

    @Test("the other commands answer")
    func others() async throws {
        try await ControlFixture.with { fixture in
            let show = try await fixture.agentctl("show", "--control", fixture.path)
            #expect((show.output, show.exitCode) == ("no virtual switch\n", 0))
            let reload = try await fixture.agentctl("reload", "--allow-removal", "--control", fixture.path)
            #expect((reload.output, reload.exitCode) == ("layout d2 at work\n", 0))
            let version = try await fixture.agentctl("version", "--control", fixture.path)
            #expect(version.output == "ovs-agentctl \(AgentVersion.current)\novs-agentd \(AgentVersion.current)\n")
            try await fixture.target.report(.started, .connected, to: fixture.server)
            let events = try await fixture.agentctl("events", "--since", "1", "--json", "--control", fixture.path)
            #expect(try JSON(parsing: events.output.utf8)["kind"] == "connected")
            #expect(
                try await fixture.agentctl("events", "--control", fixture.path).output.split(separator: "\n").count == 2
            )
        }
    }

    @Test("a follower prints each event once, over a restart of the daemon, until its reader goes away")
    func follow() async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.report(.started, .connected, to: fixture.server)
            let script = """
                mkfifo "$2/out"
                "$0" events --follow --json --control "$1" > "$2/out" &
                pid=$!
                for line in 1 2 3 4; do read -r event; printf '%s\\n' "$event"; done < "$2/out"
                kill -PIPE $pid
                wait $pid
                echo "exit $?"
                """
            async let result = fixture.ovs.run(
                "/bin/sh",
                ["-c", script, ControlFixture.agentctlPath, fixture.path, fixture.ovs.runFolder]
            )
            try await fixture.target.awaitQuestion(after: 2)
            try await fixture.target.report(.drift, to: fixture.server)
            try await fixture.target.awaitQuestion(after: 3)
            await fixture.server.stop()

            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let target = ScriptedTarget(loop: loop, instance: "run-2")
            defer { target.dismiss() }
            let server = try await ControlServer.start(at: fixture.path, target: target, on: loop, logger: .quiet)
            try await target.report(.started, to: server)
            let lines = try await result.output.split(separator: "\n").map(String.init)
            let events = try lines.dropLast().map { try JSON(parsing: $0.utf8) }
            #expect(events.map { $0["instance"]?.string } == ["run-1", "run-1", "run-1", "run-2"])
            #expect(events.map { $0["kind"]?.string } == ["started", "connected", "drift", "started"])
            #expect(lines.last == "exit 141")
            await server.stop()
        }
    }

    @Test("check needs no daemon: findings on standard error, the verdict as exit code")
    func check() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let layout = "\(ovs.runFolder)/l.yaml"
            try write("version: 1\nvirtualSwitches:\n  - { name: vs0, bridge: br0, color: red }\n", to: layout)
            let bad = try await ovs.run(ControlFixture.agentctlPath, ["check", layout])
            #expect((bad.exitCode, bad.output) == (1, ""))
            #expect(bad.errorOutput.hasPrefix("\(layout):3:"))
            #expect(bad.errorOutput.contains(": error: "))
            let json = try await ovs.run(ControlFixture.agentctlPath, ["check", layout, "--json"])
            #expect(try JSON(parsing: json.output.utf8)["accepted"] == false)
            #expect(json.exitCode == 1)
            try write("version: 1\nvirtualSwitches:\n  - { name: vs0, bridge: br0 }\n", to: layout)
            let good = try await ovs.run(ControlFixture.agentctlPath, ["check", layout])
            #expect(good.exitCode == 0)
            #expect(good.output.hasPrefix("\(layout): accepted, 1 virtual switch"))
        }
    }

    @Test("without a daemon the error says so, on standard error, with 1; wrong usage is 64")
    func failures() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let folder = ovs.runFolder
            try write(String(repeating: "x", count: 1 << 20) + "x", to: "\(folder)/large")
            let dead = try ControlSocket.listen(at: "\(folder)/dead.sock")
            close(dead.descriptor)
            let cases: [([String], Int32, String)] = [
                (
                    ["status", "--control", "\(folder)/no.sock"], 1,
                    "\(folder)/no.sock: no such file (is ovs-agentd running?)"
                ),
                (
                    ["show", "--control", "\(folder)/dead.sock"], 1,
                    "\(folder)/dead.sock: nobody listens (is ovs-agentd running?)"
                ),
                (["plan", "--layout", "\(folder)/none"], 1, "\(folder)/none: No such file or directory"),
                (["plan", "--layout", folder], 1, "\(folder): Is a directory"),
                (
                    ["plan", "--layout", "\(folder)/large"], 1,
                    "\(folder)/large: larger than 1048576 bytes; a layout never is"
                ),
                (["check", "\(folder)/none"], 1, "\(folder)/none: No such file or directory"),
            ]
            for (arguments, code, message) in cases {
                let result = try await ovs.run(ControlFixture.agentctlPath, arguments)
                #expect(
                    (result.exitCode, result.output, result.errorOutput) == (code, "", "ovs-agentctl: \(message)\n")
                )
            }
            let version = try await ovs.run(ControlFixture.agentctlPath, ["version", "--control", "\(folder)/no.sock"])
            #expect((version.exitCode, version.output) == (1, "ovs-agentctl \(AgentVersion.current)\n"))
            for arguments in [
                [], ["status", "--nope"], ["nope"], ["check"], ["events", "--since", "x"], ["events", "--since", "-3"],
            ] {
                #expect(try await ovs.run(ControlFixture.agentctlPath, arguments).exitCode == 64, "\(arguments)")
            }
        }
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    }
}
