import Glibc
import JSONRPC
import NIOCore
import NIOPosix
import Synchronization

@testable import OVSDB

/// Stands between clients and a real server, passes everything on, and stops the first time, or a later one, that a
/// client sends a chosen request: the test then does to the server what it wants to, and lets the relay go on.
final class Relay: Sendable {
    /// When the request that it waits for reaches the server.
    enum Moment: String, Sendable, CaseIterable {
        /// Only after the test has done what it does.
        case before
        /// While the test does it: the answer may be under way.
        case after
    }

    let remote: Remote
    private let server: any Channel
    private let state: Mutex<State>
    private let reached: EventLoopPromise<Void>
    private let released: EventLoopPromise<Void>

    private struct State {
        /// The request to stop at; `nil` once it has.
        var method: String?
        var moment: Moment
        /// How often the request passes before.
        var passing = 0
        /// Bytes of the server's that are passed on at once from then on.
        var piece: Int?
        /// Bytes that a slow server's client gets at once.
        var slowPiece: Int?
    }

    /// - Parameters:
    ///   - method: the request to stop at.
    ///   - passing: how many of the kind pass before.
    ///   - slowPiece: how many bytes of the server's are passed on at once after it; `nil` for all there are.
    static func with<R>(
        _ path: String,
        to socket: String,
        at method: String,
        _ moment: Moment,
        passing: Int = 0,
        slowPiece: Int? = nil,
        _ body: (Relay) async throws -> R
    ) async throws -> R {
        let relay = try await Relay(
            path,
            socket,
            .init(method: method, moment: moment, passing: passing, slowPiece: slowPiece)
        )
        defer { unlink(path) }
        do {
            let result = try await body(relay)
            await relay.end()
            return result
        } catch {
            await relay.end()
            throw error
        }
    }

    private init(_ path: String, _ socket: String, _ state: State) async throws {
        remote = .unix(path: path)
        self.state = Mutex(state)
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (reached, released) = (loop.makePromise(of: Void.self), loop.makePromise(of: Void.self))
        (self.reached, self.released) = (reached, released)
        let owner = Owner()
        server = try await ServerBootstrap(group: loop)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                ClientBootstrap(group: loop).channelInitializer { server in
                    server.eventLoop.makeCompletedFuture {
                        try server.pipeline.syncOperations.addHandler(Downstream(client, owner))
                    }
                }
                .connect(unixDomainSocketPath: socket)
                .flatMapThrowing { server in
                    try client.pipeline.syncOperations.addHandler(Upstream(server, owner))
                    try client.syncOptions?.setOption(.autoRead, value: true)
                }
                .flatMapError { _ in client.close() }
            }
            .bind(unixDomainSocketPath: path).get()
        owner.relay.withLock { $0 = self }
    }

    /// Returns once the request came; throws when the task is cancelled first.
    func stopped() async throws {
        try await withTaskCancellationHandler {
            try await reached.futureResult.get()
        } onCancel: {
            reached.fail(CancellationError())
        }
    }

    /// Whether the request has come.
    var hasStopped: Bool { state.withLock { $0.method == nil } }

    /// Lets the request, or the answer to it, pass.
    func goOn() { released.succeed() }

    private func end() async {
        reached.succeed()
        released.succeed()
        try? await server.close()
    }

    /// What to do with a request: nothing, or hold it or what follows until the future is there.
    private func hold(_ method: String) -> (Moment, EventLoopFuture<Void>)? {
        let moment = state.withLock { state -> Moment? in
            guard state.method == method else { return nil }
            state.passing -= 1
            guard state.passing < 0 else { return nil }
            state.method = nil
            state.piece = state.slowPiece
            return state.moment
        }
        guard let moment else { return nil }
        reached.succeed()
        return (moment, released.futureResult)
    }

    private var piece: Int? { state.withLock { $0.piece } }

    /// The relay, which its own server's handlers can know only after it was made.
    private final class Owner: Sendable {
        let relay = Mutex<Relay?>(nil)
        var current: Relay? { relay.withLock { $0 } }
    }

    /// From a client to the server, message by message. Everything runs on one event loop.
    private final class Upstream: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let server: any Channel
        private let owner: Owner
        private var framer = MessageFramer(limits: .init(length: 1 << 24))
        private var last: EventLoopFuture<Void>

        init(_ server: any Channel, _ owner: Owner) {
            (self.server, self.owner) = (server, owner)
            last = server.eventLoop.makeSucceededVoidFuture()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            framer.append(&bytes)
            while let message = try? framer.next() {
                let method = (try? JSON(parsing: message.readableBytesView))?["method"]?.string ?? ""
                let server = server
                if let (moment, released) = owner.current?.hold(method) {
                    if moment == .before { last = last.and(released).map { _ in } }
                }
                // In order: what comes after a held request waits with it.
                last = last.map { server.writeAndFlush(message, promise: nil) }
            }
        }

        func channelInactive(context: ChannelHandlerContext) { server.close(promise: nil) }
    }

    /// From the server to a client.
    private final class Downstream: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let client: any Channel
        private let owner: Owner

        init(_ client: any Channel, _ owner: Owner) { (self.client, self.owner) = (client, owner) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            let piece = owner.current?.piece ?? bytes.readableBytes
            while let part = bytes.readSlice(length: min(piece, bytes.readableBytes)), part.readableBytes > 0 {
                client.writeAndFlush(part, promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
    }
}
