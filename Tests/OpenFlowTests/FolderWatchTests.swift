import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import OpenFlow

/// What comes into a folder.
@Suite("A watched folder", .timeLimit(.minutes(1))) struct FolderWatchTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private static func touch(_ path: String) {
        let descriptor = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
    }

    @Test("tells what is made or moved there, by name and in order, and its own end")
    func events() async throws {
        var template = Array("/tmp/ovsa.XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        let inside = "\(folder)/in"
        #expect(mkdir(inside, 0o700) == 0)
        defer { rmdir(folder) }
        Self.touch("\(inside)/before")
        let (events, continuation) = AsyncStream<FolderWatch.Event>.makeStream()
        let loop = loop
        let watch = try await loop.submit {
            NIOLoopBound(FolderWatch(inside, eventLoop: loop) { continuation.yield($0) }, eventLoop: loop)
        }.get()
        var iterator = events.makeAsyncIterator()
        let long = String(repeating: "n", count: 255)
        for name in ["br0.mgmt", long] {
            Self.touch("\(inside)/\(name)")
            #expect(await iterator.next() == .came(name))
        }
        Self.touch("\(folder)/outside")
        #expect(rename("\(folder)/outside", "\(inside)/moved") == 0)
        #expect(await iterator.next() == .came("moved"))
        for name in ["before", "br0.mgmt", long, "moved"] { #expect(unlink("\(inside)/\(name)") == 0) }
        #expect(rmdir(inside) == 0)
        #expect(await iterator.next() == .ended)
        try await loop.submit { watch.value?.close() }.get()
    }

    @Test("that is not there can't be watched, and a closed watch tells nothing")
    func nothing() async throws {
        let loop = loop
        try await loop.submit {
            #expect(FolderWatch("/nowhere", eventLoop: loop) { _ in } == nil)
            #expect(FolderWatch("/proc/self/exe", eventLoop: loop) { _ in } == nil)
            let watch = FolderWatch("/tmp", eventLoop: loop) { Issue.record("\($0)") }
            watch?.close()
            watch?.close()
        }.get()
        var template = Array("/tmp/ovsa.XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        rmdir(folder)
        try await loop.submit {}.get()
    }
}
