import NIOCore
import Testing

@testable import OVSAgent

@Suite("The pace of reconciling") struct ReconcileStateMachineTests {
    private let now = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private var committing: ReconcileStateMachine {
        var machine = ReconcileStateMachine()
        machine.begin()
        machine.committing()
        return machine
    }

    @Test("nothing is planned before there is a snapshot and the lock, nor once they are gone")
    func standing() {
        var machine = ReconcileStateMachine()
        #expect(!machine.changed())
        machine.begin()
        #expect(machine.changed())
        machine.stand()
        #expect(!machine.changed())
    }

    @Test("what changes during a transaction is planned when it is over, not before")
    func oneInFlight() {
        var machine = committing
        #expect(!machine.changed())
        expect(machine.committed(now: now) == .planNow)
        #expect(machine.changed())
    }

    @Test("an answer that comes after the session's end decides nothing")
    func lateAnswer() {
        var machine = committing
        machine.stand()
        expect(machine.committed(now: now) == .nothing)
        expect(machine.refused(isStale: true, now: now) == .nothing)
        #expect(!machine.changed())
    }

    @Test("a refusal is tried again with pauses that double up to the longest, and start anew once all is as wanted")
    func refusals() {
        var machine = committing
        var time = now
        var pauses: [Int64] = []
        for _ in 0..<9 {
            guard case .planAt(let next) = machine.refused(isStale: false, now: time) else {
                Issue.record("a refusal without a pause")
                return
            }
            pauses.append((next - time).nanoseconds / 1_000_000)
            #expect(!machine.changed())
            expect(machine.resume(now: next - .nanoseconds(1)) == false)
            expect(machine.resume(now: next))
            machine.committing()
            time = next
        }
        #expect(pauses == [100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000])
        machine.settled()
        machine.committing()
        expect(machine.refused(isStale: false, now: time) == .planAt(time + .milliseconds(100)))
    }

    @Test(
        "guards that fail, and commits that do not last, are planned at once so often and no more",
        arguments: [true, false]
    )
    func circles(isStale: Bool) {
        var machine = committing
        func again() -> ReconcileStateMachine.Decision {
            isStale ? machine.refused(isStale: true, now: now) : machine.committed(now: now)
        }
        for _ in 0..<3 {
            for _ in 0..<ReconcileStateMachine.roundLimit {
                let decision = again()
                #expect(decision == .planNow)
                machine.committing()
            }
            let decision = again()
            #expect(decision == .planAt(now + .milliseconds(100)))
            let resumes = machine.resume(now: now + .milliseconds(100))
            #expect(resumes)
            machine.committing()
        }
    }
}
