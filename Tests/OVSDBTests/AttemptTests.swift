import Glibc
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSDB

/// Attempts at a connection, and what keeps one: where servers listen, in which order they are tried, how long each may
/// take, and that a peer lives that says anything at all.
@Suite(.timeLimit(.minutes(5))) struct AttemptTests {
    @Test("a peer that falls silent after its first bytes is probed in time, however long those might have taken")
    func silentAfterGreeting() async throws {
        try await ScriptedPeer.with([ScriptedPeer.Manner.good("x").answering("echo", nil)]) { peer in
            var configuration = TransactingClient.configuration(peer)
            configuration.pace = .init(
                unclampedBackoff: .milliseconds(1),
                .milliseconds(1),
                probeInterval: .milliseconds(300),
                firstReply: .hours(1)
            )
            let client = try await TransactingClient.start(configuration)
            #expect(await client.disconnected()?.error.description.contains("no answer to a probe") == true)
            await client.finish()
        }
    }

    @Test("a client that made all attempts it may make says so, and begins anew when it is started again")
    func outOfTries() async throws {
        let remote = Remote.unix(path: "/nowhere/db.sock")
        let client = try await TransactingClient.start(
            .init(
                remotes: [remote],
                database: "db",
                followed: [],
                pace: .init(unclampedBackoff: .milliseconds(1), .milliseconds(1), probeInterval: .zero, maximumTries: 2)
            )
        )
        for _ in 0..<2 { #expect(await client.disconnected() != nil) }
        #expect(await client.client.isStopped)
        let (ends, ended) = AsyncStream.makeStream(of: OVSDBError.self)
        await client.client.start { if case .disconnected(let error) = $0 { ended.yield(error) } }
        #expect(await ends.first { _ in true } != nil)
        await client.client.stop()
        #expect(await client.client.isStopped)
    }

    @Test(
        "a host that has no address, or at which nobody listens, is an attempt that failed with a reason in words",
        arguments: [
            (Remote.tcp(host: "no-such-host.invalid", port: 6640), "the address of no-such-host.invalid is not known"),
            (.tcp(host: "127.0.0.1", port: 1), "Connection refused"),
            (.unix(path: "/nowhere/db.sock"), "No such file or directory"),
        ]
    )
    func unreachable(remote: Remote, reason: String) async throws {
        let client = try await TransactingClient.start(
            .init(remotes: [remote], database: "db", followed: [])
        )
        let error = try #require(await client.disconnected()).error
        #expect(error == .disconnected(reason: "\(remote): \(reason)"))
        await #expect(throws: OVSDBError.self) { try await client.client.call("list_dbs", []) }
        await client.client.stop()
        await #expect(throws: OVSDBError.self) { try await client.client.transact([.abort]) }
    }

    @Test("an attempt that the network never answers is given up, and costs nothing more")
    func unanswered() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        // A listener that accepts nobody, with one that waits: the kernel drops what else knocks.
        let silent = try await ServerBootstrap(group: group).serverChannelOption(.backlog, value: 0)
            .serverChannelOption(.autoRead, value: false).bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(silent.localAddress)
        let waiting = try await ClientBootstrap(group: group).connect(to: address).get()
        let remote = Remote.tcp(host: "127.0.0.1", port: try #require(address.port))
        let client = try await TransactingClient.start(.init(remotes: [remote], database: "db", followed: []))
        let error = try #require(await client.disconnected()).error
        #expect(
            [": no connection within 1.0 s", ": no answer in time"].contains { error.description.hasSuffix($0) },
            "\(error)"
        )
        await client.client.stop()
        try await waiting.close()
        try await silent.close()
    }

    @Test("a peer whose message comes in dribs and drabs lives, though it answers no probe")
    func slowMessage() async throws {
        // What follows each probe is a little of the snapshot and no answer.
        var manner = ScriptedPeer.Manner.monitor(#"{"id":ID,"result":[false,"\#(row(100))","#)
        manner.probed = [" ", #"{"T":"#, #"{"\#(row(1))":{"initial":{"na"#, #"me":"slow"}}}}],"error":null}"#]
        // An answer to the request that follows would stand in the middle of it.
        (manner.answers["set_db_change_aware"], manner.answers["echo"]) = (nil, nil)
        try await ScriptedPeer.with([manner]) { peer in
            let client = try await TransactingClient.start(
                TransactingClient.configuration(peer, probe: .milliseconds(500))
            )
            for await report in client.reports {
                if case .disconnected(let error) = report.event { Issue.record("\(error)") }
                if report.names == ["slow"] { break }
            }
            await client.finish()
        }
    }

    @Test("clients that are told to spread do not all begin with the first remote, and try each of them")
    func shuffled() async throws {
        let remotes = (0..<8).map { Remote.unix(path: "/nowhere/\($0).sock") }
        var firsts: Set<Remote> = []
        // That all of them begin alike by chance happens once in 10^17 runs.
        for _ in 0..<20 {
            let client = try await TransactingClient.start(
                .init(remotes: remotes, database: "db", followed: [], isShuffled: true)
            )
            var tried: [String] = []
            while tried.count < remotes.count {
                tried.append(try #require(await client.disconnected()).error.description)
            }
            let wanted = remotes.map { "\($0): No such file or directory" }
            #expect(Set(tried) == Set(wanted))
            firsts.formUnion(zip(remotes, wanted).filter { $0.1 == tried[0] }.map(\.0))
            await client.client.stop()
        }
        #expect(firsts.count > 1)
    }

    @Test(
        "a real server is followed over TCP",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        arguments: ["127.0.0.1", "::1"].filter(hasAddress)
    )
    func overTCP(host: String) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let path = "\(ovs.runFolder)/over"
            try await ovs.check("ovsdb-tool", "create", "\(path).db", "/usr/share/openvswitch/vswitch.ovsschema")
            let listening = host.contains(":") ? "ptcp:0:[\(host)]" : "ptcp:0:\(host)"
            let options = ["--remote=\(listening)", "--remote=punix:\(path).sock", "--unixctl=\(path).ctl"]
            try await ovs.withProgram("ovsdb-server", ["\(path).db"] + options) { program in
                try await program.accepts(at: "\(path).sock")
                // In which order a server opens its remotes depends on their names; it answers when all are open.
                try await ovs.check("ovsdb-client", "list-dbs", "unix:\(path).sock")
                let port = try #require(Self.port(in: try Self.text(of: program.log)))
                let database = try await FollowingDatabase.start(remotes: [.tcp(host: host, port: port)])
                #expect(await database.synced())
                _ = try await database.client.transact([.insert(table: "Open_vSwitch", row: [:])])
                #expect(await database.replica { $0["Open_vSwitch"].count == 1 })
                try await database.finish()
            }
        }
    }

    private static func hasAddress(_ host: String) -> Bool {
        let server = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: host, port: 0)
        guard let channel = try? server.wait() else { return false }
        channel.close(promise: nil)
        return true
    }

    /// As ovsdb-server's log tells the port that the kernel chose.
    private static func port(in log: String) -> Int? {
        log.split(separator: "listening on port ").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
    }

    private static func text(of path: String) throws -> String {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&text, 1, text.count, file)
        return String(decoding: text[..<count], as: UTF8.self)
    }
}
