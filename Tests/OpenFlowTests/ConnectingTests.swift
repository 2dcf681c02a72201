import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import OpenFlow

/// How a connection begins, on the other side of the socket.
struct ConnectingTests {
    @Test("whoever asks for an attempt in the turn in which one begins gets one connection, not two")
    func once() async throws {
        let path = "/tmp/ovsa-connecting-\(UInt32.random(in: .min ... .max)).sock"
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let accepted = Mutex(0)
        let own = group.next().makePromise(of: Void.self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                // Connections are accepted in the order in which they were made; the last is the test's own.
                let isOwn = accepted.withLock { count in
                    count += 1
                    return count > 1
                }
                if isOwn { own.succeed() }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        let eventLoop = NIOSingletons.posixEventLoopGroup.next()
        let watcher = SwitchWatcher(eventLoop: eventLoop)
        try await eventLoop.submit {
            watcher.assumeIsolated { $0.open(path) }
            eventLoop.execute { watcher.assumeIsolated { $0.refresh() } }
        }.get()
        // After whatever the turns before began.
        try await eventLoop.submit {}.get()
        let client = try await ClientBootstrap(group: group).connect(unixDomainSocketPath: path).get()
        try await own.futureResult.get()
        try await watcher.close()
        try await client.close()
        try await server.close()
        #expect(accepted.withLock { $0 } == 2)
        try await group.shutdownGracefully()
    }
}
