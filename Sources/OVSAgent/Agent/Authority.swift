import OVSDB

/// Whether this agent may write, and what follows when that changes: a pure machine over the connection, the lock, what the
/// lock's former holder kept, the operator's pause and the end. Whoever owns it performs the actions in their order.
struct Authority: Sendable {
    /// Where the session with the database stands.
    enum Connection: Hashable, Sendable {
        /// No attempt has ended yet.
        case none
        case lost(reason: String, remedy: String = "look whether ovsdb-server runs")
        /// Connected; the replica is not complete yet.
        case opening
        case synced
    }

    enum Action: Hashable, Sendable {
        /// A server answers, and has proved that it will do.
        case tellConnected(Remote)
        /// The connection, or an attempt at one, ended, and not as the one before.
        case tellDisconnected(Reason)
        case tellLock(LockState, former: LockState?)
        /// Nothing is to be written from now on.
        case stand
        /// The lock comes from another agent: nothing is written before it is read what that one kept.
        case readKept
        /// The lock was nobody else's meanwhile: what waited for it can be written down.
        case mendState
        /// Another one may give and take what this one saw as given and taken by itself.
        case forgetOwn
        /// From now on everything is to be as wanted.
        case begin
    }

    private(set) var connection = Connection.none
    private(set) var lock: LockState?
    /// How often the lock came from another agent.
    private(set) var term = 0
    /// Whether it came, and what is kept is not read yet.
    private(set) var isTakingOver = false
    /// Whether the end was asked for.
    private(set) var isStopping = false
    /// The operator's word that nothing is to be written.
    var pause: Pause?
    /// How the lock stood when that was known last, over sessions; `nil` before it ever was.
    private var lastLock: LockState?
    /// The server that answers and has not proved yet that it will do: one that does not is left again at once, every few
    /// seconds, and not told of.
    private var greeted: Remote?
    /// Why the last connection, or attempt at one, ended.
    private var lastLoss: Reason?

    init(pause: Pause? = nil) { self.pause = pause }

    var mayWrite: Bool { connection == .synced && lock == .held && pause == nil && !isTakingOver && !isStopping }

    mutating func connected(to remote: Remote) {
        connection = .opening
        greeted = remote
    }

    /// The replica is complete.
    mutating func synced() -> [Action] {
        let told = tellConnected()
        lastLoss = nil
        connection = .synced
        return told + beginning
    }

    mutating func disconnected(_ loss: Reason) -> [Action] {
        defer { lastLoss = loss }
        (lock, greeted) = (nil, nil)
        connection = loss.remedy.map { .lost(reason: loss.text, remedy: $0) } ?? .lost(reason: loss.text)
        return [.stand] + (loss == lastLoss ? [] : [.tellDisconnected(loss)])
    }

    mutating func lockChanged(to state: LockState) -> [Action] {
        var actions = tellConnected()
        if lock != state { actions.append(.tellLock(state, former: lock)) }
        let former = lastLock
        (lock, lastLock) = (state, state)
        switch (former, state) {
        case (.waiting, .held), (.lost, .held): actions.append(takeOver())
        // The connection may have gone before all was read.
        case (_, .held) where isTakingOver: actions.append(takeOver())
        case (_, .held): actions.append(.mendState)
        case (_, .waiting), (_, .lost): actions.append(.forgetOwn)
        }
        return actions + (state == .held ? beginning : [.stand])
    }

    /// What was kept when the lock came for this term was read, or can't be in time. Says whether that still matters: the
    /// lock may have gone, and come again since.
    mutating func tookOver(_ term: Int) -> Bool {
        guard term == self.term, lock == .held else { return false }
        isTakingOver = false
        return true
    }

    /// The operator has it stand still.
    mutating func paused(_ pause: Pause) -> [Action] {
        self.pause = pause
        return [.stand]
    }

    mutating func resumed() -> [Action] {
        pause = nil
        return beginning
    }

    /// The end was asked for; what is kept is still this agent's to write.
    mutating func stops() -> [Action] {
        isStopping = true
        return [.stand]
    }

    /// Whoever waits for the lock has it next.
    mutating func ended() { lock = nil }

    private mutating func takeOver() -> Action {
        term += 1
        isTakingOver = true
        return .readKept
    }

    private mutating func tellConnected() -> [Action] {
        defer { greeted = nil }
        return greeted.map { [.tellConnected($0)] } ?? []
    }

    private var beginning: [Action] { mayWrite ? [.begin] : [] }
}
