import NIOCore

/// How often each object had to be repaired of late: who rewrites one again and again pays with that object's pace, and
/// with nothing else's.
///
/// Every object has a budget of repairs that are made at once, however fast they are needed. An object that has used it up
/// is *contested*: its repairs have pauses between them, which grow to a bound, until nobody has touched it for a while.
/// Whoever fights has his way nearly all the time at any pace; what the pauses save are the host's processors. A pure value
/// on the caller's clock.
struct Contest: Sendable {
    struct Limits: Sendable {
        /// Repairs of an object that was left alone before.
        var burst = 1000.0
        /// What the budget grows by in a second: who needs no more than one repair every 5 ms never uses it up.
        var refill = 200.0
        /// Between two repairs of a contested object, in the end.
        var longestPause = TimeAmount.milliseconds(200)
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
        /// Since it is contested; `nil` while it is not.
        var fight: Pace?

        mutating func grow(_ limits: Limits, now: NIODeadline) {
            let seconds = Double((now - asOf).nanoseconds) / 1e9
            tokens = min(limits.burst, tokens + max(0, seconds) * limits.refill)
            asOf = now
        }
    }

    private struct Pace {
        var repairs = 0
        var pause: TimeAmount
        /// When it may be repaired again.
        var until: NIODeadline
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
    /// Whether nobody fights.
    private(set) var isPeaceful = true

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Takes one repair of each object out of its budget, as far as it has one.
    mutating func spend(on objects: Set<String>, now: NIODeadline) -> Verdict {
        var verdict = Verdict()
        for object in objects {
            var budget = budgets[object] ?? Budget(tokens: limits.burst, asOf: now, touched: now)
            budget.grow(limits, now: now)
            budget.touched = now
            if var fight = budget.fight {
                if now >= fight.until {
                    fight.repairs += 1
                    fight.pause = min(fight.pause * 2, limits.longestPause)
                    fight.until = now + fight.pause
                    budget.fight = fight
                } else {
                    verdict.held[object] = fight.until
                }
            } else if budget.tokens >= 1 {
                budget.tokens -= 1
            } else {
                let pause = min(TimeAmount.nanoseconds(Int64(1e9 / limits.refill)), limits.longestPause)
                budget.fight = Pace(pause: pause, until: now + pause)
                verdict.held[object] = now + pause
                verdict.begun.append(object)
                isPeaceful = false
            }
            budgets[object] = budget
        }
        if budgets.count > Self.limit { forget(now: now) }
        return verdict
    }

    /// Those whose fight is over.
    mutating func release(now: NIODeadline) -> [Fight] {
        let over = fights.filter { fight in budgets[fight.object].map { now >= $0.touched + limits.quiet } ?? true }
        for fight in over { budgets[fight.object]?.fight = nil }
        isPeaceful = budgets.values.allSatisfy { $0.fight == nil }
        return over
    }

    func isContested(_ object: String) -> Bool { budgets[object]?.fight != nil }

    /// When a contested object may be repaired again; `nil` where it may be now.
    func pauseEnd(of object: String, now: NIODeadline) -> NIODeadline? {
        budgets[object]?.fight.flatMap { now < $0.until ? $0.until : nil }
    }

    /// The contested objects, by name.
    var fights: [Fight] {
        budgets.compactMap { object, budget in budget.fight.map { Fight(object: object, repairs: $0.repairs) } }
            .sortedNaturally(by: \.object)
    }

    /// When the next fight may be over; `nil` while there is none.
    var nextRelease: NIODeadline? {
        budgets.values.filter { $0.fight != nil }.map { $0.touched + limits.quiet }.min()
    }

    private mutating func forget(now: NIODeadline) {
        for (object, var budget) in budgets where budget.fight == nil {
            budget.grow(limits, now: now)
            if budget.tokens >= limits.burst { budgets[object] = nil }
        }
    }
}
