import Glibc
import Logging
import NIOCore
import NIOPosix

/// A client that follows one database of an ovsdb-server and keeps doing so: it connects, and connects again with
/// growing pauses; asks for a lock; holds a replica of what is followed; and carries transactions.
///
/// It lives on one event loop, which is its executor: what the observer is told and what it reads from ``replica`` in
/// that moment belong together, and nothing between a notification and a transaction waits for another thread.
/// The replica is complete from ``Event/synced`` on and stays readable, as last known, while disconnected.
public actor OVSDBClient {
    /// What to follow, and where.
    public struct Configuration: Sendable {
        /// Tried in turn. Never empty.
        public var remotes: [Remote]
        public var database: String
        /// The lock to ask for on every connection; `nil` for none.
        public var lock: String?
        public var followed: [FollowedTable]
        /// What a server must be to stay with it; with another the next remote is tried.
        public var role: ServerRole
        /// Whether to try the remotes in an order made anew for each client, so that clients spread over servers.
        public var isShuffled: Bool
        public var pace: Reconnect.Pace
        /// Bytes of the longest snapshot that is taken.
        public var longestSnapshot: Int
        /// Bytes of the longest message of any other kind that is taken.
        public var longestMessage: Int
        /// Bytes that may wait for a server that does not read what it is sent; with more the connection is closed.
        public var longestBacklog: Int

        public init(
            remotes: [Remote],
            database: String,
            lock: String? = nil,
            followed: [FollowedTable],
            role: ServerRole = .any,
            isShuffled: Bool = false,
            pace: Reconnect.Pace = .init(),
            longestSnapshot: Int = 1 << 30,
            longestMessage: Int = 64 << 20,
            longestBacklog: Int = 16 << 20
        ) {
            self.remotes = remotes
            self.database = database
            self.lock = lock
            self.followed = followed
            self.role = role
            self.isShuffled = isShuffled
            self.pace = pace
            self.longestSnapshot = longestSnapshot
            self.longestMessage = longestMessage
            self.longestBacklog = longestBacklog
        }
    }

    /// What the observer is told, in order, on the event loop.
    public enum Event: Sendable {
        /// A connection stands; the replica is still what it was.
        case connected(Remote)
        /// The server's whole schema, once a connection.
        case learned(DatabaseSchema)
        /// The replica is complete.
        case synced(Beginning)
        /// One transaction of somebody, ours included, changed these rows.
        case changed([RowChange])
        /// The rows followed are those that ``OVSDBClient/follow(_:in:)`` asked for last.
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
    public private(set) var replica: Replica?
    /// The remote that is, or was last, tried.
    public private(set) var remote: Remote
    /// Replies to nothing that was asked, over all connections.
    public var unknownReplies: Int { earlierUnknownReplies + session.unknownReplies }

    private var configuration: Configuration
    private let logger: Logger
    private var observer: @Sendable (Event) -> Void = { _ in }
    private var reconnect: Reconnect
    private var timer: Scheduled<Void>?
    private var attempts = 0
    /// Tells events of the attempt or connection of now from those of earlier ones.
    private var generation = 0
    private var channel: (any Channel)?
    private var session: SessionStateMachine
    private var framer: MessageFramer
    private var arriving: ArrivingSnapshot?
    private var mark: SessionStateMachine.Mark?
    private var failure: OVSDBError?
    private var earlierUnknownReplies = 0
    private var calls: [Int64: Call] = [:]

    /// A request of a caller's that is not answered.
    private struct Call {
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

/// What callers ask.
extension OVSDBClient {
    /// Sends a transaction and calls `completion` on the event loop with what it gave: a result for each operation, or
    /// ``OVSDBError/transaction(_:)`` when it was undone, or another error when it is not known whether it was made.
    ///
    /// It goes out on any connection that stands, also before ``Event/synced``: who plans by ``replica`` waits for that.
    public func transact(
        _ operations: [Operation],
        completion: @escaping @Sendable (Result<[OperationResult], OVSDBError>) -> Void
    ) {
        guard channel != nil else { return completion(.failure(noConnection)) }
        let (id, action) = session.transact(operations)
        calls[id] = Call(
            complete: { result in
                switch result {
                case .success(let answer): completion(answer.results)
                case .failure(let error as OVSDBError): completion(.failure(error))
                case .failure(let error): completion(.failure(.disconnected(reason: "\(error)")))
                }
            },
            deadline: nil
        )
        perform(action)
    }

    /// Sends a transaction (RFC 7047, 4.1.3) and waits for what it gave, a result for each operation.
    ///
    /// Throws ``OVSDBError/transaction(_:)`` when it was undone; any other error, `CancellationError` included, leaves
    /// open whether it was made. A transaction that is given up while the server lets it wait is taken back.
    public func transact(_ operations: [Operation], timeout: TimeAmount? = nil) async throws -> [OperationResult] {
        guard channel != nil else { throw noConnection }
        return try await answer(to: session.transact(operations), "transact", within: timeout).results.get()
    }

    /// Sends any other request of RFC 7047 or ovsdb-server(7) and waits for its result, at most this long.
    public func call(_ method: String, _ params: [JSON], timeout: TimeAmount? = nil) async throws -> JSON {
        guard channel != nil else { throw noConnection }
        return try await answer(to: session.call(method, params), method, within: timeout).result.get()
    }

    /// The identity of the server, another after each of its starts (ovsdb-server(7), Get Server ID).
    public func serverID(timeout: TimeAmount? = nil) async throws -> UUID {
        let result = try await call("get_server_id", [], timeout: timeout)
        guard let id = result.string.flatMap({ UUID($0) }) else {
            throw OVSDBError.protocolViolation("get_server_id gave \(result.text()), not an identity")
        }
        return id
    }

    /// Sets which rows of a followed table are wanted from now on, on this connection and all later ones; what comes
    /// and goes for it is told as ``Event/changed(_:)``, and ``Event/filtered`` says when it is complete.
    public func follow(_ rows: RowFilter, in table: String) {
        guard let index = configuration.followed.firstIndex(where: { $0.name == table }) else { return }
        configuration.followed[index].rows = rows
        for action in session.follow(rows, in: table) { perform(action) }
    }

    private var noConnection: OVSDBError { .disconnected(reason: "no connection to \(remote)") }

    private func answer(
        to request: (id: Int64, action: SessionStateMachine.Action),
        _ method: String,
        within limit: TimeAmount?
    ) async throws -> SessionStateMachine.Answer {
        let id = request.id
        let deadline = limit.map { limit in
            eventLoop.scheduleTask(in: limit) {
                self.assumeIsolated { $0.giveUp(id, OVSDBError.timedOut(method: method, limit: limit)) }
            }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                calls[id] = Call(complete: { continuation.resume(with: $0) }, deadline: deadline)
                perform(request.action)
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.giveUp(id, CancellationError()) } }
        }
    }

    /// Ends a call before its answer.
    private func giveUp(_ id: Int64, _ error: any Error) {
        for action in session.abandon(id) { perform(action) }
        answered(id, .failure(error))
    }

    private func answered(_ id: Int64, _ result: Result<SessionStateMachine.Answer, any Error>) {
        guard let call = calls.removeValue(forKey: id) else { return }
        call.deadline?.cancel()
        call.complete(result)
    }
}

extension SessionStateMachine.Answer {
    fileprivate var results: Result<[OperationResult], OVSDBError> {
        switch self {
        case .transaction(let results): .success(results)
        case .failure(let error): .failure(error)
        case .success: .failure(.protocolViolation("a transaction was answered like a call"))
        }
    }

    fileprivate var result: Result<JSON, OVSDBError> {
        switch self {
        case .success(let json): .success(json)
        case .failure(let error): .failure(error)
        case .transaction: .failure(.protocolViolation("a call was answered like a transaction"))
        }
    }
}

/// The connection: made, watched, lost.
extension OVSDBClient {
    /// Does what is due, and sets the timer for what comes next.
    private func run() {
        while let action = reconnect.run(now: .now()) {
            switch action {
            case .connect: connect()
            case .probe: perform(session.probe())
            case .disconnect(let reason): end(.disconnected(reason: "\(remote): \(reason)"), .failure)
            }
        }
        guard let deadline = reconnect.deadline else { return }
        // Activity only moves the deadline away: a timer that comes too early finds nothing due and is set anew.
        timer?.cancel()
        timer = eventLoop.scheduleTask(deadline: deadline) { self.assumeIsolated { $0.run() } }
    }

    private func connect() {
        remote = configuration.remotes[attempts % configuration.remotes.count]
        attempts += 1
        generation += 1
        let attempt = generation
        // An attempt that we give up is given up below too, so that none pile up.
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(reconnect.attemptLimit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        SessionHandler { event in self.assumeIsolated { $0.happened(event, in: attempt, on: channel) } }
                    )
                }
            }
        let future =
            switch remote {
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        future.whenFailure { error in self.assumeIsolated { $0.failed(error, in: attempt) } }
    }

    /// An attempt came to nothing.
    private func failed(_ error: any Error, in attempt: Int) {
        guard attempt == generation, channel == nil else { return }
        end(.disconnected(reason: "\(remote): \(describe(error))"), .failure)
        run()
    }

    private func happened(_ event: SessionHandler.Event, in attempt: Int, on channel: any Channel) {
        // A host of several addresses is tried at all of them at once: the first that answers is the one.
        let isOurs = if case .opened = event { self.channel == nil } else { self.channel === channel }
        guard attempt == generation, isOurs else {
            // An attempt that was given up succeeded after all, or a second one did.
            if case .opened = event { channel.close(promise: nil) }
            return
        }
        switch event {
        case .opened:
            self.channel = channel
            session = SessionStateMachine(
                purpose: .init(configuration),
                mark: mark,
                lastID: session.lastID,
                clusterProgress: session.clusterProgress
            )
            framer = MessageFramer(limits: .init(length: configuration.longestMessage))
            reconnect.connected(now: .now())
            observer(.connected(remote))
            for action in session.connected() { perform(action) }
            run()
        case .received(let bytes):
            reconnect.received(now: .now())
            received(bytes)
        case .failed(let error):
            failure = .disconnected(reason: "\(remote): \(describe(error))")
        case .closed:
            if let failure {
                end(failure, .failure)
            } else {
                end(.disconnected(reason: "\(remote): the server closed the connection"), .closedByPeer)
            }
            run()
        }
    }

    /// Ends the connection or attempt of now, once, and says why.
    private func end(_ error: OVSDBError, _ ending: Reconnect.Ending) {
        let channel = self.channel
        self.channel = nil
        failure = nil
        generation += 1
        mark = session.progress ?? mark
        let ended = session.disconnected(error)
        earlierUnknownReplies += session.unknownReplies
        // Neither what was half read nor who waits for it outlives the connection.
        arriving = nil
        session = SessionStateMachine(
            purpose: .init(configuration),
            lastID: session.lastID,
            clusterProgress: session.clusterProgress
        )
        framer = MessageFramer(limits: .init(length: configuration.longestMessage))
        reconnect.disconnected(now: .now(), ending)
        channel?.close(promise: nil)
        for action in ended { perform(action) }
        observer(.disconnected(error))
    }

    private func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no answer in time"
        case let error as NIOConnectionError:
            if let last = error.connectionErrors.last { return describe(last.error) }
            return "the address of \(error.host) is not known"
        default: return "\(error)"
        }
    }
}

