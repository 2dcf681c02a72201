import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// The control socket of an agent at work, and callers that mean it no good.
@Suite("The control socket at work", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ControlUnderWorkTests {
    @Test("junk and half messages cost a connection and nothing else; a live socket is not stolen; exit ends it all")
    func callers() async throws {
        try await RunningAgent.inSync { agent in
            let path = agent.configuration.controlPath
            let junk = [
                "\u{0}\u{1}\u{2}", "GET / HTTP/1.1\r\n\r\n", "{\"id\":0,\"method\":\"status\",\"par", "[[[[[[[[[[[[[",
                "{}", "null", "{\"id\":1,\"method\":\"status\",\"params\":{}}",
                String(repeating: "{\"a\":", count: 100_000),
            ]
            for text in junk {
                try await RunningAgent.blocking {
                    let caller = try UnixSocketAddress.openSocket(for: path)
                    defer { close(caller) }
                    let code = try UnixSocketAddress.withAddress(of: path) { connect(caller, $0, $1) }
                    try #require(code == 0)
                    let bytes = Array(text.utf8)
                    _ = send(caller, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
                #expect(try await agent.status()["state"] == "in-sync")
            }
            let error = await #expect(throws: ControlSocketError.self) {
                _ = try await RunningAgent.start(agent.ovs)
            }
            #expect(error.map { "\($0)" }?.contains("process \(getpid())") == true)
            let before = try await agent.ovs.rows()
            #expect(try await agent.ovs.run("ovs-appctl", ["-t", path, "exit"]).exitCode == 0)
            try await agent.ended()
            #expect(access(path, F_OK) != 0)
            #expect(try await agent.ovs.rows() == before)
        }
    }
}
