import NIOCore
import OVSDB
import Synchronization

/// Microseconds of each of so many empty transactions, one after another, after some that are not counted.
extension OVSDBClient {
    /// The next request is sent by the completion of the last, on the event loop, as the agent does.
    nonisolated func calledBackRoundTrips(_ count: Int) -> EventLoopFuture<[Double]> {
        let pending = Pending(count: Self.warmUp + count, outcome: eventLoop.makePromise())
        eventLoop.execute { self.assumeIsolated { $0.send(pending) } }
        return pending.outcome.futureResult.map { Array($0.dropFirst(Self.warmUp)) }
    }

    /// The next request is sent by a task that awaited the reply to the last.
    nonisolated func awaitedRoundTrips(_ count: Int) -> EventLoopFuture<[Double]> {
        let outcome = eventLoop.makePromise(of: [Double].self)
        outcome.completeWithTask {
            var samples: [Double] = []
            samples.reserveCapacity(Self.warmUp + count)
            for _ in 0..<Self.warmUp + count {
                let started = NIODeadline.now()
                _ = try await self.transact([.comment("")])
                samples.append(microseconds(since: started))
            }
            return Array(samples.dropFirst(Self.warmUp))
        }
        return outcome.futureResult
    }

    private static let warmUp = 200

    private func send(_ pending: Pending) {
        let started = NIODeadline.now()
        transact([.comment("")]) { result in
            let took = microseconds(since: started)
            if case .failure(let error) = result { return pending.outcome.fail(error) }
            let complete = pending.samples.withLock { samples in
                samples.append(took)
                return samples.count == pending.count ? samples : nil
            }
            if let complete { return pending.outcome.succeed(complete) }
            self.assumeIsolated { $0.send(pending) }
        }
    }
}

private final class Pending: Sendable {
    let count: Int
    let outcome: EventLoopPromise<[Double]>
    let samples: Mutex<[Double]>

    init(count: Int, outcome: EventLoopPromise<[Double]>) {
        self.count = count
        self.outcome = outcome
        var empty: [Double] = []
        empty.reserveCapacity(count)
        samples = Mutex(empty)
    }
}

private func microseconds(since started: NIODeadline) -> Double {
    Double((NIODeadline.now() - started).nanoseconds) / 1e3
}
