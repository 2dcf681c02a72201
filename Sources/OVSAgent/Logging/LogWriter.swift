import DequeModule
import Glibc
import NIOConcurrencyHelpers
import NIOPosix

/// Writes lines to a descriptor on a thread of its own: who logs never waits for who reads, be it a journal that stands
/// still or a terminal that was stopped.
///
/// What waits is bounded. Past that, lines are lost, and the next line that is not lost is preceded by one that counts them.
package final class LogWriter: @unchecked Sendable {
    private enum Condition { case idle, writing }

    private let descriptor: Int32
    private let limit: Int
    private let thread = NIOThreadPool(numberOfThreads: 1)

    // Guarded by `lock`, whose condition says to who waits whether the thread is at work.
    private let lock = ConditionLock(value: Condition.idle)
    private var isWriting = false
    private var lines: Deque<[UInt8]> = []
    private var waiting = 0
    private var lost = 0

    /// - Parameter limit: how many bytes may wait.
    package init(_ descriptor: Int32, limit: Int = 1 << 20) {
        self.descriptor = descriptor
        self.limit = limit
        thread.start()
    }

    deinit { thread.shutdownGracefully { _ in } }

    /// Takes a line with its end.
    package func append(_ line: [UInt8]) {
        lock.lock()
        guard waiting + line.count <= limit else {
            lost += 1
            return lock.unlock()
        }
        if lost > 0 {
            enqueue(Array("\(Timestamp.now()) warning: \(lost) lines of this log are lost: it is not read\n".utf8))
            lost = 0
        }
        enqueue(line)
        let begins = !isWriting
        isWriting = true
        lock.unlock(withValue: .writing)
        if begins { thread.submit { _ in self.write() } }
    }

    /// Waits until all is written, at most this long, and says whether it is.
    @discardableResult
    package func drain(seconds: Double = 1) -> Bool {
        guard lock.lock(whenValue: .idle, timeoutSeconds: seconds) else { return false }
        lock.unlock()
        return true
    }

    private func enqueue(_ line: [UInt8]) {
        lines.append(line)
        waiting += line.count
    }

    private func write() {
        while let line = next() {
            // One write a line, so that lines of several processes do not mix.
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                // The log itself can't be written, so there is no place where this could be told.
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
        }
    }

    private func next() -> [UInt8]? {
        lock.lock()
        guard let line = lines.popFirst() else {
            isWriting = false
            lock.unlock(withValue: .idle)
            return nil
        }
        waiting -= line.count
        lock.unlock()
        return line
    }
}
