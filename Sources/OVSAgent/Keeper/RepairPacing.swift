import NIOCore

/// How fast a bridge is repaired: at once as a rule, and with pauses that grow to a bound where somebody undoes every
/// repair, so that two programs that fight do not take the host's processors. A pure value on the caller's clock.
///
/// A bucket holds ``burst`` repairs and gets ``refill`` new ones a second. While it is empty, each further repair waits,
/// twice as long as the one before; once it is full again, pauses begin anew.
struct RepairPacing: Hashable, Sendable {
    static let burst = 100
    /// Repairs a second that go on for ever without a pause.
    static let refill = 20
    static let shortestPause = TimeAmount.milliseconds(10)
    static let longestPause = TimeAmount.milliseconds(200)

    /// In nanoseconds of refilling, so that nothing is rounded.
    private var credit = Self.fullCredit
    private var refilledAt: NIODeadline?
    private var pause = TimeAmount.zero
    private var pausedUntil: NIODeadline?

    private static let creditPerRepair = 1_000_000_000 / Int64(refill)
    private static let fullCredit = Int64(burst) * creditPerRepair

    /// Asks for a repair: `nil` where it may be made now, and is counted; else when to ask again.
    mutating func delay(now: NIODeadline) -> TimeAmount? {
        credit = min(Self.fullCredit, credit + (refilledAt.map { (now - $0).nanoseconds } ?? 0))
        refilledAt = now
        if credit == Self.fullCredit { pause = .zero }
        if let until = pausedUntil {
            guard now >= until else { return until - now }
            // Whoever has waited goes, so that no two repairs are further apart than the longest pause.
            pausedUntil = nil
            credit = max(0, credit - Self.creditPerRepair)
            return nil
        }
        guard credit < Self.creditPerRepair else {
            credit -= Self.creditPerRepair
            return nil
        }
        pause = min(max(Self.shortestPause, pause * 2), Self.longestPause)
        pausedUntil = now + pause
        return pause
    }
}
