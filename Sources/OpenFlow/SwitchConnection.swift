import NIOCore
import NIOPosix

/// A lasting OpenFlow 1.4 session with one bridge through its `<bridge>.mgmt` unix socket.
///
/// It tells whether ovs-vswitchd is alive *now* and which ports the bridge really has, which the database can't: after
/// a crash its columns stay as they were. It connects, greets, asks for ports and flows, follows the port
/// announcements, probes a silent switch, and after any failure reports it and tries again by itself, more and more
/// slowly, until ``close()``.
///
/// Bound to one event loop: call everything on it, and expect `onChange` on it. It is not `Sendable` on purpose: an
/// actor whose executor is that event loop can own it and be called back without a hop. It has no thread and no task
/// of its own; idle, it wakes once per probe interval. Cost: one socket, and the ports in memory. It lives until
/// ``close()``, held by its event loop, even if nobody else holds it.
public final class SwitchConnection {
    /// What is known about the switch.
    public enum State: Hashable, Sendable {
        case down(Outage)
        case up(SwitchStatus)
    }

    /// Which switch is out of reach, and why; as text `br0.mgmt: connection refused (ovs-vswitchd is not running)`.
    public struct Outage: Error, Hashable, Sendable, CustomStringConvertible {
        /// The last part of the socket's path, such as `br0.mgmt`.
        public var socketName: String
        public var error: OpenFlowError

        public init(socketName: String, error: OpenFlowError) {
            self.socketName = socketName
            self.error = error
        }

        public var description: String { "\(socketName): \(error)" }
    }

    /// How patient a connection is; the defaults suit a local switch.
    public struct Timing: Hashable, Sendable {
        /// Silence after which the switch is probed, and once more this long until it counts as dead.
        public var probeInterval: TimeAmount
        /// How long a connected peer may take to greet.
        public var helloTimeout: TimeAmount
        public var pacing: ReconnectPacing

        public init(
            probeInterval: TimeAmount = .seconds(5),
            helloTimeout: TimeAmount = .seconds(5),
            pacing: ReconnectPacing = ReconnectPacing()
        ) {
            self.probeInterval = probeInterval
            self.helloTimeout = helloTimeout
            self.pacing = pacing
        }
    }

    private enum Link {
        case connecting(SessionHandler)
        case connected(any Channel, SessionHandler)
        case waiting(Scheduled<Void>)
        /// Neither connected nor trying: before the first attempt is set, and once closed.
        case ended
    }

    public let socketPath: String
    /// The state last reported; before the first report, down with ``OpenFlowError/notConnectedYet``.
    public private(set) var state: State

    private let eventLoop: any EventLoop
    private let timing: Timing
    private let onChange: (State) -> Void
    private let onSwitchChange: ([SwitchChange]) -> Void
    private let closed: EventLoopPromise<Void>
    private let socketName: String
    private var pacing: ReconnectPacing
    private var link = Link.ended

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - onSwitchChange: called like `onChange` with what others do to groups and meters while the switch is up, and
    ///     with what anybody does to the flows for which ``monitorFlows(table:match:)`` was called.
    ///   - onChange: called on `eventLoop`, synchronously with the event that caused it: when the switch comes up, for
    ///     each change of its ports, once for every answer to ``refresh()``, and when it goes down or is down for
    ///     another reason. It may call this object, and is never called from within a call to it, nor after ``close()``.
    public init(
        socketPath: String,
        eventLoop: any EventLoop,
        timing: Timing = Timing(),
        onSwitchChange: @escaping ([SwitchChange]) -> Void = { _ in },
        onChange: @escaping (State) -> Void
    ) {
        eventLoop.preconditionInEventLoop()
        self.socketPath = socketPath
        self.eventLoop = eventLoop
        self.timing = timing
        self.onChange = onChange
        self.onSwitchChange = onSwitchChange
        closed = eventLoop.makePromise()
        pacing = timing.pacing
        socketName = socketPath.split(separator: "/").last.map(String.init) ?? socketPath
        state = .down(Outage(socketName: socketName, error: .notConnectedYet))
        connect(in: .zero)
    }

