import Glibc
import NIOCore
import NIOPosix
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// How the chain's keeper finds bridges that come, and come again.
@Suite("The chain's sockets", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainFolderTests {
    /// A keeper of br0 that tries once an hour by itself, and whether it reaches the bridge, whenever that changes.
    private static func keeping(
        _ folder: String,
        _ body: (AsyncStream<Bool>) async throws -> Void
    ) async throws {
        let keeper = ChainKeeper(
            openFlowFolder: folder,
            timing: .init(pacing: .init(first: .hours(1), longest: .hours(1))),
            on: MultiThreadedEventLoopGroup.singleton.next()
        )
        let (states, continuation) = AsyncStream<Bool>.makeStream()
        await keeper.start { news in
            guard case .state(_, let state) = news else { return }
            if case .up = state { continuation.yield(true) } else { continuation.yield(false) }
        }
        await keeper.follow(["br0"])
        try await body(states)
        await keeper.stop()
    }

    @Test("a bridge is reached when its socket comes, whenever that is")
    func comes() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
            let socket = "\(ovs.runFolder)/br0.mgmt"
            // Moved, as one that is made can't be connected to before it is listened on, a moment later.
            #expect(rename(socket, "\(socket).away") == 0)
            try await Self.keeping(ovs.runFolder) { states in
                var isReached = states.makeAsyncIterator()
                #expect(await isReached.next() == false)
                #expect(rename("\(socket).away", socket) == 0)
                #expect(await isReached.next() == true)
            }
        }
    }

    @Test("a folder that comes later is found")
    func folder() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
            let folder = "\(ovs.runFolder)/later"
            try await Self.keeping(folder) { states in
                var isReached = states.makeAsyncIterator()
                #expect(await isReached.next() == false)
                for _ in 0..<2 {
                    #expect(mkdir(folder, 0o700) == 0)
                    #expect(symlink("\(ovs.runFolder)/br0.mgmt", "\(folder)/br0.mgmt") == 0)
                    while await isReached.next() == false {}
                    #expect(unlink("\(folder)/br0.mgmt") == 0 && rmdir(folder) == 0)
                    try await ovs.restartSwitch()
                    while await isReached.next() == true {}
                }
            }
        }
    }
}
