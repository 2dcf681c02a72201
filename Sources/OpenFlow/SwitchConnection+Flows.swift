import NIOCore

// Flows of a switch that is up. Every request is answered: with what it asked for, or with the reason why not, at the
// latest when the connection ends. Requests may be made at any time and are sent at once, without waiting for the
// answers to earlier ones; the switch takes them in order.

extension SwitchConnection {
    /// The flows that the switch holds now.
    public func flows(_ filter: FlowFilter = .all) -> EventLoopFuture<[FlowEntry]> {
        let promise = makePromise(of: [FlowEntry].self)
        start(.flows(filter)) { answer in
            switch answer {
            case .flows(let entries): promise.succeed(entries)
            case .failed(let error): promise.fail(error)
            case .done, .monitored: promise.succeed([])
            }
        }
        return promise.futureResult
    }

    /// Begins to report every change of flows, whoever makes it: `add-flow` and the like, `learn`, timeouts. Lasts as long
    /// as the connection to the switch: call it again whenever the switch has come up.
    ///
    /// - Returns: the flows that are there at the moment from which on changes are reported.
    public func monitorFlows(table: UInt8? = nil, match: Match = Match()) -> EventLoopFuture<[Flow]> {
        let promise = makePromise(of: [Flow].self)
        start(.monitorFlows(table: table, match)) { answer in
            switch answer {
            case .monitored(let flows): promise.succeed(flows)
            case .failed(let error): promise.fail(error)
            case .done, .flows: promise.succeed([])
            }
        }
        return promise.futureResult
    }

    /// Makes changes as one: all of them, in their order, between two packets, or none if one is refused.
    ///
    /// - Returns: done when the switch has made them. It fails with ``OpenFlowError/flowRefused(_:_:)`` and the first
    ///   change that was refused. If the connection ends before the answer, they may or may not have been made.
    public func commit(_ mods: [FlowMod]) -> EventLoopFuture<Void> {
        perform(mods.isEmpty ? .barrier : .commit(mods))
    }

    /// Done when the switch has done everything that was asked before.
    public func barrier() -> EventLoopFuture<Void> {
        perform(.barrier)
    }

    private func perform(_ request: SwitchRequest) -> EventLoopFuture<Void> {
        let promise = makePromise(of: Void.self)
        start(request) { answer in
            if case .failed(let error) = answer { promise.fail(error) } else { promise.succeed() }
        }
        return promise.futureResult
    }
}
