import NIOCore

// What a switch that is up holds, and changes of it. Every request is answered: with what it asked for, or with the
// reason why not, at the latest when the connection ends. Requests may be made at any time and are sent at once,
// without waiting for the answers to earlier ones; the switch takes them in order.

extension SwitchConnection {
    /// The flows that the switch holds now.
    public func flows(_ filter: FlowFilter = .all) -> EventLoopFuture<[FlowEntry]> {
        ask(.flows(filter)) { if case .flows(let entries) = $0 { entries } else { nil } }
    }

    /// How many flows the switch holds now.
    public func flowCount() -> EventLoopFuture<UInt32> {
        ask(.flowCount) { if case .flowCount(let count) = $0 { count } else { nil } }
    }

    /// The groups that the switch holds now.
    public func groups() -> EventLoopFuture<[Group]> {
        ask(.groups) { if case .groups(let groups) = $0 { groups } else { nil } }
    }

    /// The meters that the switch holds now.
    public func meters() -> EventLoopFuture<[Meter]> {
        ask(.meters) { if case .meters(let meters) = $0 { meters } else { nil } }
    }

    /// The switch's settings now.
    public func configuration() -> EventLoopFuture<SwitchConfiguration> {
        ask(.configuration) { if case .configuration(let configuration) = $0 { configuration } else { nil } }
    }

    /// Begins to report every change of flows, whoever makes it: `add-flow` and the like, `learn`, timeouts. Lasts as long
    /// as the connection to the switch: call it again whenever the switch has come up.
    ///
    /// - Returns: the flows that are there at the moment from which on changes are reported.
    public func monitorFlows(table: UInt8? = nil, match: Match = Match()) -> EventLoopFuture<[Flow]> {
        ask(.monitorFlows(table: table, match)) { if case .monitored(let flows) = $0 { flows } else { nil } }
    }

    /// Makes changes as one: all of them, in their order, between two packets, or none if one is refused.
    ///
    /// - Returns: done when the switch has made them. It fails with ``OpenFlowError/flowRefused(_:_:)`` and the first
    ///   change that was refused. If the connection ends before the answer, they may or may not have been made.
    public func commit(_ mods: [FlowMod]) -> EventLoopFuture<Void> {
        perform(mods.isEmpty ? .barrier : .commit(mods))
    }

    /// Makes changes in their order, each for itself.
    ///
    /// - Returns: done when the switch has taken all of them. It fails with ``OpenFlowError/modsRefused(_:)`` and the
    ///   changes that were refused; the others were made nevertheless. What is asked of ports shows in the next
    ///   report of the switch's state as if it were done: where it failed, call ``refresh()``.
    public func apply(_ mods: [SwitchMod]) -> EventLoopFuture<Void> {
        perform(mods.isEmpty ? .barrier : .apply(mods))
    }

    /// Done when the switch has done everything that was asked before.
    public func barrier() -> EventLoopFuture<Void> {
        perform(.barrier)
    }

    private func perform(_ request: SwitchRequest) -> EventLoopFuture<Void> {
        ask(request) { if case .done = $0 { () } else { nil } }
    }

    /// - Parameter value: what the answer to such a request holds.
    private func ask<Value: Sendable>(
        _ request: SwitchRequest,
        _ value: @escaping (SwitchAnswer) -> Value?
    ) -> EventLoopFuture<Value> {
        let promise = makePromise(of: Value.self)
        start(request) { answer in
            if case .failed(let error) = answer {
                promise.fail(error)
            } else if let value = value(answer) {
                promise.succeed(value)
            } else {
                promise.fail(OpenFlowError.protocolViolation("the answer to another request"))
            }
        }
        return promise.futureResult
    }
}
