import Glibc
import Logging
import NIOCore
import NIOPosix

/// The control socket: takes callers, and lets each talk to the agent through a ``ControlHandler``.
///
/// It lives on one event loop, the agent's. At most ``maximumConnections`` are served: see ``ControlPlaces``. Who has to
/// go, or is one too many, sees a closed connection.
struct ControlServer: Sendable {
    static let maximumConnections = 64

    private let socket: ControlSocket
    private let channel: any Channel
    private let core: NIOLoopBound<Core>

    /// Takes the socket at `path` and begins to serve. May be called from any thread but another event loop's.
    ///
    /// Throws ``ControlSocketError`` where the path can't be had: the daemon ends with it.
    static func start(
        at path: String,
        target: any ControlTarget,
        on loop: any EventLoop,
        logger: Logger
    ) async throws -> ControlServer {
        let socket = try ControlSocket.listen(at: path)
        do {
            return try await serve(socket, target: target, on: loop, logger: logger)
        } catch {
            socket.remove()
            throw error
        }
    }

    private static func serve(
        _ socket: ControlSocket,
        target: any ControlTarget,
        on loop: any EventLoop,
        logger: Logger
    ) async throws -> ControlServer {
        let core = try await loop.submit {
            NIOLoopBound(Core(target: target, loop: loop, logger: logger), eventLoop: loop)
        }.get()
        let channel = try await ServerBootstrap(group: loop, childGroup: loop)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try core.value.adopt(child)
                }
            }
            .withBoundSocket(socket.descriptor)
            .get()
        return ControlServer(socket: socket, channel: channel, core: core)
    }

    /// Has those who wait for events looked after once the loop is done with what it does now. On the event loop only.
    func journalGrew() { core.value.journalGrew() }

    /// How many callers are connected.
    func connectionCount() async throws -> Int {
        let core = core
        return try await channel.eventLoop.submit { core.value.connectionCount }.get()
    }

    /// Removes the socket, ends the service and closes every connection.
    func stop() async {
        guard channel.isActive else { return }
        socket.remove()
        try? await channel.close()
        let core = core
        try? await channel.eventLoop.submit { core.value.closeAll() }.get()
    }
}

extension ControlServer {
    /// What the connections share, on the event loop.
    final class Core {
        let target: any ControlTarget
        let logger: Logger
        private let loop: any EventLoop
        private var isTurnComing = false
        private var handlers: [ObjectIdentifier: (handler: ControlHandler, channel: any Channel)] = [:]
        private var places = ControlPlaces<ObjectIdentifier>(count: ControlServer.maximumConnections)

        init(target: any ControlTarget, loop: any EventLoop, logger: Logger) {
            self.target = target
            self.loop = loop
            self.logger = logger
        }

        var connectionCount: Int { handlers.count }

        /// Gives a new connection its handler, or refuses it.
        func adopt(_ channel: any Channel) throws {
            let mayChange =
                try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                    of: NIOBSDSocket.Handle.self
                ) { PeerCredentials(of: $0)?.mayChange ?? false } ?? false
            let handler = ControlHandler(server: self, mayChange: mayChange)
            switch places.enter(ObjectIdentifier(handler), mayChange: mayChange) {
            case .admitted: break
            case .admittedInstead(let former):
                logger.debug("control connection closed", metadata: ["reason": "its place was needed"])
                handlers.removeValue(forKey: former)?.channel.close(promise: nil)
            case .refused:
                logger.warning("control connection refused", metadata: ["connections": "\(handlers.count)"])
                throw TooManyConnections()
            }
            handlers[ObjectIdentifier(handler)] = (handler, channel)
            do {
                try channel.pipeline.syncOperations.addHandler(handler)
            } catch {
                forget(handler)
                throw error
            }
        }

        func forget(_ handler: ControlHandler) {
            places.leave(ObjectIdentifier(handler))
            handlers[ObjectIdentifier(handler)] = nil
        }

        /// What a caller does from now on.
        func note(_ handler: ControlHandler, _ occupation: ControlPlaces<ObjectIdentifier>.Occupation) {
            places.note(ObjectIdentifier(handler), occupation)
        }

        /// Answers each waiter whose event has come: once for all events of this turn of the loop, and after it, so that
        /// those who look on do not hold up a repair.
        func journalGrew() {
            guard !isTurnComing, handlers.values.contains(where: { $0.handler.awaitedEvent != nil }) else { return }
            isTurnComing = true
            loop.assumeIsolated().execute {
                self.isTurnComing = false
                for (handler, _) in self.handlers.values { handler.journalGrew() }
            }
        }

        func closeAll() {
            for (_, channel) in handlers.values { channel.close(promise: nil) }
        }
    }
}

/// Makes NIO close a connection that is one too many.
private struct TooManyConnections: Error {}
