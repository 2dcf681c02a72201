import Glibc
import JSONRPC
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// The control socket with the stock ovs-appctl and with our own client at its other end.
@Suite(.enabled(if: PrivateSwitch.reasonToSkip == nil, "Open vSwitch is not installed")) struct ControlServerTests {
    @Test("stock ovs-appctl is answered")
    func appctl() async throws {
        try await ControlFixture.with { fixture in
            let version = try await fixture.appctl("version")
            #expect(version.output == "ovs-agentd \(AgentVersion.current)\n")
            #expect(version.exitCode == 0)
            let commands = try await fixture.appctl("list-commands").output
            #expect(
                commands.hasPrefix("The available commands are:\n  adopt          [OBJECT]\n  events         [ID]\n")
            )
            #expect(try await fixture.appctl("status").output.hasPrefix("in-sync      ovs-agentd"))
            let json = try await fixture.appctl("status", "--json").output
            #expect(try JSON(parsing: json.utf8)["state"] == "in-sync")
            let unknown = try await fixture.appctl("nope")
            #expect(unknown.exitCode == 2)
            #expect(unknown.errorOutput.hasPrefix(#""nope" is not a valid command (use "list-commands""#))
            #expect(try await fixture.appctl("plan").output == "nothing to change\n")
            #expect(try await fixture.appctl("plan", "l.yaml", "version: 1").output == "add Bridge br0\n")
            let bad = try await fixture.appctl("plan", "l.yaml", "bad")
            #expect(bad.errorOutput.hasPrefix("l.yaml:1:1: error: bad layout\n"))
            #expect(try await fixture.appctl("reload", "--allow-removal").output == "layout d2 at work\n")
            #expect(try await fixture.appctl("adopt", "Port", "br0-up").output == "adopted\n")
            #expect(try await fixture.appctl("adopt").output == "adopted\n")
            #expect(try await fixture.appctl("vlog/set", "any:any:dbg").output == "")
            #expect(
                try await fixture.target.log() == [
                    "plan - 0", "plan l.yaml 10", "plan l.yaml 3", "reload true", "adopt Port br0-up", "adopt all",
                    "level debug",
                ]
            )
        }
    }

    @Test("over a connection of format JSON all is JSON, and what stock daemons have, too, is as they answer it")
    func json() async throws {
        try await ControlFixture.with { fixture in
            let wire = try Wire(fixture.path)
            func ask(_ method: String, _ params: String = "") throws -> JSON {
                try wire.send(#"{"id":1,"method":"\#(method)","params":[\#(params)]}"#)
                return try wire.receive()["result"] ?? .null
            }
            _ = try ask("set-options", #""--format","json""#)
            // unixctl.c: each command with its usage; and a text where a command knows no JSON.
            let commands = try ask("list-commands")
            #expect(commands["events"] == "[ID]" && commands["status"] == "" && commands["trace"] == "PORT [FRAME]")
            #expect(
                try ask("version") == ["reply-format": "plain", "reply": .string("ovs-agentd \(AgentVersion.current)")]
            )
            for params in ["", #""--json""#, #""--json-and-text""#] {
                #expect(try ask("status", params)["state"] == "in-sync", "\(params)")
            }
            #expect(try ask("list-commands", #""--json""#)["commands"]?.array?.first?["name"] == "adopt")
            #expect(try ask("version", #""--json""#)["name"] == "ovs-agentd")
        }
    }

    @Test("exit is answered before the agent is told")
    func exit() async throws {
        try await ControlFixture.with { fixture in
            let result = try await fixture.appctl("exit")
            #expect(result.exitCode == 0)
            #expect(result.output == "")
            try await fixture.target.exited.get()
        }
    }

    @Test(
        "the socket's group may look, only root and the daemon's user may change; others can't connect",
        .enabled(if: geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0, "takes root and setpriv")
    )
    func users() async throws {
        try await ControlFixture.with { fixture in
            #expect(chmod(fixture.ovs.runFolder, 0o711) == 0)
            func appctl(group: UInt32, _ command: String) async throws -> PrivateSwitch.ToolResult {
                let user = ["--reuid=65534", "--regid=\(group)", "--clear-groups"]
                return try await fixture.ovs.run("setpriv", user + ["ovs-appctl", "-t", fixture.path, command])
            }
            let status = try await appctl(group: getegid(), "status")
            #expect(status.output.hasPrefix("in-sync"))
            for command in ["reload", "exit", "vlog/set"] {
                let refused = try await appctl(group: getegid(), command)
                #expect(refused.errorOutput.hasPrefix("permission denied: \(command) is for root"))
                #expect(refused.exitCode == 2)
            }
            let stranger = try await appctl(group: 65534, "status")
            #expect(stranger.errorOutput.contains("Permission denied"))
            #expect(try await fixture.target.log().isEmpty)
        }
    }

    @Test("the socket is made 0660 in a folder made 0750, and goes with the server")
    func modes() async throws {
        try await ControlFixture.with { fixture in
            #expect(fixture.mode(of: fixture.path) == S_IFSOCK | 0o660)
            #expect(fixture.mode(of: "\(fixture.ovs.runFolder)/agent").map { $0 & ~0o027 } == S_IFDIR | 0o750)
            await fixture.server.stop()
            #expect(fixture.mode(of: fixture.path) == nil)
        }
    }

    @Test("a living socket is never taken, and the error names its process")
    func livingSocket() async throws {
        try await ControlFixture.with { fixture in
            #expect(throws: ControlSocketError.inUse(fixture.path, pid: getpid())) {
                try ControlSocket.listen(at: fixture.path)
            }
            let database = fixture.ovs.databaseSocket
            do {
                _ = try ControlSocket.listen(at: database)
                Issue.record("the database's socket was taken")
            } catch ControlSocketError.inUse(let path, let pid) {
                #expect(path == database)
                #expect(pid != nil && pid != getpid())
            }
            let version = try await fixture.appctl("version")
            #expect(version.exitCode == 0)
        }
    }

    @Test("a dead socket is replaced; a file, a folder and a path too long are refused")
    func otherFiles() async throws {
        try await ControlFixture.with { fixture in
            let folder = fixture.ovs.runFolder
            let dead = try ControlSocket.listen(at: "\(folder)/dead.sock")
            close(dead.descriptor)
            let first = try ControlSocket.listen(at: "\(folder)/dead.sock")
            defer { close(first.descriptor) }
            #expect(unlink("\(folder)/dead.sock") == 0)
            let second = try ControlSocket.listen(at: "\(folder)/dead.sock")
            defer { close(second.descriptor) }
            // The first one's late farewell must not take away the second one's file.
            first.remove()
            #expect(fixture.mode(of: "\(folder)/dead.sock") == S_IFSOCK | 0o660)
            second.remove()
            #expect(fixture.mode(of: "\(folder)/dead.sock") == nil)
            for path in ["\(folder)/conf.db", "\(folder)/agent"] {
                #expect(throws: ControlSocketError.notASocket(path)) { try ControlSocket.listen(at: path) }
            }
            let long = "\(folder)/" + String(repeating: "x", count: 108)
            #expect(throws: ControlSocketError.pathTooLong(long)) { try ControlSocket.listen(at: long) }
            #expect(throws: ControlSocketError.failed("\(folder)/no/no", "make folder", ENOENT)) {
                try ControlSocket.listen(at: "\(folder)/no/no/x.sock")
            }
        }
    }

    @Test("answers keep the order of the requests, also when the first one takes long")
    func order() async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.holdPlans()
            let wire = try Wire(fixture.path)
            try wire.send(#"{"id":1,"method":"plan","params":[]}{"id":2,"method":"version","params":[]}"#)
            let other = try Wire(fixture.path)
            try other.send(#"{"id":3,"method":"version","params":[]}"#)
            #expect(try other.receive()["id"] == 3)
            try await fixture.target.releasePlans()
            #expect(try wire.receive()["id"] == 1)
            #expect(try wire.receive()["id"] == 2)
        }
    }

    @Test("a long journal is answered whole, in its turn, and holds up nobody else")
    func longJournal() async throws {
        try await ControlFixture.with { fixture in
            // More than the target keeps.
            for _ in 1...200 { try await fixture.target.report(.drift, .repaired, to: fixture.server) }
            let wire = try Wire(fixture.path)
            try wire.send(
                #"{"id":1,"method":"events","params":["0","--json"]}{"id":2,"method":"events/wait","params":["350"]}"#
            )
            let answer = try wire.receive()
            #expect(answer["id"] == 1)
            let journal = try JSON(parsing: answer["result"]?.string?.utf8 ?? "".utf8)
            #expect(journal["events"]?.array?.compactMap { $0["id"]?.integer } == Array(301...400))
            let next = try wire.receive()
            #expect(next["id"] == 2)
            #expect(next["result"]?.string?.split(separator: "\n").count == 50)
            // Who hangs up before the answer is written costs nothing but that.
            let gone = try Wire(fixture.path)
            try gone.send(#"{"id":3,"method":"events","params":["0"]}"#)
            gone.close()
            try wire.send(#"{"id":4,"method":"version","params":[]}"#)
            #expect(try wire.receive()["id"] == 4)
        }
    }

    @Test("a wait for events is answered by the next one; one that nobody awaits any more is forgotten")
    func longPoll() async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.report(.started, to: fixture.server)
            let gone = try Wire(fixture.path)
            try gone.send(#"{"id":1,"method":"events/wait","params":["1"]}"#)
            gone.close()
            let wires = try (0..<5).map { _ in try Wire(fixture.path) }
            for wire in wires { try wire.send(#"{"id":1,"method":"events/wait","params":["1","--json"]}"#) }
            // Served after the waits: a connection made later on the same loop.
            let late = try Wire(fixture.path)
            try late.send(#"{"id":2,"method":"events/wait","params":["0","--json"]}"#)
            #expect(try late.receive()["result"]?.string?.contains("started") == true)
            try await fixture.target.report(.drift, .repaired, to: fixture.server)
            for wire in wires {
                let answer = try JSON(parsing: wire.receive()["result"]?.string?.utf8 ?? "".utf8)
                #expect(answer["events"]?.array?.compactMap { $0["id"]?.integer } == [2, 3])
                #expect(answer["lastId"] == 3)
            }
        }
    }

    @Test("junk costs its connection only")
    func junk() async throws {
        try await ControlFixture.with { fixture in
            let junk = try Wire(fixture.path)
            try junk.send("GET / HTTP/1.1\r\n\r\n")
            #expect(try junk.isAtEnd())
            #expect(try await fixture.appctl("version").exitCode == 0)
        }
    }

    @Test("callers who say nothing, or half a word, shut nobody out; only places in use are refused")
    func limits() async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.report(.started, to: fixture.server)
            var wires: [Wire] = []
            for index in 0..<ControlServer.maximumConnections {
                let wire = try Wire(fixture.path)
                try wire.send(#"{"id":1,"method":"version","params":[]}"#)
                _ = try wire.receive()
                if index == 1 { try wire.send(#"{"id":2,"method":"ver"#) }
                wires.append(wire)
            }
            #expect(try await fixture.appctl("version").exitCode == 0)
            #expect(try wires[0].isAtEnd())
            try await fixture.awaitConnections(ControlServer.maximumConnections - 1)
            wires[0] = try Wire(fixture.path)
            for wire in wires[1...] + wires[..<1] where wire !== wires[1] {
                try wire.send(#"{"id":2,"method":"version","params":[]}{"id":3,"method":"events/wait","params":["1"]}"#)
                _ = try wire.receive()
            }
            #expect(try await fixture.appctl("version").exitCode == 0)
            #expect(try wires[1].isAtEnd())
            try await fixture.awaitConnections(ControlServer.maximumConnections - 1)
            wires[1] = try Wire(fixture.path)
            try wires[1].send(#"{"id":2,"method":"version","params":[]}{"id":3,"method":"events/wait","params":["1"]}"#)
            _ = try wires[1].receive()
            // Who asks is told; who says nothing has to go, too.
            let (refused, silent) = (try Wire(fixture.path), try Wire(fixture.path))
            try refused.send(#"{"id":9,"method":"version","params":[]}"#)
            let answer = try refused.receive()
            #expect(answer["id"] == 9)
            #expect(answer["error"]?.string?.hasPrefix("64 callers have all the places there are") == true)
            #expect(try refused.isAtEnd())
            #expect(try silent.isAtEnd())
            try await fixture.target.report(.drift, to: fixture.server)
            for wire in wires { #expect(try wire.receive()["id"] == 3) }
        }
    }

    @Test(
        "requests that come ahead of their answers let the loop turn to others every few",
        arguments: [#"{"id":1,"method":"events/wait","params":["0"]}"#, #"{"id":1,"method":"resume","params":[]}"#]
    )
    func pipelined(_ request: String) async throws {
        try await ControlFixture.with { fixture in
            try await fixture.target.report(.started, to: fixture.server)
            let wire = try Wire(fixture.path)
            try wire.send(String(repeating: request, count: 500))
            for _ in 0..<500 { _ = try wire.receive() }
            #expect(try await fixture.target.mostQuestionsInTurn() <= 10)
        }
    }

    @Test("an answer that can't be made is an error, and the next request has its own")
    func failedJob() async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        try await threads.shutdownGracefully()
        try await ControlFixture.with(threads: threads) { fixture in
            for _ in 1...20 { try await fixture.target.report(.drift, to: fixture.server) }
            let wire = try Wire(fixture.path)
            try wire.send(#"{"id":1,"method":"events","params":["0"]}{"id":2,"method":"version","params":[]}"#)
            let answer = try wire.receive()
            #expect(answer["id"] == 1)
            #expect(answer["error"]?.string?.hasPrefix("the answer could not be written down: ") == true)
            #expect(try wire.receive()["id"] == 2)
        }
    }

    @Test("a caller that sends and never reads holds up nobody else")
    func deafCaller() async throws {
        try await ControlFixture.with { fixture in
            let deaf = try Wire(fixture.path)
            let requests = String(repeating: #"{"id":1,"method":"list-commands","params":["--json"]}"#, count: 1000)
            let sent = deaf.sendWhatFits(requests, times: 200)
            #expect(sent < requests.utf8.count * 200)
            #expect(try await fixture.appctl("version").exitCode == 0)
        }
    }
}

extension ControlFixture {
    func mode(of path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : nil
    }

    /// Waits until the server has noticed who left.
    func awaitConnections(_ count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while try await server.connectionCount() > count {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
