import NIOCore

/// One OpenFlow connection from its greeting to its end, as a pure value: it takes events with the time at which they
/// happened and returns the one thing to do. It owns no socket and no clock.
///
///     connecting -> greeting -> configuring -> syncing -> up -> closed
///
/// *Configuring* reads the switch's settings, since what has to be set of them can only be set along with the rest.
/// *Syncing* asks for the datapath id, every port and the number of flows; *up* keeps the ports current from the
/// switch's announcements. A switch that says nothing for a probe interval is asked for an echo; one that says
/// nothing for another interval is dead.
struct SessionStateMachine {
    /// How patient a session is.
    struct Timing: Hashable, Sendable {
        /// Silence after which a probe is sent, and again after which the switch counts as dead.
        var probeInterval: TimeAmount = .seconds(5)
        /// For the peer's greeting, from the connection on.
        var helloTimeout: TimeAmount = .seconds(5)
    }

    /// A message under its transaction id.
    struct Outgoing: Hashable, Sendable {
        var xid: UInt32
        var message: OutgoingMessage
    }

    enum Action: Equatable {
        case none
        case send([Outgoing])
        /// The switch is up with this status; afterwards send.
        case report(SwitchStatus, send: [Outgoing])
        /// Somebody changed something else than ports.
        case changed([SwitchChange])
        /// The request that was started under this id has ended; afterwards send.
        case answer(Int, SwitchAnswer, send: [Outgoing])
        /// Send, then end the connection for this reason. Comes exactly once; requests not answered by then have failed.
        case close(OpenFlowError, send: [Outgoing])
    }

    private enum State {
        case connecting
        case greeting(deadline: NIODeadline)
        /// `again`: a refresh was asked for after this survey's requests went out.
        case configuring(xid: UInt32)
        case syncing(featuresXID: UInt32, datapathID: UInt64?, Survey, again: Bool)
        case up(SwitchStatus, Survey?, again: Bool)
        case closed
    }

    /// The answers to "which ports, how many flows" while they come in.
    private struct Survey {
        var portsXID: UInt32
        var aggregateXID: UInt32
        var ports = SwitchPorts()
        var hasAllPorts = false
        var flowCount: UInt32?

        mutating func received(_ message: IncomingMessage, xid: UInt32) {
            switch message {
            case .portDescription(let part, let more) where xid == portsXID && !hasAllPorts:
                for port in part { ports.insert(port) }
                hasAllPorts = !more
            case .aggregate(let count) where xid == aggregateXID:
                flowCount = count
            case .portStatus(let change, let port):
                // The switch takes its answer at one moment. What it announces between the parts is later than that;
                // what it announced before the first part is in the answer anyway.
                ports.apply(change, port)
            default:
                break
            }
        }
    }

    private let timing: Timing
    private var state = State.connecting
    private var xids = TransactionIDs()
    private var requests = PendingRequests()
    private var lastReceived = NIODeadline.uptimeNanoseconds(0)
    private var probeSent: NIODeadline?

    init(timing: Timing = Timing()) {
        self.timing = timing
    }

    /// When ``timerFired(now:)`` has something to do next. Every message moves it, so let a timer fire early rather
    /// than set it anew each time.
    var nextTimer: NIODeadline? {
        switch state {
        case .connecting, .closed: nil
        case .greeting(let deadline): deadline
        case .configuring, .syncing, .up: (probeSent ?? lastReceived) + timing.probeInterval
        }
    }

    mutating func connected(now: NIODeadline) -> Action {
        guard case .connecting = state else { return .none }
        state = .greeting(deadline: now + timing.helloTimeout)
        return .send([request(.hello)])
    }

    mutating func received(_ frame: Frame, now: NIODeadline) -> Action {
        if case .closed = state { return .none }
        lastReceived = now
        probeSent = nil
        do throws(OpenFlowError) {
            return try received(IncomingMessage(decoding: frame), xid: frame.xid)
        } catch {
            return close(error)
        }
    }

    /// Asks for the ports and the number of flows again; the answer comes as a report, even if nothing changed. Calls
    /// that arrive while an answer is awaited share one further round.
    mutating func refresh() -> Action {
        switch state {
        case .connecting, .greeting, .configuring, .closed:
            return .none
        case .syncing(let featuresXID, let datapathID, let survey, _):
            state = .syncing(featuresXID: featuresXID, datapathID: datapathID, survey, again: true)
            return .none
        case .up(let status, .some(let survey), _):
            state = .up(status, survey, again: true)
            return .none
        case .up(let status, nil, _):
            let (survey, requests) = beginSurvey()
            state = .up(status, survey, again: false)
            return .send(requests)
        }
    }

    /// Begins a request, which an ``Action/answer(_:_:send:)`` ends; one made before the switch is up fails at once.
    ///
    /// - Parameter id: names the request in its answer.
    mutating func start(_ request: SwitchRequest, id: Int) -> Action {
        guard case .up(var status, let survey, let again) = state else {
            return .answer(id, .failed(.notConnectedYet), send: [])
        }
        if case .apply(let mods) = request {
            for case .port(let mod) in mods { status.ports.apply(mod) }
            state = .up(status, survey, again: again)
        }
        return requests.start(request, id: id, &xids)
    }