/// The conversation on it.
extension OVSDBClient {
    private func received(_ bytes: ByteBuffer) {
        var bytes = bytes
        framer.append(&bytes)
        do {
            while channel != nil {
                guard let message = try nextMessage() else { return }
                let actions = try message.withUnsafeReadableBytes { try withJSON($0) { session.received($0) } }
                for action in actions { perform(action) }
            }
        } catch let error as OVSDBError {
            perform(.close(error))
        } catch let error as ReplicaError {
            perform(.close(.misfit(error)))
        } catch {
            perform(.close(.protocolViolation("\(error)")))
        }
    }

    /// The next whole message. While a snapshot is awaited, its rows go into the replica to come as they arrive, and
    /// the message is what is left.
    private func nextMessage() throws -> ByteBuffer? {
        guard let (schema, form) = session.awaitedSnapshot else {
            framer.limits.length = configuration.longestMessage
            return try framer.next()
        }
        framer.limits.length = configuration.longestSnapshot
        return try framer.next { row, text, isContinued in
            let update = try withJSON(text) { try TableUpdates.RowUpdate(row, $0, form: form, schema: schema) }
            var arriving = self.arriving ?? ArrivingSnapshot(schema: schema)
            self.arriving = nil
            defer { self.arriving = arriving }
            try arriving.take(update, isContinued: isContinued)
        }
    }

