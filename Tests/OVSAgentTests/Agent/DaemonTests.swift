import Glibc
import TestSupport
import Testing

@testable import OVSAgent

/// The program that is shipped: options, signals and exit codes as a service manager and a script see them.
@Suite("The daemon's program", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct DaemonTests {
    @Test("wrong options exit 64 and say why")
    func options() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let cases: [([String], Int32, String)] = [
                (["--nope"], 64, "--nope"), (["extra"], 64, "extra"),
                (["--db", "ssl:127.0.0.1:6640"], 64, "not built in yet"), (["--db", "bogus"], 64, "--db: "),
                (["--db", ""], 64, "--db: "), (["--private-key", "k.pem"], 64, "not built in yet"),
                (["--log-level", "loud"], 64, "--log-level"), (["--log-format", "xml"], 64, "--log-format"),
                (["--control", ""], 64, "--control takes a path"),
                (["--state-dir", ""], 64, "--state-dir takes a path"),
                (["--version"], 0, "ovs-agentd \(AgentVersion.current)"), (["--help"], 0, "--state-dir"),
            ]
            for (arguments, code, words) in cases {
                let result = try await ovs.run(Daemon.program, arguments)
                #expect(result.exitCode == code, "\(arguments): \(result.errorOutput)")
                #expect((result.output + result.errorOutput).contains(words), "\(arguments): \(result.errorOutput)")
            }
        }
    }

    @Test("a layout that can't be had exits 1 with its place and leaves the database alone")
    func badLayout() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let before = try await ovs.rows()
            let path = "\(ovs.runFolder)/layout.yaml"
            let cases: [(String?, String)] = [
                (nil, "\(path): No such file or directory"), ("version: 1\nswitches: []\n", "\(path):2:1: error: "),
                ("a: [", "\(path):"),
            ]
            for (text, words) in cases {
                if let text { try write(text, to: path) }
                let result = try await ovs.run(Daemon.program, Daemon.arguments(ovs))
                #expect(result.exitCode == 1)
                #expect(result.errorOutput.contains("ovs-agentd can't start: \(words)"), "\(result.errorOutput)")
            }
            #expect(try await ovs.rows() == before)
        }
    }

    @Test("SIGHUP reloads; ovs-agentctl's exit codes say how things stand; SIGTERM and SIGINT end it and touch nothing")
    func signals() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let path = "\(ovs.runFolder)/layout.yaml"
            try write(.oneSwitch, to: path)
            try await Daemon.with(ovs) { daemon in
                try await daemon.waitForState("in-sync")
                try write(.switches(0, 7), to: "\(ovs.runFolder)/two.yaml")
                #expect(try await daemon.ctl("status") == 0)
                #expect(try await daemon.ctl("plan") == 0)
                #expect(try await daemon.ctl("plan", "--layout", "\(ovs.runFolder)/two.yaml") == 2)
                #expect(try await daemon.ctl("show") == 0)
                #expect(try await daemon.ctl("version") == 0)
                #expect(try await daemon.ctl("events") == 0)
                #expect(try await daemon.ctl("reload") == 0)
                #expect(try await daemon.ctl("nope") == 64)

                let second = try await ovs.run(Daemon.program, Daemon.arguments(ovs))
                #expect(second.exitCode == 1)
                #expect(second.errorOutput.contains("in use by process \(daemon.program.pid)"), "\(second.errorOutput)")

                var last = try await daemon.lastEvent()
                try write(.switches(0, 7), to: path)
                daemon.program.send(SIGHUP)
                try await daemon.waitForEvent(after: last, "layout-loaded")
                try await daemon.waitForEvent(after: last, "applied")
                try await daemon.waitForState("in-sync")
                #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 8)

                last = try await daemon.lastEvent()
                try write("version: 1\n", to: path)
                daemon.program.send(SIGHUP)
                try await daemon.waitForEvent(after: last, "layout-rejected")
                #expect(try await daemon.ctl("status") == 3)
                #expect(try await daemon.ctl("reload") == 1)
                #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 8)

                let before = try await ovs.rows()
                daemon.program.send(SIGTERM)
                #expect(try await daemon.program.end() == 0)
                #expect(try await ovs.rows() == before)
                #expect(try await daemon.ctl("status") == 1)
            }
            // The last accepted layout is at work, and SIGINT is as good.
            try await Daemon.with(ovs) { daemon in
                try await daemon.waitForState("degraded", reason: "the layout file was not taken")
                daemon.program.send(SIGINT)
                #expect(try await daemon.program.end() == 0)
            }
        }
    }

    @Test("killed -9 and started again on its own dead socket, it changes nothing")
    func crashed() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try write(.oneSwitch, to: "\(ovs.runFolder)/layout.yaml")
            try await Daemon.with(ovs) { daemon in
                try await daemon.waitForState("in-sync")
                let address = try await ovs.vsctl("get", "interface", "br0", "mac_in_use")
                try await ovs.vsctl("wait-until", "bridge", "br0", "other_config:hwaddr=\(address)")
                daemon.program.send(SIGKILL)
                #expect(try await daemon.program.end() == 128 + SIGKILL)
            }
            let before = try await ovs.rows()
            try await Daemon.with(ovs) { daemon in
                try await daemon.waitForState("in-sync")
                #expect(try await ovs.rows() == before)
            }
        }
    }
}
