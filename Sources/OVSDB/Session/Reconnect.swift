import NIOCore

/// When to connect, when to ask a silent peer whether it lives, and when to give it up, on a clock that the caller
/// brings: OVS's lib/reconnect, and beside it a deadline for a new connection's first bytes, which OVS leaves to the
/// probe, and an attempt without a pause where a server that was good closed the connection in order.
///
/// Call a method for everything that happens; then, once ``deadline`` has passed, ``run(now:)`` says what to do.
public struct Reconnect: Sendable {
    /// The pace of attempts and probes.
    public struct Pace: Hashable, Sendable {
        /// Between attempts, doubled after each that fails.
        public let minimumBackoff: TimeAmount
        public let maximumBackoff: TimeAmount
        /// How long a peer may be silent before it is probed, and again before it is given up; with 0 it never is.
        public let probeInterval: TimeAmount
        /// How long a new connection may stay without a byte; with 0 for ever.
        public let firstReply: TimeAmount
        /// How many attempts may be made in a row that come to no good connection; `nil` for any number.
        public let maximumTries: Int?

        /// Clamped as OVS's lib/reconnect does it: a probe interval other than 0 is raised to 1 s, the longest pause to
        /// the shortest, and a longest pause of 0 means 8 s. A pause is raised to 0.1 s where OVS has 1 s: a server on
        /// this host costs little to ask, and the host's network waits for it.
        public init(
            minimumBackoff: TimeAmount = .milliseconds(100),
            maximumBackoff: TimeAmount = .seconds(8),
            probeInterval: TimeAmount = .seconds(5),
            firstReply: TimeAmount = .seconds(10),
            maximumTries: Int? = nil
        ) {
            let least = max(minimumBackoff, .milliseconds(100))
            self.init(
                unclampedBackoff: least,
                max(maximumBackoff > .zero ? maximumBackoff : .seconds(8), least),
                probeInterval: probeInterval > .zero ? max(probeInterval, .seconds(1)) : .zero,
                firstReply: max(firstReply, .zero),
                maximumTries: maximumTries.map { max($0, 1) }
            )
        }

        /// Exactly these, for tests that cannot wait.
        init(
            unclampedBackoff minimumBackoff: TimeAmount,
            _ maximumBackoff: TimeAmount,
            probeInterval: TimeAmount,
            firstReply: TimeAmount? = nil,
            maximumTries: Int? = nil
        ) {
            self.minimumBackoff = minimumBackoff
            self.maximumBackoff = maximumBackoff
            self.probeInterval = probeInterval
            self.firstReply = firstReply ?? probeInterval * 2
            self.maximumTries = maximumTries
        }
    }

    /// What is to be done.
    public enum Action: Hashable, Sendable {
        case connect
        /// Send something that the peer answers.
        case probe
        /// Give the connection, or the attempt, up.
        case disconnect(reason: String)
    }

    /// How a connection or an attempt at one came to its end.
    public enum Ending: Hashable, Sendable {
        /// The attempt failed, or the connection broke or was given up.
        case failure
        /// The peer closed the connection in order.
        case closedByPeer
        /// We would not go on with what the peer said: it will say the same again, however long that takes it.
        case closedByUs
    }

    private enum State: Hashable, Sendable {
        case stopped
        case backingOff(until: NIODeadline)
        case connecting(since: NIODeadline)
        /// Connected; not a byte came yet.
        case greeting(since: NIODeadline)
        /// Bytes came lately.
        case active
        /// A probe is out.
        case idle(since: NIODeadline)
    }

    private let pace: Pace
    /// How many attempts in a row may follow each other without a pause: one for each of several remotes.
    private let freeTries: Int
    private var freeTriesLeft: Int
    private var triesLeft: Int?
    private var state = State.stopped
    private var backoff = TimeAmount.zero
    /// Whether the connection of now turned out to be what it was made for.
    private var isProved = false
    private var connectedAt = NIODeadline.uptimeNanoseconds(0)
    private var lastActivity = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter remotes: how many there are to try in turn, the first time without pauses between them.
    public init(pace: Pace, remotes: Int = 1) {
        self.pace = pace
        freeTries = remotes - 1
        freeTriesLeft = freeTries
        triesLeft = pace.maximumTries
    }

