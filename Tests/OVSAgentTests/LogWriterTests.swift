import Glibc
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// A log that is read, or not.
@Suite("The log's writer") struct LogWriterTests {
    /// A connection of which nothing is read unless `read(_:)` is called.
    private static func connection() throws -> (writer: Int32, reader: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    /// Threads of its own that may be blocked: a reader that waits for one is a reader that stands still.
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 12)
        threads.start()
        return threads
    }()

    private static func drain(_ writer: LogWriter, seconds: Double = 120) async throws -> Bool {
        try await threads.runIfActive { writer.drain(seconds: seconds) }
    }

    private static func line(_ number: Int) -> [UInt8] { Array("line \(number)\n".utf8) }

    /// Begins at once: a socket takes few lines, and a drain may hold who would begin.
    private static func reading(_ descriptor: Int32) -> EventLoopFuture<[String]> {
        threads.runIfActive(eventLoop: MultiThreadedEventLoopGroup.singleton.any()) { lines(descriptor) }
    }

    /// All lines until the writer's end is closed.
    private static func lines(_ descriptor: Int32) -> [String] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        close(descriptor)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("lines come out whole and in order, and a drain waits for the last")
    func order() async throws {
        let (end, reader) = try Self.connection()
        let reading = Self.reading(reader)
        let writer = LogWriter(end)
        for number in 0..<500 { writer.append(Self.line(number)) }
        #expect(try await Self.drain(writer))
        close(end)
        #expect(try await reading.get() == (0..<500).map { "line \($0)" })
    }

    @Test("a reader that stands still holds nobody up; what is lost is counted where the log goes on")
    func standstill() async throws {
        let (end, reader) = try Self.connection()
        let writer = LogWriter(end, limit: 1000)
        let large = [UInt8](repeating: UInt8(ascii: "x"), count: 900) + [UInt8(ascii: "\n")]
        // Until the socket is full, and the thread stands still in its write.
        var count = 0
        while try await Self.drain(writer, seconds: 0.1) {
            writer.append(large)
            count += 1
        }
        for _ in 0..<10 { writer.append(large) }
        let reading = Self.reading(reader)
        #expect(try await Self.drain(writer))
        writer.append(Self.line(1))
        #expect(try await Self.drain(writer))
        close(end)
        let lines = try await reading.get()
        #expect(lines.last == "line 1")
        let notes = lines.filter { $0.hasSuffix("it is not read") }
        let lost = notes.compactMap { note in note.split(separator: " ").compactMap { Int($0) }.first }.reduce(0, +)
        #expect(lost >= 9 && lines.filter { $0.hasPrefix("xxx") }.count + lost == count + 10)
    }

    @Test(
        "whatever a message or its metadata quotes, it is one clean line",
        arguments: StandardErrorLog.Format.allCases
    )
    func hostile(_ format: StandardErrorLog.Format) async throws {
        let (end, reader) = try Self.connection()
        let reading = Self.reading(reader)
        let writer = LogWriter(end)
        let logger = Logger(label: "test") { _ in
            StandardErrorLog(level: LogLevel(.info), format: format, writer: writer)
        }
        let name = CleanTextTests.hostile
        logger.warning("drift Port \(name)", metadata: ["port": "\(name)"])
        #expect(try await Self.drain(writer))
        close(end)
        let lines = try await reading.get()
        #expect(lines.count == 1)
        let line = lines.first ?? ""
        #expect(line.contains("drift Port \(CleanTextTests.cleaned)"), "\(line)")
        #expect(!line.unicodeScalars.contains { CleanTextTests.steering.contains($0) }, "\(line)")
    }

    @Test("a reader that is gone costs nothing but the lines")
    func gone() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (end, reader) = try Self.connection()
        close(reader)
        let writer = LogWriter(end)
        for number in 0..<10 { writer.append(Self.line(number)) }
        #expect(try await Self.drain(writer))
        close(end)
    }
}
