import Glibc
import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// The control socket's file, and what others do to it while the daemon runs.
@Suite("The control socket's place", .enabled(if: PrivateSwitch.reasonToSkip == nil, "Open vSwitch is not installed"))
struct ControlListenerTests {
    /// How the socket's file goes.
    enum Removal: CaseIterable { case unlinked, moved, folderRemoved, folderMoved, deadSocket }

    @Test("the socket is made again, whoever took it away", arguments: Removal.allCases)
    func removed(_ removal: Removal) async throws {
        try await ControlFixture.with { fixture in
            let folder = "\(fixture.ovs.runFolder)/agent"
            let wire = try Wire(fixture.path)
            // Until it is answered it may only wait to be taken, which ends with the socket.
            try wire.send(#"{"id":0,"method":"version","params":[]}"#)
            #expect(try wire.receive()["id"] == 0)
            for round in 1...2 {
                switch removal {
                case .unlinked: unlink(fixture.path)
                case .moved: rename(fixture.path, "\(folder)/aside")
                case .folderRemoved:
                    unlink(fixture.path)
                    rmdir(folder)
                case .folderMoved: rename(folder, "\(folder)\(round)")
                case .deadSocket:
                    close(try ControlSocket.listen(at: "\(fixture.path).dead").descriptor)
                    rename("\(fixture.path).dead", fixture.path)
                }
                try await fixture.awaitAnswer()
                #expect(fixture.mode(of: fixture.path) == S_IFSOCK | 0o660)
            }
            #expect(try await fixture.target.log().contains("socket restored"))
            // Who was connected before still is.
            try wire.send(#"{"id":1,"method":"version","params":[]}"#)
            #expect(try wire.receive()["id"] == 1)
        }
    }

    @Test("whoever comes when a server has ended finds the path free, also where it was just making its socket again")
    func freeAfterwards() async throws {
        try await ControlFixture.with { fixture in
            let paths = (0..<40).map { "\(fixture.path).\($0)" }
            var servers: [ControlServer] = []
            for path in paths {
                servers.append(
                    try await ControlServer.start(
                        at: path,
                        target: fixture.target,
                        on: fixture.target.loop,
                        logger: .quiet
                    )
                )
            }
            // The folder is watched from the moment in which it is looked at for the first time.
            for path in paths { unlink(path) }
            for path in paths { try await fixture.awaitAnswer(at: path) }
            for (number, path) in paths.enumerated() {
                unlink(path)
                for _ in 0..<number { await Task.yield() }
                await servers[number].stop()
                let next = try ControlSocket.listen(at: path)
                #expect(next.isInPlace)
                next.remove()
                close(next.descriptor)
            }
        }
    }

    @Test("a socket that somebody else listens on, or a file, is left there and told, until it goes")
    func taken() async throws {
        try await ControlFixture.with { fixture in
            for isSocket in [true, false] {
                // Beside it and then over it, since the server is quick to make its own again.
                let aside = "\(fixture.path).other"
                let other = isSocket ? try ControlSocket.listen(at: aside) : nil
                if other == nil { try write("mine", to: aside) }
                #expect(rename(aside, fixture.path) == 0)
                let words = isSocket ? "in use by process \(getpid())" : "exists and is not a socket"
                try await fixture.awaitLog(words)
                #expect(fixture.mode(of: fixture.path).map { $0 & S_IFMT } == (isSocket ? S_IFSOCK : S_IFREG))
                unlink(fixture.path)
                if let other { close(other.descriptor) }
                try await fixture.awaitAnswer()
            }
        }
    }
}

extension ControlFixture {
    /// Waits until the server answers at its path, which no other's socket may hold.
    func awaitAnswer(at path: String? = nil) async throws {
        let path = path ?? self.path
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while ContinuousClock.now < deadline {
            if let client = try? ControlClient(connectingTo: path, timeout: 5), (try? client.call("version")) != nil {
                return
            }
            await Task.yield()
        }
        let log = try await target.log()
        Issue.record("nobody answers at \(path): \(log)")
    }

    /// Waits until the target was told something.
    func awaitLog(_ words: String) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while try await !target.log().contains(where: { $0.contains(words) }) {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }
}
