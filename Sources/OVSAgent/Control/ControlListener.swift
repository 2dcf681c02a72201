import Glibc
import Logging
import NIOCore
import NIOPosix
import OpenFlow

/// The control socket in its place for as long as the daemon runs: somebody who cleans up `/run` must not leave an agent
/// that nobody can talk to. A file that went is made again at once, and after a second in the daemon's first; whatever else
/// stands there then is looked at every second, and never taken from who listens on it.
///
/// Bound to one event loop; what may wait for a file system is done by other threads.
final class ControlListener {
    /// What becomes of the socket.
    enum News: Hashable, Sendable {
        /// There is none, and why.
        case lost(String)
        /// There is one again.
        case restored
    }

    private static let retryTime = TimeAmount.seconds(1)

    private let loop: any EventLoop
    /// Takes a caller's connection, or refuses it.
    private let adopt: @Sendable (any Channel) throws -> Void
    private let tell: (News) -> Void
    private var socket: ControlSocket
    private var channel: (any Channel)?
    private var watch: FolderWatch?
    private var retry: Scheduled<Void>?
    /// The look that is under way.
    private var looking: EventLoopFuture<Void>?
    /// Something happened since the look that is under way began.
    private var isStale = false
    private var isEnding = false
    private var trouble: String?

    init(
        _ socket: ControlSocket,
        on loop: any EventLoop,
        adopt: @escaping @Sendable (any Channel) throws -> Void,
        tell: @escaping (News) -> Void
    ) {
        self.socket = socket
        self.loop = loop
        self.adopt = adopt
        self.tell = tell
    }

    /// Takes callers from now on. The first moments of a daemon are for its work; then the file is looked after.
    func start() -> EventLoopFuture<Void> {
        serve(socket).assumeIsolated().map { [self] channel in
            self.channel = channel
            lookAgain()
        }.nonisolated()
    }

    /// Takes no more callers and removes the file. A look that is under way may just be making it again, and is waited for:
    /// the next daemon finds the path free.
    func stop() -> EventLoopFuture<Void> {
        let looked = looking ?? loop.makeSucceededVoidFuture()
        return end().and(looked).map { _ in }
    }

    private func end() -> EventLoopFuture<Void> {
        isEnding = true
        watch?.close()
        retry?.cancel()
        guard let channel, channel.isActive else { return loop.makeSucceededVoidFuture() }
        // Before the descriptor is closed: see ``ControlSocket/remove()``.
        socket.remove()
        return channel.close().flatMapErrorThrowing { _ in }
    }

    private func serve(_ socket: ControlSocket) -> EventLoopFuture<any Channel> {
        let adopt = adopt
        return ServerBootstrap(group: loop, childGroup: loop)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { child in child.eventLoop.makeCompletedFuture { try adopt(child) } }
            .withBoundSocket(socket.descriptor)
    }

    private enum Sight: Sendable {
        case inPlace
        case made(ControlSocket)
        case failed(String)
    }

    /// Looks whether the file is in its place, and makes it again where it is not.
    private func look() {
        guard !isEnding else { return }
        guard looking == nil else {
            isStale = true
            return
        }
        let done = loop.makePromise(of: Void.self)
        looking = done.futureResult
        isStale = false
        if watch == nil { watchFolder() }
        let socket = socket
        NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            if socket.isInPlace { return Sight.inPlace }
            do throws(ControlSocketError) {
                return .made(try ControlSocket.listen(at: socket.path))
            } catch {
                return .failed("\(error)")
            }
        }.assumeIsolated().whenComplete { [self] result in
            looking = nil
            defer { done.succeed() }
            switch result {
            case .success(.inPlace): settled()
            case .success(.made(let socket)): replace(by: socket)
            case .success(.failed(let reason)): failed(reason)
            case .failure(let error): failed("\(socket.path): \(error)")
            }
        }
    }

    private func watchFolder() {
        let path = socket.path
        let name = path.split(separator: "/").last.map(String.init) ?? path
        watch = FolderWatch(ControlSocket.parent(of: path), tellsWhatGoes: true, eventLoop: loop) { [weak self] event in
            switch event {
            case .came(name), .went(name), .missed: self?.look()
            case .came, .went: break
            case .ended:
                self?.watch = nil
                self?.look()
            }
        }
    }

    private func replace(by next: ControlSocket) {
        guard !isEnding else {
            next.remove()
            close(next.descriptor)
            return
        }
        // Those who are connected stay so. By that they keep a folder that was removed alive, and its watch silent.
        channel?.close(promise: nil)
        channel = nil
        watch?.close()
        watch = nil
        socket = next
        serve(next).assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let channel):
                self.channel = channel
                guard !isEnding else {
                    _ = end()
                    return
                }
                trouble = nil
                tell(.restored)
                look()
            case .failure(let error):
                // A file that nobody listens on is none.
                next.remove()
                failed("\(next.path): \(error)")
            }
        }
    }

    private func settled() {
        if trouble != nil {
            // Whoever took the file away has put it back.
            trouble = nil
            tell(.restored)
        }
        if isStale { look() } else if watch == nil { lookAgain() }
    }

    private func failed(_ reason: String) {
        if reason != trouble {
            trouble = reason
            tell(.lost(reason))
        }
        lookAgain()
    }

    private func lookAgain() {
        retry?.cancel()
        retry = loop.assumeIsolated().scheduleTask(in: Self.retryTime) { [weak self] in self?.look() }
    }
}