    mutating func timerFired(now: NIODeadline) -> Action {
        guard let nextTimer, now >= nextTimer else { return .none }
        if case .greeting = state { return close(.silent(milliseconds: timing.helloTimeout.nanoseconds / 1_000_000)) }
        if probeSent != nil { return close(.silent(milliseconds: (now - lastReceived).nanoseconds / 1_000_000)) }
        probeSent = now
        return .send([request(.echoRequest)])
    }

    /// The connection broke, ended or carried something that is not OpenFlow.
    mutating func failed(_ error: OpenFlowError) -> Action {
        close(error)
    }

    // MARK: Messages

    private mutating func received(_ message: IncomingMessage, xid: UInt32) throws(OpenFlowError) -> Action {
        if let action = requests.received(message, xid: xid, &xids) { return action }
        switch (message, state) {
        case (.error, .up(_, let survey, _)) where xid != survey?.portsXID && xid != survey?.aggregateXID:
            // Of a request that is refused with bytes of its body for a header, as a flow monitor is.
            return .none
        case (.error(let error), _):
            // Every request that the session makes of itself is one it can't do without. A peer with whom we share no
            // version may say so before its greeting has reached us.
            return close(.refused(error))
        case (.hello(let versions), .greeting):
            return greeted(versions)
        case (_, .greeting):
            throw .protocolViolation("a message before the greeting")
        case (.forwarded(let change), .syncing), (.forwarded(let change), .up):
            return .changed([change])
        case (.echoRequest(let data), _):
            return .send([Outgoing(xid: xid, message: .echoReply(data))])
        case (.configuration(let found), .configuring(xid)):
            return configure(found)
        case (_, .configuring):
            return .none
        case (_, .syncing(let featuresXID, var datapathID, var survey, let again)):
            if case .featuresReply(let value) = message, xid == featuresXID { datapathID = value }
            survey.received(message, xid: xid)
            guard let datapathID, survey.hasAllPorts, let flowCount = survey.flowCount else {
                state = .syncing(featuresXID: featuresXID, datapathID: datapathID, survey, again: again)
                return .none
            }
            return surveyed(
                SwitchStatus(datapathID: datapathID, ports: survey.ports, flowCount: flowCount),
                again: again
            )
        case (_, .up(var status, var survey, let again)):
            survey?.received(message, xid: xid)
            if let survey, survey.hasAllPorts, let flowCount = survey.flowCount {
                return surveyed(
                    SwitchStatus(datapathID: status.datapathID, ports: survey.ports, flowCount: flowCount),
                    again: again
                )
            }
            guard case .portStatus(let change, let port) = message, status.ports.apply(change, port) else {
                state = .up(status, survey, again: again)
                return .none
            }
            state = .up(status, survey, again: again)
            return .report(status, send: [])
        case (_, .connecting), (_, .closed):
            return .none
        }
    }

    private mutating func greeted(_ versions: [UInt8]) -> Action {
        guard versions.contains(openFlowVersion) else {
            return close(
                .versionNotOffered(offered: versions),
                send: [request(.helloFailed("only OpenFlow 1.4 is spoken here"))]
            )
        }
        let configuration = request(.configurationRequest)
        state = .configuring(xid: configuration.xid)
        return .send([configuration])
    }

    private mutating func configure(_ found: SwitchConfiguration) -> Action {
        let features = request(.featuresRequest)
        let chosen = request(.chooseMessages)
        // Before the ports are asked for: what changes after the answer is then announced.
        let config = request(
            .setConfig(.init(fragments: found.fragments, missSendLength: SwitchConfiguration.missSendLength))
        )
        let (survey, requests) = beginSurvey()
        state = .syncing(featuresXID: features.xid, datapathID: nil, survey, again: false)
        return .send([features, chosen, config] + requests)
    }

    private mutating func surveyed(_ status: SwitchStatus, again: Bool) -> Action {
        guard again else {
            state = .up(status, nil, again: false)
            return .report(status, send: [])
        }
        let (survey, requests) = beginSurvey()
        state = .up(status, survey, again: false)
        return .report(status, send: requests)
    }

    private mutating func beginSurvey() -> (Survey, [Outgoing]) {
        let ports = request(.portDescriptionRequest)
        let aggregate = request(.aggregateRequest)
        return (Survey(portsXID: ports.xid, aggregateXID: aggregate.xid), [ports, aggregate])
    }

    private mutating func close(_ error: OpenFlowError, send: [Outgoing] = []) -> Action {
        if case .closed = state { return .none }
        state = .closed
        return .close(error, send: send)
    }

    private mutating func request(_ message: OutgoingMessage) -> Outgoing {
        Outgoing(xid: xids.next(), message: message)
    }
}

extension SwitchPorts {
    /// `false` when it was so already.
    @discardableResult
    fileprivate mutating func apply(_ change: IncomingMessage.PortChange, _ port: SwitchPort) -> Bool {
        let before = self[number: port.number]
        switch change {
        case .added, .modified:
            if before == port { return false }
            insert(port)
        case .deleted:
            if before == nil { return false }
            remove(number: port.number)
        }
        return true
    }
}
