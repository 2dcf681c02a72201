import NIOCore

/// When to connect, when to ask a silent peer whether it lives, and when to give it up: OVS's lib/reconnect in the
/// part that a client needs, on a clock that the caller brings.
///
/// Call a method for everything that happens; then, once ``deadline`` has passed, ``run(now:)`` says what to do.
public struct Reconnect: Sendable {
    /// The pace of attempts and probes.
    public struct Pace: Hashable, Sendable {
        /// Between attempts, doubled after each that fails.
        public var minimumBackoff: TimeAmount
        public var maximumBackoff: TimeAmount
        /// How long a peer may be silent before it is probed, and again before it is given up; with 0 it never is.
        public var probeInterval: TimeAmount

        public init(
            minimumBackoff: TimeAmount = .milliseconds(100),
            maximumBackoff: TimeAmount = .seconds(8),
            probeInterval: TimeAmount = .seconds(5)
        ) {
            self.minimumBackoff = minimumBackoff
            self.maximumBackoff = maximumBackoff
            self.probeInterval = probeInterval
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

    private enum State: Hashable, Sendable {
        case stopped
        case backingOff(until: NIODeadline)
        case connecting(since: NIODeadline)
        /// Bytes came lately.
        case active
        /// A probe is out.
        case idle(since: NIODeadline)
    }

    private let pace: Pace
    private var state = State.stopped
    private var backoff = TimeAmount.zero
    private var connectedAt = NIODeadline.uptimeNanoseconds(0)
    private var lastActivity = NIODeadline.uptimeNanoseconds(0)

    public init(pace: Pace) {
        self.pace = pace
    }

    /// When ``run(now:)`` has something to do; `nil` while stopped.
    public var deadline: NIODeadline? {
        switch state {
        case .stopped: nil
        case .backingOff(let until): until
        case .connecting(let since): since + attemptLimit
        case .active: pace.probeInterval > .zero ? lastActivity + pace.probeInterval : nil
        case .idle(let since): since + pace.probeInterval
        }
    }

    /// How long one attempt may take.
    public var attemptLimit: TimeAmount { max(.seconds(1), backoff) }

    /// Begins: the first attempt is due at once.
    public mutating func start(now: NIODeadline) {
        guard case .stopped = state else { return }
        backoff = .zero
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
            state = .connecting(since: now)
            return .connect
        case .connecting:
            return .disconnect(reason: "no connection within \(seconds(attemptLimit))")
        case .active:
            state = .idle(since: now)
            return .probe
        case .idle:
            return .disconnect(reason: "no answer to a probe within \(seconds(pace.probeInterval))")
        }
    }

    /// An attempt succeeded.
    public mutating func connected(now: NIODeadline) {
        connectedAt = now
        lastActivity = now
        state = .active
    }

    /// Bytes came: whatever they are, the peer lives.
    public mutating func received(now: NIODeadline) {
        lastActivity = now
        if case .idle = state { state = .active }
    }

    /// An attempt failed or a connection went. A connection that outlived the last pause is worth the shortest pause,
    /// unless it was us who would not have it: what the peer said once it will say again, however long it takes to.
    public mutating func disconnected(now: NIODeadline, byUs: Bool = false) {
        switch state {
        case .stopped, .backingOff: return
        case .active, .idle:
            if !byUs, lastActivity - connectedAt >= backoff { backoff = .zero }
        case .connecting: break
        }
        // Whatever the pace says, attempts never follow each other without any pause.
        backoff = max(.milliseconds(1), min(max(pace.minimumBackoff, backoff * 2), pace.maximumBackoff))
        state = .backingOff(until: now + backoff)
    }

    private func seconds(_ amount: TimeAmount) -> String { "\(Double(amount.nanoseconds) / 1e9) s" }
}
