import NIOCore

/// How often each object had to be repaired of late: who rewrites one again and again pays with that object's pace, and
/// with nothing else's.
///
/// Every object has a budget of repairs that are made at once, however fast they are needed. An object that has used it up
/// is *contested*: it is repaired as fast as its budget grows again, until nobody has touched it for a while. A pure
/// value on the caller's clock.
struct Contest: Sendable {
    struct Limits: Sendable {
        /// Repairs of an object that was left alone before.
        var burst = 1000.0
        /// What the budget grows by in a second: one repair every 5 ms.
        var refill = 200.0
        /// How long nobody may have touched a contested object until it is released.
        var quiet = TimeAmount.seconds(10)
    }

    /// Objects that are kept in mind. Those that have their whole budget need not be.
    static let limit = 4096

    private struct Budget {
        var tokens: Double
        var asOf: NIODeadline
        /// When it was found changed last.
        var touched: NIODeadline
        /// Repairs since it is contested; `nil` while it is not.
        var repairs: Int?

        mutating func grow(_ limits: Limits, now: NIODeadline) {
            let seconds = Double((now - asOf).nanoseconds) / 1e9
            tokens = min(limits.burst, tokens + max(0, seconds) * limits.refill)
            asOf = now
        }
    }

    /// An object that somebody fights over.
    struct Fight: Hashable, Sendable {
        var object: String
        /// Repairs since the fight was noticed.
        var repairs: Int
    }

    /// What may be repaired now.
    struct Verdict: Hashable, Sendable {
        /// Objects that have to wait, and until when.
        var held: [String: NIODeadline] = [:]
        /// Those of them that were not contested before.
        var begun: [String] = []
    }

    private let limits: Limits
    private var budgets: [String: Budget] = [:]

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Takes one repair of each object out of its budget, as far as it has one.
    mutating func spend(on objects: Set<String>, now: NIODeadline) -> Verdict {
        var verdict = Verdict()
        for object in objects {
            var budget = budgets[object] ?? Budget(tokens: limits.burst, asOf: now, touched: now)
            budget.grow(limits, now: now)
            budget.touched = now
            if budget.tokens >= 1 {
                budget.tokens -= 1
                budget.repairs = budget.repairs.map { $0 + 1 }
            } else {
                // A nanosecond more, so that rounding leaves no sliver of a repair to wait for.
                let missing = (1 - budget.tokens) / limits.refill * 1e9
                verdict.held[object] = now + .nanoseconds(Int64(missing) + 1)
                if budget.repairs == nil {
                    budget.repairs = 0
                    verdict.begun.append(object)
                }
            }
            budgets[object] = budget
        }
        if budgets.count > Self.limit { forget(now: now) }
        return verdict
    }

    /// Those whose fight is over.
    mutating func release(now: NIODeadline) -> [Fight] {
        let over = fights.filter { fight in budgets[fight.object].map { now >= $0.touched + limits.quiet } ?? true }
        for fight in over { budgets[fight.object]?.repairs = nil }
        return over
    }

    func isContested(_ object: String) -> Bool { budgets[object]?.repairs != nil }

    /// The contested objects, by name.
    var fights: [Fight] {
        budgets.compactMap { object, budget in budget.repairs.map { Fight(object: object, repairs: $0) } }
            .sorted { $0.object < $1.object }
    }

    /// When the next fight may be over; `nil` while there is none.
    var nextRelease: NIODeadline? {
        budgets.values.filter { $0.repairs != nil }.map { $0.touched + limits.quiet }.min()
    }

    private mutating func forget(now: NIODeadline) {
        for (object, var budget) in budgets where budget.repairs == nil {
            budget.grow(limits, now: now)
            if budget.tokens >= limits.burst { budgets[object] = nil }
        }
    }
}
