import JSONRPC
import Logging
import NIOCore

/// A client that follows one database of an ovsdb-server and keeps doing so: it connects, and connects again with
/// growing pauses; asks for a lock; holds a replica of what is followed; and carries transactions.
///
/// It lives on one event loop, which is its executor: what the observer is told and what it reads from ``replica`` in
/// that moment belong together, and nothing between a notification and a transaction waits for another thread.
/// The replica is complete from ``Event/synced`` on and stays readable, as last known, while disconnected.
public actor OVSDBClient {
    /// What the observer is told, in order, on the event loop.
    public enum Event: Sendable {
        /// A connection stands; the replica is still what it was.
        case connected(Remote)
        /// The server's whole schema, once a connection and once more whenever the database was converted.
        case learned(DatabaseSchema)
        /// The replica is complete.
        case synced(Beginning)
        /// One transaction of somebody, ours included, changed these rows.
        case changed([RowChange])
        /// The rows followed are those that ``OVSDBClient/follow(_:in:)`` asked for last. A server that knows only the
        /// monitors of RFC 7047 reports all rows, and this is told nevertheless.
        case filtered
        case lock(LockState)
        /// The connection, or an attempt at one, is over.
        case disconnected(OVSDBError)
    }

    /// How a connection came to a complete replica.
    public enum Beginning: Sendable {
        /// By a snapshot: nothing is known of what the former replica and this one have in common.
        case fresh
        /// By what changed since the last connection, which the server still knew.
        case resumed([RowChange])
    }

    public nonisolated let eventLoop: any EventLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// What is followed, as last known; `nil` before the first snapshot.
    public internal(set) var replica: Replica? {
        didSet { revision += 1 }
    }
    /// How often ``replica`` changed: as long as this is the same, the replica is.
    public private(set) var revision = 0
    /// The remote that is, or was last, tried.
    public internal(set) var remote: Remote
    /// Replies to nothing that was asked, over all connections.
    public var unknownReplies: Int { earlierUnknownReplies + session.unknownReplies }

    /// Whether no more attempts at a connection will be made: before ``start(_:)``, after ``stop()``, and when
    /// ``Reconnect/Pace/maximumTries`` were made. Then another ``start(_:)`` begins anew.
    public var isStopped: Bool { reconnect.isStopped }

    var configuration: Configuration
    let logger: Logger
    var observer: @Sendable (Event) -> Void = { _ in }
    var reconnect: Reconnect
    var timer: Scheduled<Void>?
    var attempts = 0
    /// Tells events of the attempt or connection of now from those of earlier ones.
    var generation = 0
    var channel: (any Channel)?
    var session: SessionStateMachine
    var framer: MessageFramer
    var arriving: ArrivingSnapshot?
    var mark: SessionStateMachine.Mark?
    var failure: OVSDBError?
    var earlierUnknownReplies = 0
    var calls: [Int64: Call] = [:]

    /// A request of a caller's that is not answered.
    struct Call {
        let complete: @Sendable (Result<SessionStateMachine.Answer, any Error>) -> Void
        let deadline: Scheduled<Void>?
    }

    /// A client that does nothing before ``start(_:)``. Throws ``OVSDBError/invalidRemote(_:reason:)`` without a remote.
    public init(_ configuration: Configuration, on eventLoop: any EventLoop, logger: Logger) throws(OVSDBError) {
        var configuration = configuration
        if configuration.isShuffled { configuration.remotes.shuffle() }
        guard let first = configuration.remotes.first else { throw .invalidRemote("", reason: "no remote is named") }
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        remote = first
        reconnect = Reconnect(pace: configuration.pace, remotes: configuration.remotes.count)
        session = SessionStateMachine(purpose: .init(configuration))
        framer = MessageFramer(limits: .init(length: configuration.longestMessage))
    }

    /// Begins to connect, and tells the observer what happens from now on.
    public func start(_ observer: @escaping @Sendable (Event) -> Void) {
        self.observer = observer
        reconnect.start(now: .now())
        run()
    }

    /// Ends for good: closes the connection, fails what is open and tells the observer nothing more.
    public func stop() {
        reconnect.stop()
        timer?.cancel()
        timer = nil
        observer = { _ in }
        end(.disconnected(reason: "the client was stopped"), .closedByUs)
    }
}
