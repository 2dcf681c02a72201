import NIOPosix
import OVSDB
import TestSupport

extension OVSDBClient {
    /// Somebody else's client, connected, that follows nothing: a controller that means harm, or a thief of the lock.
    static func stranger(_ ovs: PrivateSwitch) async throws -> OVSDBClient {
        let client = try OVSDBClient(
            .init(remotes: [Remote(ovs.databaseRemote)], database: "Open_vSwitch", followed: []),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: .quiet
        )
        let (events, continuation) = AsyncStream.makeStream(of: Void.self)
        await client.start { event in if case .synced = event { continuation.yield() } }
        for await _ in events { break }
        return client
    }
}
