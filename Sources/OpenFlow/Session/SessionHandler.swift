import NIOCore

/// Performs what a ``SessionStateMachine`` decides on one channel: every effect of a session happens in `run`.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = Frame
    typealias OutboundOut = ByteBuffer

    /// What the owner of the connection learns.
    enum Event {
        case up(SwitchStatus)
        case changed([SwitchChange])
        /// The last event.
        case down(OpenFlowError)
    }

    private var machine: SessionStateMachine
    private let report: (Event) -> Void
    private var context: ChannelHandlerContext?
    private var answers: [Int: (SwitchAnswer) -> Void] = [:]
    private var lastRequest = 0
    private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

    /// - Parameter report: called on the channel's event loop, after the machine has moved on, so it may call back.
    init(timing: SessionStateMachine.Timing, report: @escaping (Event) -> Void) {
        machine = SessionStateMachine(timing: timing)
        self.report = report
    }

    func refresh() {
        run(machine.refresh())
    }

    /// - Parameter answer: called once, whatever happens, on the channel's event loop.
    func start(_ request: SwitchRequest, answer: @escaping (SwitchAnswer) -> Void) {
        guard context != nil else { return answer(.failed(.notConnectedYet)) }
        lastRequest += 1
        answers[lastRequest] = answer
        run(machine.start(request, id: lastRequest))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { run(machine.connected(now: context.eventLoop.now)) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        cancelTimer()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        run(machine.connected(now: context.eventLoop.now))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        run(machine.received(unwrapInboundIn(data), now: context.eventLoop.now))
    }

    func channelInactive(context: ChannelHandlerContext) {
        run(machine.failed(.lost(errno: nil)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason: OpenFlowError =
            switch error {
            case let error as OpenFlowError: error
            case let error as IOError: .lost(errno: error.errnoCode)
            default: .protocolViolation("\(error)")
            }
        run(machine.failed(reason))
    }

    private func run(_ action: SessionStateMachine.Action) {
        guard let context else { return }
        switch action {
        case .none:
            break
        case .send(let messages):
            send(messages, context)
        case .report(let status, let messages):
            send(messages, context)
            report(.up(status))
        case .changed(let changes):
            report(.changed(changes))
        case .answer(let id, let answer, let messages):
            send(messages, context)
            answers.removeValue(forKey: id)?(answer)
        case .close(let error, let messages):
            send(messages, context)
            cancelTimer()
            let unanswered = answers.sorted { $0.key < $1.key }
            answers = [:]
            report(.down(error))
            for (_, answer) in unanswered { answer(.failed(error)) }
            context.close(promise: nil)
        }
        setTimer(context)
    }

    private func send(_ messages: [SessionStateMachine.Outgoing], _ context: ChannelHandlerContext) {
        guard !messages.isEmpty else { return }
        // What is encoded already, perhaps megabytes, goes as it is.
        if messages.count == 1, case .encoded(let bytes) = messages[0].message {
            context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: 64 * messages.count)
        for message in messages { message.message.encode(xid: message.xid, into: &buffer) }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    /// Messages push the deadline back, but the timer that runs is left alone and looks again when it fires: an idle
    /// session wakes once per probe interval, a busy one no more often. Only an earlier deadline sets it anew.
    private func setTimer(_ context: ChannelHandlerContext) {
        guard let deadline = machine.nextTimer else { return }
        if let timer, timer.deadline <= deadline { return }
        cancelTimer()
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            // Also where there was nothing to do yet, this sets the timer again.
            run(machine.timerFired(now: context.eventLoop.now))
        }
        timer = (deadline, task)
    }

    private func cancelTimer() {
        timer?.task.cancel()
        timer = nil
    }
}
