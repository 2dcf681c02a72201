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
        expect(application.committed(now: start) == .wait(until: start + .seconds(5)))
        expect(application.observe(isApplied: true, now: start + .seconds(1)) == .applied)
    }

    @Test("has failed when a commit is not followed in time, and until it is seen applied")
    func failed() {
        var application = Application(now: start)
        _ = application.committed(now: start)
        expect(application.observe(isApplied: false, now: start + .milliseconds(4999)) == nil)
        expect(application.observe(isApplied: false, now: start + .seconds(5)) == .failed)
        expect(application.committed(now: start + .seconds(6)) == nil)
        #expect(application.state == .failed)
        expect(application.observe(isApplied: false, now: start + .seconds(7)) == nil)
        expect(application.observe(isApplied: true, now: start + .seconds(8)) == .applied)
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
