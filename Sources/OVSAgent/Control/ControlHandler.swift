import Glibc
import JSONRPC
import Logging
import NIOCore
import NIOPosix

/// Carries out what one connection's state machine says, on the agent's event loop.
final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// As many as ovs's unixctl takes in one turn.
    private static let requestsPerTurn = 10
    /// As many are written down in less time than a repair takes.
    private static let eventsPerTurn = 16
    private static let portsPerTurn = 64
    private static let linesPerTurn = 64

    private let server: ControlServer.Core
    private var connection: ControlConnection
    private var context: ChannelHandlerContext?
    /// The event number that a long poll waits to be passed.
    private(set) var awaitedEvent: Int?
    private var isReading = false
    private var isProceeding = false
    /// How long a caller that has no place may take to ask; `nil` for one that has.
    private let patience: TimeAmount?

    /// - Parameter patience: for a caller that has no place: whatever it asks within this time is answered with that,
    ///   and then it has to go.
    init(server: ControlServer.Core, mayChange: Bool, turnedAwayWithin patience: TimeAmount? = nil) {
        self.server = server
        self.patience = patience
        connection = ControlConnection(mayChange: mayChange)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        if let patience {
            context.eventLoop.assumeIsolated().scheduleTask(in: patience) { self.context?.close(promise: nil) }
        }
        proceed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        awaitedEvent = nil
        server.forget(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        connection.received(&bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        proceed()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        proceed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("control connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    /// Answers a long poll when there is something to tell.
    func journalGrew() {
        guard awaitedEvent != nil else { return }
        answerIfGrown()
        proceed()
    }

    private func answerIfGrown() {
        guard let awaitedEvent else { return }
        let excerpt = server.target.events(since: awaitedEvent)
        guard !excerpt.events.isEmpty else { return }
        self.awaitedEvent = nil
        answer(excerpt)
    }

    /// Does what can be done now. While the caller does not read what it was sent, nothing is; and after a few
    /// requests the loop, which also enforces, turns to others first.
    private func proceed() {
        // What is answered while it is asked for is gone on with by the loop below, which counts.
        guard !isProceeding else { return }
        isProceeding = true
        defer { isProceeding = false }
        var turns = 0
        while let context, context.channel.isWritable {
            guard turns < Self.requestsPerTurn else {
                return context.eventLoop.assumeIsolated().execute { self.proceed() }
            }
            turns += 1
            switch connection.next() {
            case .perform(let command): perform(command)
            case .send(let bytes): context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            case .read: return read()
            case .wait(let reading):
                if reading { read() }
                return
            case .close(let reason):
                server.logger.debug("control connection closed", metadata: ["reason": "\(reason)"])
                return context.close(promise: nil)
            }
        }
    }

    private func turnAway() {
        let reason = "\(ControlServer.maximumConnections) callers have all the places there are: try again in a moment"
        answer(.failure(CommandFailure(reason)))?.assumeIsolated().whenComplete { _ in self.context?.close(promise: nil)
        }
    }

    private func read() {
        guard !isReading else { return }
        isReading = true
        context?.read()
    }

    private func perform(_ command: ControlCommand) {
        if patience != nil { return turnAway() }
        let target = server.target
        server.note(self, .working)
        switch command {
        case .listCommands: answer(.success(ControlCommand.list))
        case .version: answer(.success(.version))
        case .status:
            let status = target.status()
            // A virtual switch is some lines, and a warning or a reason one each.
            let lines = 8 * status.virtualSwitches.count + status.warnings.count + status.reasons.count
            answer(takingLong: lines > Self.linesPerTurn) { Answer(status) }
        case .show:
            let topology = target.topology()
            let count = topology.virtualSwitches.map(\.vmPorts.count).reduce(0, +)
            answer(takingLong: count > Self.portsPerTurn) { Answer(topology) }
        case .vms:
            let vms = target.vms()
            answer(takingLong: vms.ports.count > Self.portsPerTurn) { Answer(vms) }
        case .events(let id): answer(target.events(since: id))
        case .waitForEvents(let id):
            awaitedEvent = id
            server.note(self, .awaitingEvents)
            answerIfGrown()
        case .plan(let file): answer(target.plan(for: file), \.answer)
        case .trace(let port, let frame): answer(target.trace(port: port, frame: frame), \.self)
        case .adopt(let object): answer(target.adopt(object), \.self)
        case .reload(let allowRemoval): answer(target.reload(allowRemoval: allowRemoval), \.self)
        case .pause(let seconds, let reason): answer(target.pause(seconds: seconds, reason: reason), \.self)
        case .resume: answer(target.resume(), \.self)
        case .exit:
            let gone = answer(.success(Answer(text: "", json: [:])))
            gone?.whenComplete { _ in target.exit() }
        case .setLogLevel(let level):
            target.setLogLevel(level)
            answer(.success(Answer(text: "", json: ["level": .string(level.rawValue)])))
        case .setFormat: break  // The state machine keeps the format to itself.
        }
    }

    @discardableResult
    private func answer(_ result: Result<Answer, CommandFailure>) -> EventLoopFuture<Void>? {
        guard let context else { return nil }
        server.note(self, .idle)
        return context.writeAndFlush(wrapOutboundOut(connection.answer(result)))
    }

    private func answer(_ excerpt: Journal.Excerpt) {
        answer(takingLong: excerpt.events.count > Self.eventsPerTurn) { Answer(excerpt) }
    }

    /// What takes longer to write down than a repair takes is another thread's work: a whole journal many times as long,
    /// and a status is asked for again and again.
    private func answer(takingLong: Bool, _ make: @escaping @Sendable () -> Answer) {
        guard takingLong, let context, let request = connection.request else {
            answer(.success(make()))
            return
        }
        server.threads.runIfActive(eventLoop: context.eventLoop) {
            request.reply(.success(make()))
        }.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let bytes):
                self.connection.answered()
                self.server.note(self, .idle)
                self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
            case .failure(let error):
                self.answer(.failure(CommandFailure("the answer could not be written down: \(error)")))
            }
            self.proceed()
        }
    }

    private func answer<Value: Sendable>(
        _ future: EventLoopFuture<Value>,
        _ rendering: @escaping (Value) -> Answer
    ) {
        guard let loop = context?.eventLoop else { return }
        future.hop(to: loop).assumeIsolated().whenComplete { result in
            self.answer(
                result.map(rendering).mapError { $0 as? CommandFailure ?? CommandFailure("\($0)") }
            )
            self.proceed()
        }
    }
}

extension Answer {
    fileprivate static var version: Answer {
        let line = "ovs-agentd \(AgentVersion.current)"
        return Answer(
            lines: [line],
            json: ["name": "ovs-agentd", "version": .string(AgentVersion.current)],
            // Their `version` knows no JSON: a text is wrapped like this.
            stock: ["reply-format": "plain", "reply": .string(line)]
        )
    }

    fileprivate init(_ status: Status) { self.init(status, json: status.json) }
    fileprivate init(_ topology: Topology) { self.init(topology, json: topology.json) }
    fileprivate init(_ vms: VMListing) { self.init(vms, json: vms.json) }
    fileprivate init(_ excerpt: Journal.Excerpt) { self.init(excerpt, json: excerpt.json) }
}