    /// Every effect of a session happens here.
    private func perform(_ action: SessionStateMachine.Action) {
        switch action {
        case .send(let json):
            guard let channel else { return }
            // Counted before this message is added: one alone may be of any size.
            let backlog = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            guard backlog <= configuration.longestBacklog else {
                let reason = "\(remote): the server does not read; \(backlog) bytes wait for it"
                return perform(.close(.disconnected(reason: reason)))
            }
            var bytes = channel.allocator.buffer(capacity: 512)
            bytes.writeJSON(json)
            channel.writeAndFlush(bytes, promise: nil)
        case .learned(let schema):
            observer(.learned(schema))
        case .snapshot(let schema, let updates):
            reconnect.proved()
            let fresh = arriving?.replica ?? Replica(schema: schema)
            arriving = nil
            apply(updates, to: fresh) { _ in .synced(.fresh) }
        case .resumed(let updates):
            reconnect.proved()
            let earlier = arriving?.continued ?? []
            arriving = nil
            apply(TableUpdates(rows: earlier + updates.rows), to: nil) { .synced(.resumed($0)) }
        case .changed(let updates):
            apply(updates, to: nil, then: Event.changed)
        case .filtered:
            observer(.filtered)
        case .lock(let state):
            observer(.lock(state))
        case .answered(let id, let answer):
            answered(id, .success(answer))
        case .close(let error):
            logger.warning("closing the connection to \(remote): \(error)")
            end(error, error.isVerdict ? .closedByUs : .failure)
            run()
        }
    }

