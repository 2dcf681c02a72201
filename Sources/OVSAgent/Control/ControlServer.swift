import Glibc
import Logging
import NIOCore
import NIOPosix

/// The control socket: takes callers, and lets each talk to the agent through a ``ControlHandler``.
///
/// It lives on one event loop, the agent's. At most ``maximumConnections`` are served: see ``ControlPlaces``. Who has to
/// go sees a closed connection; who is one too many is told so, and sees one where as many more are told already.
struct ControlServer: Sendable {
    static let maximumConnections = 64

    private let loop: any EventLoop
    private let core: NIOLoopBound<Core>

    /// Takes the socket at `path` and begins to serve. May be called from any thread but another event loop's.
    ///
    /// Throws ``ControlSocketError`` where the path can't be had: the daemon ends with it.
    static func start(
        at path: String,
        target: any ControlTarget,
        on loop: any EventLoop,
        threads: NIOThreadPool = .singleton,
        logger: Logger
    ) async throws -> ControlServer {
        let socket = try ControlSocket.listen(at: path)
        do {
            let core = try await loop.flatSubmit {
                let core = NIOLoopBound(
                    Core(target: target, loop: loop, threads: threads, logger: logger),
                    eventLoop: loop
                )
                return core.value.listen(at: socket).map { core }
            }.get()
            return ControlServer(loop: loop, core: core)
        } catch {
            socket.remove()
            throw error
        }
    }

    /// Has those who wait for events looked after once the loop is done with what it does now. On the event loop only.
    func journalGrew() { core.value.journalGrew() }

    /// How many callers are connected.
    func connectionCount() async throws -> Int {
        let core = core
        return try await loop.submit { core.value.connectionCount }.get()
    }

    /// Removes the socket, ends the service and closes every connection.
    func stop() async {
        let core = core
        try? await loop.flatSubmit { core.value.stop() }.get()
    }
}

extension ControlServer {
    /// What the connections share, on the event loop.
    final class Core {
        let target: any ControlTarget
        let logger: Logger
        /// For what takes longer than a repair.
        let threads: NIOThreadPool
        private let loop: any EventLoop
        private var listener: ControlListener?
        /// How long one who is turned away may take to ask what he came for.
        private static let patienceWithTurnedAway = TimeAmount.seconds(2)
        private var isTurnComing = false
        private var handlers: [ObjectIdentifier: (handler: ControlHandler, channel: any Channel)] = [:]
        private var places = ControlPlaces<ObjectIdentifier>(count: ControlServer.maximumConnections)
        /// Callers that have no place and are told so.
        private var turnedAway: [ObjectIdentifier: any Channel] = [:]

        init(target: any ControlTarget, loop: any EventLoop, threads: NIOThreadPool, logger: Logger) {
            self.target = target
            self.loop = loop
            self.threads = threads
            self.logger = logger
        }

        var connectionCount: Int { handlers.count }

        /// Takes callers at a socket from now on.
        func listen(at socket: ControlSocket) -> EventLoopFuture<Void> {
            let core = NIOLoopBound(self, eventLoop: loop)
            let (target, path) = (target, socket.path)
            let listener = ControlListener(
                socket,
                on: loop,
                adopt: { try core.value.adopt($0) },
                tell: { target.controlSocket(at: path, $0) }
            )
            self.listener = listener
            return listener.start()
        }

        func stop() -> EventLoopFuture<Void> {
            let end = listener?.stop() ?? loop.makeSucceededVoidFuture()
            return end.assumeIsolated().map { self.closeAll() }.nonisolated()
        }

        /// Gives a new connection its handler, or refuses it.
        func adopt(_ channel: any Channel) throws {
            let mayChange =
                try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                    of: NIOBSDSocket.Handle.self
                ) { PeerCredentials(of: $0)?.mayChange ?? false } ?? false
            let handler = ControlHandler(server: self, mayChange: mayChange)
            let id = ObjectIdentifier(handler)
            switch places.enter(id, mayChange: mayChange) {
            case .admitted: break
            case .admittedInstead(let former):
                logger.debug("control connection closed", metadata: ["reason": "its place was needed"])
                handlers.removeValue(forKey: former)?.channel.close(promise: nil)
            case .refused:
                logger.warning("control connection refused", metadata: ["connections": "\(handlers.count)"])
                guard turnedAway.count < ControlServer.maximumConnections else { throw TooManyConnections() }
                let usher = ControlHandler(
                    server: self,
                    mayChange: mayChange,
                    turnedAwayWithin: Self.patienceWithTurnedAway
                )
                turnedAway[ObjectIdentifier(usher)] = channel
                return try channel.pipeline.syncOperations.addHandler(usher)
            }
            handlers[id] = (handler, channel)
            do {
                try channel.pipeline.syncOperations.addHandler(handler)
            } catch {
                forget(handler)
                throw error
            }
        }

        func forget(_ handler: ControlHandler) {
            let id = ObjectIdentifier(handler)
            places.leave(id)
            handlers[id] = nil
            turnedAway[id] = nil
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

        private func closeAll() {
            for (_, channel) in handlers.values { channel.close(promise: nil) }
            for channel in turnedAway.values { channel.close(promise: nil) }
        }
    }
}

/// Makes NIO close a connection that is one too many.
private struct TooManyConnections: Error {}
