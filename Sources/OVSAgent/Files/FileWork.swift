import NIOCore
import NIOPosix
import Synchronization

/// Work with files on threads of its own, one thing after another, so that the layout read last is the one at work and the
/// one kept.
///
/// A disk that does not answer holds up one thing and not what comes after it: what takes longer than `patience` has failed
/// for whoever asked, and the next thing begins on another thread. What is late is told until it ends.
///
/// Bound to one event loop.
final class FileWork {
    /// Something was not done in time. Whether it is done later is not known.
    struct Late: Error, Hashable, Sendable, CustomStringConvertible {
        var what: String
        var patience: TimeAmount

        var description: String {
            "\(what) takes longer than \(patience.nanoseconds / 1_000_000_000) s: the disk does not answer"
        }
    }

    /// Every one of them may hang, and nothing else on the host hangs with them.
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 4)
        threads.start()
        return threads
    }()

    private let eventLoop: any EventLoop
    private let patience: TimeAmount
    private let onChange: (Late?) -> Void
    private var last: EventLoopFuture<Void>
    private var number = 0
    /// What is late and has not ended, by number.
    private var late: [Int: Late] = [:]

    /// - Parameter onChange: called with what is late, and with `nil` when it has ended after all.
    init(on eventLoop: any EventLoop, patience: TimeAmount, onChange: @escaping (Late?) -> Void) {
        self.eventLoop = eventLoop
        self.patience = patience
        self.onChange = onChange
        last = eventLoop.makeSucceededVoidFuture()
    }

    /// What hangs, the oldest first.
    var hanging: [Late] { late.sorted { $0.key < $1.key }.map(\.value) }

    /// Done once all that was asked for before is, or is late.
    var done: EventLoopFuture<Void> { last }

    /// Has something done once all that was asked for before is, or is late. It fails with ``Late`` where it is itself.
    func run<Value: Sendable>(
        _ what: String,
        _ body: @escaping @Sendable () throws -> Value
    ) -> EventLoopFuture<Value> {
        let promise = eventLoop.makePromise(of: Value.self)
        let turn = last
        last = promise.futureResult.map { _ in }.flatMapErrorThrowing { _ in }
        turn.assumeIsolated().whenComplete { [self] _ in begin(what, body, promise) }
        return promise.futureResult
    }

    private func begin<Value: Sendable>(
        _ what: String,
        _ body: @escaping @Sendable () throws -> Value,
        _ promise: EventLoopPromise<Value>
    ) {
        number += 1
        let number = number
        let lateness = Late(what: what, patience: patience)
        let ticket = Ticket()
        let timer = eventLoop.assumeIsolated().scheduleTask(in: patience) { [self] in
            ticket.isVoid.store(true, ordering: .relaxed)
            late[number] = lateness
            promise.fail(lateness)
            onChange(lateness)
        }
        Self.threads.runIfActive(eventLoop: eventLoop) {
            // What nobody waits for any more, and no thread was free for until now, is not begun.
            if ticket.isVoid.load(ordering: .relaxed) { throw lateness }
            return try body()
        }.assumeIsolated().whenComplete { [self] result in
            timer.cancel()
            guard late.removeValue(forKey: number) == nil else { return onChange(nil) }
            promise.completeWith(result)
        }
    }

    private final class Ticket: Sendable {
        let isVoid = Atomic(false)
    }
}