    /// Applies updates to a replica that takes the place of ours, or to ours.
    private func apply(_ updates: TableUpdates, to fresh: Replica?, then event: ([RowChange]) -> Event) {
        // From now on the session says how far the replica has come.
        mark = nil
        do throws(ReplicaError) {
            let changes: [RowChange]
            if var fresh {
                changes = try fresh.apply(updates)
                replica = fresh
            } else {
                changes = try replica?.apply(updates) ?? []
            }
            observer(event(changes))
        } catch {
            // What is kept is not what the server has; only a fresh snapshot brings the two together.
            session.forgetProgress()
            perform(.close(.misfit(error)))
        }
    }
}

extension OVSDBError {
    fileprivate static func misfit(_ error: ReplicaError) -> OVSDBError {
        .protocolViolation("an update does not fit what was known before: \(error)")
    }

    /// Whether it was us who would not go on with a server that answered.
    fileprivate var isVerdict: Bool {
        switch self {
        case .protocolViolation, .refused: true
        case .invalidRemote, .disconnected, .transaction, .timedOut: false
        }
    }
}

extension SessionStateMachine.Purpose {
    fileprivate init(_ configuration: OVSDBClient.Configuration) {
        self.init(
            database: configuration.database,
            lock: configuration.lock,
            followed: configuration.followed,
            role: configuration.role
        )
    }
}
