import Glibc
import JSONRPC
import NIOCore
import NIOPosix

/// The connection: made, watched, lost.
extension OVSDBClient {
    /// Does what is due, and sets the timer for what comes next.
    func run() {
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
            session = nextSession(from: mark)
            framer = MessageFramer(limits: .init(length: configuration.longestMessage))
            reconnect.connected(now: .now())
            observer(.connected(remote))
            // Unless that made the observer end it.
            if self.channel === channel { perform(session.connected()) }
            run()
        case .received(let bytes):
            let (deadline, wasProbing) = (reconnect.deadline, reconnect.isProbing)
            reconnect.received(now: .now())
            received(bytes)
            // Activity only moves a probe away: its timer finds nothing due and is set anew. After the answer to a probe
            // that would be one wake-up more in each silence; and the time for a first byte may have been longer than
            // that for the next one.
            if wasProbing || (reconnect.deadline.map { $0 < deadline ?? .distantFuture } ?? false) { run() }
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
    func end(_ error: OVSDBError, _ ending: Reconnect.Ending) {
        let channel = self.channel
        self.channel = nil
        failure = nil
        generation += 1
        mark = session.progress ?? mark
        let ended = session.disconnected(error)
        earlierUnknownReplies += session.unknownReplies
        // Neither what was half read nor who waits for it outlives the connection.
        arriving = nil
        session = nextSession()
        framer = MessageFramer(limits: .init(length: configuration.longestMessage))
        reconnect.disconnected(now: .now(), ending)
        channel?.close(promise: nil)
        // Each of them, whatever those whose calls end do next.
        for action in ended { perform(action) }
        observer(.disconnected(error))
    }

    /// A session that knows what must outlive the one before.
    private func nextSession(from mark: SessionStateMachine.Mark? = nil) -> SessionStateMachine {
        SessionStateMachine(
            purpose: .init(configuration),
            mark: mark,
            lastID: session.lastID,
            clusterProgress: session.clusterProgress,
            isFilterAwaited: session.isFilterAwaited
        )
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
