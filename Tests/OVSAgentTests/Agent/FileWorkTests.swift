import Glibc
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import OVSAgent

/// One after another, as all work with files of a process has the same threads.
@Suite("Work with files", .serialized, .timeLimit(.minutes(1))) struct FileWorkTests {
    /// A disk that hangs until it is told not to.
    private final class Disk: Sendable {
        private let gate: (reading: Int32, writing: Int32)
        let begun = Atomic(0)

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            gate = (ends[0], ends[1])
        }

        deinit { close(gate.reading) }

        func hang() {
            begun.add(1, ordering: .relaxed)
            var byte: UInt8 = 0
            _ = read(gate.reading, &byte, 1)
        }

        /// Lets all go who hang, now and later.
        func answer() { close(gate.writing) }
    }

    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// Work with this patience, and what it tells.
    private func work(patience: TimeAmount) async throws -> (NIOLoopBound<FileWork>, AsyncStream<FileWork.Late?>) {
        let (news, continuation) = AsyncStream<FileWork.Late?>.makeStream()
        let loop = loop
        let work = try await loop.submit {
            NIOLoopBound(FileWork(on: loop, patience: patience) { continuation.yield($0) }, eventLoop: loop)
        }.get()
        return (work, news)
    }

    @Test("is done in its order, each after the one before, whatever becomes of that")
    func order() async throws {
        struct Failed: Error {}
        let (work, _) = try await work(patience: .seconds(20))
        let log = Mutex<[Int]>([])
        let jobs = try await loop.submit {
            (0..<20).map { number in
                work.value.run("\(number)") {
                    log.withLock { $0.append(number) }
                    if number % 3 == 0 { throw Failed() }
                    return number
                }
            }
        }.get()
        for (number, job) in jobs.enumerated() {
            if number % 3 == 0 {
                await #expect(throws: Failed.self) { try await job.get() }
            } else {
                #expect(try await job.get() == number)
            }
        }
        #expect(log.withLock { $0 } == Array(0..<20))
    }

    @Test(
        "a disk that hangs fails what waits for it in time, holds up nothing after that, and is told until it answers"
    )
    func hanging() async throws {
        let (work, news) = try await work(patience: .seconds(1))
        var told = news.makeAsyncIterator()
        let disk = try Disk()
        let late = FileWork.Late(what: "reading a", patience: .seconds(1))
        let (first, second) = try await loop.submit {
            (work.value.run("reading a") { disk.hang() }, work.value.run("saving b") { 2 })
        }.get()
        await #expect(throws: late) { try await first.get() }
        #expect(try await second.get() == 2)
        #expect(await told.next() == late)
        #expect(try await loop.submit { work.value.hanging }.get() == [late])
        disk.answer()
        #expect(await told.next() == .some(nil))
        #expect(try await loop.submit { work.value.hanging }.get() == [])
    }

    @Test("what no thread was free for in time is not begun later")
    func exhausted() async throws {
        let (work, news) = try await work(patience: .milliseconds(20))
        var told = news.makeAsyncIterator()
        let disk = try Disk()
        let jobs = try await loop.submit { (0..<12).map { work.value.run("\($0)") { disk.hang() } } }.get()
        for job in jobs { await #expect(throws: FileWork.Late.self) { try await job.get() } }
        let begun = disk.begun.load(ordering: .relaxed)
        #expect(begun >= 1 && begun < 12)
        disk.answer()
        var ended = 0
        while ended < 12, let news = await told.next() { if news == nil { ended += 1 } }
        #expect(disk.begun.load(ordering: .relaxed) == begun)
        // So short a time may be over before a busy machine has begun.
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        var after: Int?
        while after == nil, ContinuousClock.now < deadline {
            after = try? await loop.submit { work.value.run("after") { 1 } }.get().get()
        }
        #expect(after == 1)
    }
}
