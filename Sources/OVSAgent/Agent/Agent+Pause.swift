import JSONRPC
import NIOCore
import OVSDB

/// Standing still on the operator's word. The lock is kept meanwhile: a second agent must not enforce in our place.
extension Agent {
    nonisolated func pause(seconds: Int, reason: String) -> EventLoopFuture<Answer> {
        eventLoop.flatSubmit {
            self.assumeIsolated { agent in
                do throws(CommandFailure) {
                    try agent.checkThatItEnforces("pause")
                    return try agent.begin(Pause(seconds: seconds, reason: reason, now: .now()))
                } catch {
                    return agent.eventLoop.makeFailedFuture(error)
                }
            }
        }
    }

    nonisolated func resume() -> EventLoopFuture<Answer> {
        eventLoop.flatSubmit {
            self.assumeIsolated { agent in
                do throws(CommandFailure) {
                    try agent.checkThatItEnforces("resume")
                    guard agent.pause != nil else { throw CommandFailure("resume: the agent is not paused") }
                    return agent.end(pause: "on request", isOrdered: true)
                } catch {
                    return agent.eventLoop.makeFailedFuture(error)
                }
            }
        }
    }

    func checkThatItEnforces(_ command: String) throws(CommandFailure) {
        guard lock != .waiting else {
            throw CommandFailure("\(command): another agent of this host holds the lock, and is the one to ask")
        }
    }

    /// Goes on with a pause that an earlier run of the daemon began.
    func continuePause() {
        guard let pause else { return }
        guard let left = pause.remaining(now: .now()) else {
            _ = end(pause: "its time was over")
            return
        }
        report(.init(.paused, reason: "still, for \(left.nanoseconds / 1_000_000_000) s: \(pause.reason)"))
        endPause(in: left)
    }

    private func begin(_ pause: Pause) -> EventLoopFuture<Answer> {
        let actions = authority.paused(pause)
        // What the operator makes active meanwhile is meant.
        activeMembers = ActiveMembers()
        keepActiveMembers()
        run(actions)
        report(.init(.paused, reason: "for \(pause.seconds) s: \(pause.reason)"))
        endPause(in: .seconds(Int64(pause.seconds)))
        return keep(pause, in: \.pause, isOrdered: true).map { failure in
            let consequence = failure.map { "; it ends with the daemon: \($0)" } ?? ""
            return Answer(
                text: "paused until \(pause.until)\(consequence)",
                json: ["until": .string("\(pause.until)"), "seconds": .integer(Int64(pause.seconds))]
            )
        }
    }

    private func endPause(in time: TimeAmount) {
        set(.pauseEnd, at: .now() + time)
    }

    func pauseIsOver() { _ = end(pause: "its time is over") }

    private func end(pause why: String, isOrdered: Bool = false) -> EventLoopFuture<Answer> {
        let actions = authority.resumed()
        set(.pauseEnd, at: nil)
        report(.init(.resumed, reason: why))
        run(actions)
        // It may be another one by now, that was given to who holds the lock.
        guard isOrdered || lock == .held else {
            return eventLoop.makeSucceededFuture(Answer(text: "resumed", json: [:]))
        }
        return keep(nil, in: \.pause, isOrdered: true).flatMapThrowing { failure in
            if let failure {
                throw CommandFailure("resumed, but a restarted daemon would be paused again: \(failure)")
            }
            return Answer(text: "resumed", json: [:])
        }
    }
}
