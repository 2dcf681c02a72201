import NIOCore
import Testing

@testable import OVSAgent

@Suite("How fast a bridge is repaired") struct RepairPacingTests {
    private static func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000) + .milliseconds(milliseconds)
    }

    @Test("at once, a hundred times in a row, and for ever at a moderate pace")
    func immediate() {
        var pacing = RepairPacing()
        for _ in 0..<RepairPacing.burst { #expect(pacing.delay(now: Self.at(0)) == nil) }
        #expect(pacing.delay(now: Self.at(0)) != nil)
        pacing = RepairPacing()
        for second in 0..<1000 as Range<Int64> {
            for _ in 0..<RepairPacing.refill { #expect(pacing.delay(now: Self.at(second * 1000)) == nil) }
        }
    }

    @Test("a fight is repaired with growing pauses, never more than 200 ms apart, and some 20 times a second")
    func fight() {
        var pacing = RepairPacing()
        var (now, last, longest, repairs) = (Int64(0), Int64(0), Int64(0), 0)
        var pauses: [Int64] = []
        // Whoever fights undoes a repair within a millisecond.
        while now < 60_000 {
            if let delay = pacing.delay(now: Self.at(now)) {
                pauses.append(delay.nanoseconds / 1_000_000)
                now += delay.nanoseconds / 1_000_000
            } else {
                repairs += 1
                longest = max(longest, now - last)
                last = now
                now += 1
            }
        }
        #expect(pauses.prefix(6) == [10, 20, 40, 80, 160, 200])
        #expect(longest <= 201)
        #expect((RepairPacing.burst...RepairPacing.burst + 60 * 25).contains(repairs), "\(repairs)")
    }

    @Test("asking again before the pause is over does not prolong it, and peace ends it")
    func peace() {
        var pacing = RepairPacing()
        for _ in 0..<RepairPacing.burst { _ = pacing.delay(now: Self.at(0)) }
        #expect(pacing.delay(now: Self.at(0)) == .milliseconds(10))
        #expect(pacing.delay(now: Self.at(4)) == .milliseconds(6))
        #expect(pacing.delay(now: Self.at(10)) == nil)
        #expect(pacing.delay(now: Self.at(11)) == .milliseconds(20))
        #expect(pacing.delay(now: Self.at(31)) == nil)
        for _ in 0..<RepairPacing.burst { #expect(pacing.delay(now: Self.at(9000)) == nil) }
        #expect(pacing.delay(now: Self.at(9000)) == .milliseconds(10))
    }
}
