import Glibc
import JSONRPC
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import OVSDB

/// A server at a unix socket that says to its first, second ... connection what a test wants said.
struct ScriptedPeer: Sendable {
    /// What one connection meets.
    struct Manner: Sendable {
        enum Ending: Sendable { case close, silence }

        /// Sent at once.
        var greeting: [UInt8] = []
        /// What follows a request, under its method; `ID` stands for its id. No text is no answer.
        var answers: [String: String] = [:]
        /// What follows the first probe, the second ...; after these it is as for any request.
        var probed: [String] = []
        /// How many bytes are sent before the end.
        var length = Int.max
        var ending = Ending.silence
        /// The request after whose answer the connection is closed.
        var last: String?
        /// Whether what the client sends is read at all.
        var reads = true
    }

    static let schema = """
        {"name":"db","version":"1.0.0","tables":{"T":{"indexes":[["name"]],"columns":{"name":{"type":"string"},\
        "number":{"type":"integer"},"more":{"type":{"key":"string","min":0,"max":"unlimited"}}}}}}
        """

    let remote: Remote
    private let folder: String
    private let server: any Channel

    static func with<R>(_ manners: [Manner], _ body: (ScriptedPeer) async throws -> R) async throws -> R {
        var template = Array("/tmp/ovspXXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw IOError(errnoCode: errno, reason: "mkdtemp") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { rmdir(folder) }
        let path = "\(folder)/db.sock"
        defer { unlink(path) }
        let counter = Counter()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = min(counter.next(), manners.count - 1)
                    let handler = Handler(manners[number])
                    try channel.pipeline.syncOperations.addHandler(handler)
                    if !manners[number].reads { try channel.syncOptions?.setOption(.autoRead, value: false) }
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let peer = ScriptedPeer(remote: .unix(path: path), folder: folder, server: server)
        do {
            let result = try await body(peer)
            try? await server.close()
            return result
        } catch {
            try? await server.close()
            throw error
        }
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)

        /// 0, 1, 2 ...
        func next() -> Int {
            count.withLock { count in
                defer { count += 1 }
                return count
            }
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let manner: Manner
        private var framer = MessageFramer(limits: .init(length: 1 << 20))
        private var sent = 0
        private var probes = 0

        init(_ manner: Manner) { self.manner = manner }

        func channelActive(context: ChannelHandlerContext) { say(manner.greeting, context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            framer.append(&bytes)
            while let message = try? framer.next(), let json = try? JSON(parsing: message.readableBytesView) {
                guard let method = json["method"]?.string, let answer = answer(to: method) else { continue }
                let id = json["id"]?.text() ?? "null"
                say(
                    Array(answer.split(separator: "ID", omittingEmptySubsequences: false).joined(separator: id).utf8),
                    context
                )
                if method == manner.last { context.close(promise: nil) }
            }
        }

        private func answer(to method: String) -> String? {
            guard method == "echo", probes < manner.probed.count else { return manner.answers[method] }
            defer { probes += 1 }
            return manner.probed[probes]
        }

        private func say(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
            let part = bytes.prefix(manner.length - sent)
            sent += part.count
            if !part.isEmpty { context.writeAndFlush(NIOAny(ByteBuffer(bytes: part)), promise: nil) }
            if sent == manner.length, manner.ending == .close { context.close(promise: nil) }
        }
    }
}

extension ScriptedPeer.Manner {
    /// A server, as one on its own, whose only row has this name first and then the same with a `+`.
    static func good(_ name: String) -> Self {
        .init(answers: [
            "get_schema": #"{"id":ID,"result":\#(ScriptedPeer.schema),"error":null}"#,
            "set_db_change_aware": #"{"id":ID,"result":{},"error":null}"#,
            "lock": #"{"id":ID,"result":{"locked":true},"error":null}"#,
            "monitor_cond_since": snapshot(#"{"name":"\#(name)","number":1}"#) + update(#"{"name":"\#(name)+"}"#),
            "echo": #"{"id":ID,"result":[],"error":null}"#,
            "transact": #"{"id":ID,"result":[{}],"error":null}"#,
        ])
    }

    /// The same, but it closes the connection after that.
    func ended() -> Self {
        var manner = self
        manner.last = "monitor_cond_since"
        return manner
    }

    /// The same, but its answer to this is another.
    func answering(_ method: String, _ answer: String?) -> Self {
        var manner = self
        manner.answers[method] = answer
        return manner
    }

    /// A server that answers a monitor like this, and a transaction never.
    static func monitor(_ answer: String) -> Self {
        good("x").answering("monitor_cond_since", answer).answering("transact", nil)
    }

    static func snapshot(_ columns: String) -> String {
        #"{"id":ID,"result":[false,"\#(JSONRPC.UUID.zero)",{"T":{"\#(row(1))":{"initial":\#(columns)}}}],"error":null}"#
    }

    static func update(_ columns: String) -> String {
        #"{"id":null,"method":"update3","params":["ovsdb","\#(JSONRPC.UUID.zero)",{"T":{"\#(row(1))":{"modify":\#(columns)}}}]}"#
    }
}

/// A client that sends one transaction on every connection, and what happens to it.
struct TransactingClient: Sendable {
    struct Report: Sendable {
        let event: OVSDBClient.Event
        /// The names in the replica at that moment.
        let names: [String]?
        /// The column `more` of its only row.
        let more: Datum
    }

    let client: OVSDBClient
    let reports: AsyncStream<Report>
    let answers: AsyncStream<Result<[OVSDB.OperationResult], OVSDBError>>

    static func start(_ configuration: OVSDBClient.Configuration) async throws -> TransactingClient {
        let client = try OVSDBClient(
            configuration,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let (reports, report) = AsyncStream.makeStream(of: Report.self)
        let (answers, answer) = AsyncStream.makeStream(of: Result<[OVSDB.OperationResult], OVSDBError>.self)
        await client.start { event in
            client.assumeIsolated { client in
                report.yield(
                    .init(
                        event: event,
                        names: client.replica.map { $0["T"].rows.map(\.name) },
                        more: client.replica?["T"][row(1)]?["more"] ?? .emptySet
                    )
                )
                guard case .connected = event else { return }
                client.transact([.comment("c")]) { answer.yield($0) }
            }
        }
        return TransactingClient(client: client, reports: reports, answers: answers)
    }

    static func configuration(_ peer: ScriptedPeer, probe: TimeAmount = .seconds(60)) -> OVSDBClient.Configuration {
        .init(
            remotes: [peer.remote],
            database: "db",
            lock: "l",
            followed: [.init("T", columns: ["name", "number", "more"])],
            pace: .init(unclampedBackoff: .milliseconds(1), .milliseconds(20), probeInterval: probe),
            longestSnapshot: 100_000,
            longestMessage: 100_000,
            longestBacklog: 100_000
        )
    }

    /// Ends the client, after a look whether its replica is sound.
    func finish() async {
        #expect(await client.replica?.inconsistencies() ?? [] == [])
        await client.stop()
    }

    /// The next end of a connection; `nil` when the test's time is over.
    func disconnected() async -> (error: OVSDBError, names: [String]?)? {
        for await report in reports { if case .disconnected(let error) = report.event { return (error, report.names) } }
        return nil
    }

    func has(_ name: String) async -> Bool {
        for await report in reports where report.names == [name] { return true }
        return false
    }

    func answer() async -> Result<[OVSDB.OperationResult], OVSDBError>? {
        for await answer in answers { return answer }
        return nil
    }
}
