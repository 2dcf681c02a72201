import NIOCore
import Testing

@testable import OVSAgent

@Suite("Whether a commit is applied") struct ApplicationTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("is told once when it is, and again only after it was not")
    func applied() {
        var application = Application(now: start)
        expect(application.observe(isApplied: false, now: start) == nil)
        expect(application.observe(isApplied: true, now: start) == .applied)
        expect(application.observe(isApplied: true, now: start) == nil)
        expect(application.committed(1, now: start) == .wait(until: start + .seconds(5)))
        expect(application.observe(isApplied: true, now: start + .seconds(1)) == .applied)
    }

    @Test("has failed when a commit is not followed in time, and until it is seen applied")
    func failed() {
        var application = Application(now: start)
        _ = application.committed(1, now: start)
        expect(application.observe(isApplied: false, now: start + .milliseconds(4999)) == nil)
        expect(application.observe(isApplied: false, now: start + .seconds(5)) == .failed)
        expect(application.committed(2, now: start + .seconds(6)) == nil)
        #expect(application.state == .failed)
        expect(application.observe(isApplied: false, now: start + .seconds(7)) == nil)
        expect(application.observe(isApplied: true, now: start + .seconds(8)) == .applied)
    }

    @Test("commit after commit gives no more time to a switch that follows none of them")
    func dead() {
        var application = Application(now: start)
        expect(application.committed(1, now: start) == .wait(until: start + .seconds(5)))
        for second in 1...4 {
            expect(application.committed(Int64(second + 1), now: start + .seconds(Int64(second))) == nil)
            expect(application.observe(isApplied: false, now: start + .seconds(Int64(second))) == nil)
        }
        expect(application.observe(isApplied: false, now: start + .seconds(5)) == .failed)
    }

    @Test("a switch that takes one configuration after another has its time for each")
    func following() {
        var application = Application(now: start)
        _ = application.committed(1, now: start)
        _ = application.committed(2, now: start + .seconds(3))
        expect(application.reached(0, latest: 2, now: start + .seconds(3)) == nil)
        expect(application.reached(1, latest: 2, now: start + .seconds(4)) == .wait(until: start + .seconds(9)))
        // It has taken the last one: what is still missing is missing for another reason, and commits do not excuse it.
        expect(application.reached(2, latest: 2, now: start + .seconds(5)) == nil)
        expect(application.committed(3, now: start + .seconds(8)) == nil)
        expect(application.reached(3, latest: 3, now: start + .seconds(8)) == nil)
        expect(application.observe(isApplied: false, now: start + .seconds(9)) == .failed)
    }

    @Test("a commit while the switch is away for a moment has its own time")
    func commitDuringAbsence() {
        var application = Application(now: start)
        _ = application.observe(isApplied: true, now: start)
        expect(application.observe(isApplied: false, now: start) == .wait(until: start + .seconds(1)))
        expect(application.committed(1, now: start) == .wait(until: start + .seconds(5)))
    }

    @Test("a switch that goes away may come back within a second")
    func absence() {
        var application = Application(now: start)
        _ = application.observe(isApplied: true, now: start)
        expect(application.observe(isApplied: false, now: start) == .wait(until: start + .seconds(1)))
        expect(application.observe(isApplied: false, now: start + .milliseconds(999)) == nil)
        expect(application.observe(isApplied: false, now: start + .seconds(1)) == .failed)
    }
}
