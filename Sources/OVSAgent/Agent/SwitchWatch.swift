import NIOCore

/// Which process ovs-vswitchd is, and when another one has taken its place: a pure value.
///
/// What bridges and rows tell of a restart comes over other roads and in any order: only the process itself is sure. One
/// look at a time, and what is asked for during a look is answered by the next.
struct SwitchWatch: Hashable, Sendable {
    enum Finding: Hashable, Sendable {
        case same
        case another
        /// It was not looked at before.
        case first
        /// There is no telling, as for an agent that may not look.
        case unknown
    }

    struct Found: Hashable, Sendable {
        var finding: Finding
        /// A restart that the journal has not told of.
        var restart: SwitchAbsence.Ended?
    }

    private(set) var process: SwitchProcess?
    /// The process that the journal's readers know of.
    private var told: SwitchProcess?
    private var absence = SwitchAbsence()
    /// An absence of all bridges that is over, until a look says whether it was a restart.
    private var ended: SwitchAbsence.Ended?
    private var isLooking = false
    private var isStale = false

    mutating func lost(_ bridge: String, now: NIODeadline) { absence.lost(bridge, now: now) }
    mutating func answers(_ bridge: String, now: NIODeadline) { absence.answers(bridge, now: now) }
    mutating func forget(_ bridge: String) { absence.forget(bridge) }

    /// A bridge has its flows. Says whether that is worth a look.
    mutating func serves(_ bridge: String, now: NIODeadline) -> Bool {
        guard let ended = absence.serves(bridge, now: now) else { return false }
        self.ended = ended
        return true
    }

    /// Somebody wants to know. Says whether to look now.
    mutating func look() -> Bool {
        guard !isLooking else {
            isStale = true
            return false
        }
        isLooking = true
        return true
    }

    /// What the look found; `nil` where another one is to be made at once, since somebody asked meanwhile.
    ///
    /// - Parameter found: `nil` where it can't be told.
    mutating func found(_ found: SwitchProcess?) -> Found? {
        guard !isStale else {
            isStale = false
            return nil
        }
        isLooking = false
        let former = process
        process = found ?? former
        var result = Found(finding: .unknown)
        if let found { result.finding = former.map { $0 == found ? .same : .another } ?? .first }
        if let ended {
            if found == nil || told == nil || found != told { result.restart = ended }
            (self.ended, told) = (nil, process)
        }
        told = told ?? process
        return result
    }
}