    /// When ``run(now:)`` has something to do; `nil` while stopped or out of tries, and where a silent peer is none of our
    /// business.
    public var deadline: NIODeadline? {
        switch state {
        case .stopped: nil
        case .backingOff(let until): until
        case .connecting(let since): since + attemptLimit
        case .greeting(let since): pace.firstReply > .zero ? since + pace.firstReply : nil
        case .active: pace.probeInterval > .zero ? lastActivity + pace.probeInterval : nil
        case .idle(let since): since + pace.probeInterval
        }
    }

    /// Whether a probe is out.
    var isProbing: Bool { if case .idle = state { true } else { false } }

    /// How long one attempt may take.
    public var attemptLimit: TimeAmount { max(.seconds(1), backoff) }

    /// Begins: the first attempt is due at once.
    public mutating func start(now: NIODeadline) {
        guard case .stopped = state else { return }
        backoff = .zero
        freeTriesLeft = freeTries
        triesLeft = pace.maximumTries
        state = .backingOff(until: now)
    }

    /// Ends: nothing is due any more.
    public mutating func stop() { state = .stopped }

    /// What is due now.
    public mutating func run(now: NIODeadline) -> Action? {
        guard let deadline, now >= deadline else { return nil }
        switch state {
        case .stopped: return nil
        case .backingOff:
            triesLeft = triesLeft.map { $0 - 1 }
            state = .connecting(since: now)
            return .connect
        case .connecting:
            return .disconnect(reason: "no connection within \(seconds(attemptLimit))")
        case .greeting:
            return .disconnect(reason: "not a byte within \(seconds(pace.firstReply)) of connecting")
        case .active:
            state = .idle(since: now)
            return .probe
        case .idle:
            return .disconnect(reason: "no answer to a probe within \(seconds(pace.probeInterval))")
        }
    }

    /// An attempt succeeded.
    public mutating func connected(now: NIODeadline) {
        isProved = false
        connectedAt = now
        lastActivity = now
        state = .greeting(since: now)
    }

    /// Whether nothing will be due before another ``start(now:)``: before the first, after a stop, and when all attempts
    /// were made that may be.
    public var isStopped: Bool { state == .stopped }

    /// Bytes came: whatever they are, the peer lives. Mind that the first ones may bring ``deadline`` nearer.
    public mutating func received(now: NIODeadline) {
        lastActivity = now
        switch state {
        case .greeting, .idle: state = .active
        case .stopped, .backingOff, .connecting, .active: break
        }
    }

    /// The connection turned out to be what it was made for: failed attempts before it count no longer.
    public mutating func proved() {
        isProved = true
        triesLeft = pace.maximumTries
        freeTriesLeft = freeTries
    }

    /// An attempt failed or a connection went. One that outlived the last pause is worth the shortest pause, save where
    /// it was us who would not have it, and none at all where it did what it was for and the peer closed it in order: a
    /// server that restarts is soon back, and one that dies of our request is not to be asked again at once.
    public mutating func disconnected(now: NIODeadline, _ ending: Ending = .failure) {
        let wasGood: Bool
        switch state {
        case .stopped, .backingOff: return
        case .active, .idle: wasGood = ending != .closedByUs && lastActivity - connectedAt >= backoff
        case .connecting, .greeting: wasGood = false
        }
        guard triesLeft.map({ $0 > 0 }) ?? true else { return stop() }
        let isAtOnce =
            wasGood && isProved && ending == .closedByPeer && lastActivity - connectedAt >= pace.minimumBackoff
        if freeTriesLeft > 0 || isAtOnce {
            freeTriesLeft = max(0, freeTriesLeft - 1)
            backoff = .zero
        } else if wasGood {
            backoff = pace.minimumBackoff
        } else {
            backoff = min(max(pace.minimumBackoff, backoff * 2), pace.maximumBackoff)
        }
        state = .backingOff(until: now + backoff)
    }

    private func seconds(_ amount: TimeAmount) -> String { "\(Double(amount.nanoseconds) / 1e9) s" }
}
