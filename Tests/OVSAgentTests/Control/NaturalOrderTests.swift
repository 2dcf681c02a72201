import TestSupport
import Testing

@testable import OVSAgent

/// The order of names in lists.
struct NaturalOrderTests {
    @Test(
        "numbers count by their value, all else by its bytes",
        arguments: [
            ["vnet0", "vnet1", "vnet2", "vnet10", "vnet11", "vnet100"], ["eth0", "eth2", "eth10"],
            ["br0.local", "br2.local", "br10.local"], ["a", "a0", "a00", "a01", "a1", "a1a", "a01b", "a2", "ab", "b"],
            ["", "1", "2", "10", "184467440737095516160", "184467440737095516161", "x"],
            ["p1q2", "p1q10", "p2q1", "p10q1"],
        ]
    )
    func order(names: [String]) {
        for (a, first) in names.enumerated() {
            for (b, second) in names.enumerated() {
                #expect(first.isNaturally(before: second) == (a < b), "\(first) before \(second)")
            }
        }
        #expect(names.shuffled().sortedNaturally() == names)
    }

    @Test("whatever the names, it is one order of them all", arguments: 0..<40 as Range<UInt64>)
    func isStrict(seed: UInt64) {
        var random = Seeded(state: seed)
        let names = (0..<30).map { _ in
            String(
                (0..<Int.random(in: 0...6, using: &random)).map { _ in "ab019é".randomElement(using: &random) ?? "a" }
            )
        }
        for a in names {
            for b in names {
                #expect([a.isNaturally(before: b), b.isNaturally(before: a), a == b].count { $0 } == 1, "\(a), \(b)")
                for c in names where a.isNaturally(before: b) && b.isNaturally(before: c) {
                    #expect(a.isNaturally(before: c), "\(a), \(b), \(c)")
                }
            }
        }
    }
}