    /// Asks a switch that is up for its ports and flow count again, and reports the answer even if it is the same. A
    /// switch that is down is tried at once, without waiting for the next attempt's time, and from then on as if it had
    /// just gone down.
    public func refresh() {
        eventLoop.preconditionInEventLoop()
        switch link {
        case .connected(_, let session): session.refresh()
        case .waiting(let attempt):
            attempt.cancel()
            pacing.startOver()
            connect(in: .zero)
        case .connecting: pacing.startOver()
        case .ended: break
        }
    }

    /// Ends the connection for good; nothing is reported any more. May be called again.
    ///
    /// - Returns: done when the socket is closed.
    @discardableResult
    public func close() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        let before = link
        link = .ended
        switch before {
        case .waiting(let attempt):
            attempt.cancel()
            closed.succeed()
        case .connected(let channel, _):
            channel.closeFuture.cascade(to: closed)
            channel.close(promise: nil)
        case .connecting, .ended:
            // The attempt under way ends it.
            break
        }
        return closed.futureResult
    }

    /// Hands a request to the switch, if it is up.
    func start(_ request: SwitchRequest, answer: @escaping (SwitchAnswer) -> Void) {
        eventLoop.preconditionInEventLoop()
        switch (link, state) {
        case (.connected(_, let session), .up): session.start(request, answer: answer)
        case (_, .down(let outage)): answer(.failed(outage.error))
        case (_, .up): answer(.failed(.lost(errno: nil)))
        }
    }

    func makePromise<Value>(of type: Value.Type = Value.self) -> EventLoopPromise<Value> { eventLoop.makePromise() }

    // MARK: Connecting

    private func connect(in delay: TimeAmount) {
        link = .waiting(eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in connect() })
    }

    private func connect() {
        // An attempt that was given up in the very turn of the loop that begins it comes all the same: of two in a turn, the
        // first is made.
        guard case .waiting = link else { return }
        let session = SessionHandler(
            timing: .init(probeInterval: timing.probeInterval, helloTimeout: timing.helloTimeout)
        ) { [self] event in
            received(event)
        }
        link = .connecting(session)
        let bound = NIOLoopBound(session, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(FrameDecoder()), bound.value,
                    ])
                }
            }
            .connect(unixDomainSocketPath: socketPath)
            .assumeIsolated()
            .whenComplete { [self] in connected($0, session) }
    }

    private func connected(_ result: Result<any Channel, any Error>, _ session: SessionHandler) {
        switch (result, link) {
        case (.success(let channel), .connecting(let current)) where current === session:
            link = .connected(channel, session)
        case (.failure(let error), .connecting(let current)) where current === session:
            fail(Self.reason(error))
        case (.success(let channel), .ended):
            channel.closeFuture.cascade(to: closed)
            channel.close(promise: nil)
        case (.failure, .ended):
            closed.succeed()
        default:
            // The session ended, and was reported, before its connecting did.
            break
        }
    }

    private func received(_ event: SessionHandler.Event) {
        if case .ended = link { return }
        switch event {
        case .up(let status):
            pacing.startOver()
            report(.up(status))
        case .changed(let changes):
            onSwitchChange(changes)
        case .down(let error):
            fail(error)
        }
    }

    private func fail(_ error: OpenFlowError) {
        connect(in: pacing.delayAfterFailure())
        let outage = State.down(Outage(socketName: socketName, error: error))
        if state != outage { report(outage) }
    }

    private func report(_ state: State) {
        self.state = state
        onChange(state)
    }

    private static func reason(_ error: any Error) -> OpenFlowError {
        switch error {
        case let error as IOError: .unreachable(errno: error.errnoCode)
        case is SocketAddressError: .pathTooLong
        default: .protocolViolation("\(error)")
        }
    }
}
