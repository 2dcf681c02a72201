import NIOCore

/// What the owner of a session asks of the switch.
enum SwitchRequest: Hashable, Sendable {
    case flows(FlowFilter)
    case flowCount
    /// As one bundle.
    case commit([FlowMod])
    /// Each for itself.
    case apply([SwitchMod])
    case groups
    case meters
    case configuration
    /// Every change from now on, and what is there now; of one table or of all.
    case monitorFlows(table: UInt8?, Match)
    /// An answer once everything sent before is done.
    case barrier
}

/// How a request ended.
enum SwitchAnswer: Hashable, Sendable {
    case flows([FlowEntry])
    case flowCount(UInt32)
    case monitored([Flow])
    case groups([Group])
    case meters([Meter])
    case configuration(SwitchConfiguration)
    case done
    case failed(OpenFlowError)
}

/// Hands out transaction ids.
struct TransactionIDs {
    private var last: UInt32 = 0

    mutating func next() -> UInt32 { reserve(1) }

    /// The first of so many ids in a row.
    mutating func reserve(_ count: Int) -> UInt32 {
        defer { last &+= UInt32(truncatingIfNeeded: count) }
        return last &+ 1
    }
}

/// The requests under way, any number at once, each of which is answered exactly once: a pure value.
///
/// A bundle takes two rounds. Open vSwitch drops a change that it can't take from the bundle, says so, and would commit
/// the rest, so the commit has to wait until the closing request is answered: any error has come by then.
struct PendingRequests {
    typealias Outgoing = SessionStateMachine.Outgoing
    typealias Action = SessionStateMachine.Action

    private struct Collecting {
        var id: Int
        /// What has come of it.
        var parts: [SwitchAnswer] = []

        /// The parts as one; joined at the end only, as there may be many of them.
        var answer: SwitchAnswer {
            switch parts.first {
            case .flows: .flows(joined { if case .flows(let part) = $0 { part } else { [] } })
            case .groups: .groups(joined { if case .groups(let part) = $0 { part } else { [] } })
            case .meters: .meters(joined { if case .meters(let part) = $0 { part } else { [] } })
            case .some(let only): only
            case nil: .done
            }
        }

        private func joined<Element>(_ part: (SwitchAnswer) -> [Element]) -> [Element] {
            parts.count == 1 ? part(parts[0]) : parts.flatMap(part)
        }
    }

    /// Changes that are no bundle, and the barrier behind them.
    private struct Batch {
        var id: Int
        var firstXID: UInt32
        var mods: [SwitchMod]
        var refused: [RefusedMod] = []

        var barrierXID: UInt32 { firstXID &+ UInt32(mods.count) }
    }

    private struct Monitor {
        var id: Int
        /// Sent behind the request: answered before it, the monitor was refused. Open vSwitch 3.1 says so with bytes of
        /// the request's body for a header, by which the refusal can't be told from another.
        var barrier: UInt32
        var flows: [Flow] = []
    }

    private struct Bundle {
        enum Phase {
            case filling
            case committing(xid: UInt32)
            case discarding(xid: UInt32)
        }

        var id: Int
        var number: UInt32
        /// Of the opening request; the changes and the closing request follow.
        var firstXID: UInt32
        var mods: [FlowMod]
        var phase = Phase.filling
        var firstError: OpenFlowError?

        var closeXID: UInt32 { firstXID &+ UInt32(mods.count) &+ 1 }

        func holds(_ xid: UInt32) -> Bool {
            if xid &- firstXID <= closeXID &- firstXID { return true }
            switch phase {
            case .filling: return false
            case .committing(let own), .discarding(let own): return xid == own
            }
        }
    }

    private var collecting: [UInt32: Collecting] = [:]
    /// Those of which not all flows that were there at first have been told.
    private var monitors: [UInt32: Monitor] = [:]
    private var barriers: [UInt32: Int] = [:]
    private var bundles: [Bundle] = []
    private var batches: [Batch] = []
    private var lastBundle: UInt32 = 0

    /// - Parameter id: names the request in its answer.
    mutating func start(_ request: SwitchRequest, id: Int, _ xids: inout TransactionIDs) -> Action {
        switch request {
        case .flows(let filter):
            return collect(.flowsRequest(filter), id: id, &xids)
        case .flowCount: return collect(.aggregateRequest, id: id, &xids)
        case .groups: return collect(.groupsRequest, id: id, &xids)
        case .meters: return collect(.metersRequest, id: id, &xids)
        case .configuration: return collect(.configurationRequest, id: id, &xids)
        case .monitorFlows(let table, let match):
            let (xid, barrier) = (xids.next(), xids.next())
            monitors[xid] = Monitor(id: id, barrier: barrier)
            // The transaction id is as good a number for the monitor as any.
            let monitor = FlowMonitorRequest(id: xid, table: table, match: match)
            return .send([
                Outgoing(xid: xid, message: .flowMonitor(monitor)),
                Outgoing(xid: barrier, message: .barrierRequest),
            ])
        case .barrier:
            let xid = xids.next()
            barriers[xid] = id
            return .send([Outgoing(xid: xid, message: .barrierRequest)])
        case .apply(let mods):
            let xid = xids.reserve(mods.count + 1)
            var bytes = ByteBufferAllocator().buffer(capacity: 64 * (mods.count + 1))
            do {
                try bytes.writeMods(mods, firstXID: xid)
            } catch {
                return .answer(id, .failed(error), send: [])
            }
            batches.append(Batch(id: id, firstXID: xid, mods: mods))
            return .send([Outgoing(xid: xid, message: .encoded(bytes))])
        case .commit(let mods):
            lastBundle &+= 1
            let xid = xids.reserve(mods.count + 2)
            // A flow takes some 150 bytes with its headers.
            var bytes = ByteBufferAllocator().buffer(capacity: 64 + 192 * mods.count)
            do {
                try bytes.writeBundle(id: lastBundle, mods, firstXID: xid)
            } catch {
                return .answer(id, .failed(error), send: [])
            }
            bundles.append(Bundle(id: id, number: lastBundle, firstXID: xid, mods: mods))
            return .send([Outgoing(xid: xid, message: .encoded(bytes))])
        }
    }

    /// `nil` for a message that answers none of the requests.
    mutating func received(_ message: IncomingMessage, xid: UInt32, _ xids: inout TransactionIDs) -> Action? {
        switch message {
        case .flows(let part, let more): return collected(.flows(part), more: more, xid: xid)
        case .groups(let part, let more): return collected(.groups(part), more: more, xid: xid)
        case .meters(let part, let more): return collected(.meters(part), more: more, xid: xid)
        case .aggregate(let flowCount): return collected(.flowCount(flowCount), more: false, xid: xid)
        case .configuration(let value): return collected(.configuration(value), more: false, xid: xid)
        case .flowUpdates(let updates, let more):
            return monitors[xid] == nil ? Self.changes(updates) : initial(updates, more: more, xid: xid)
        case .barrierReply:
            if let (monitorXID, monitor) = monitors.first(where: { $0.value.barrier == xid }) {
                monitors[monitorXID] = nil
                return .answer(monitor.id, .failed(.monitorRefused), send: [])
            }
            if let index = batches.firstIndex(where: { $0.barrierXID == xid }) {
                let batch = batches.remove(at: index)
                return .answer(batch.id, batch.refused.isEmpty ? .done : .failed(.modsRefused(batch.refused)), send: [])
            }
            return barriers.removeValue(forKey: xid).map { .answer($0, .done, send: []) }
        case .bundleControl(let control):
            guard let index = bundles.firstIndex(where: { $0.holds(xid) }) else { return nil }
            return bundle(index, replied: control, xid: xid, &xids)
        case .error(let error):
            if let monitor = monitors.removeValue(forKey: xid) {
                let reason = error.saysUnknownRequest ? OpenFlowError.monitorRefused : .refused(error)
                return .answer(monitor.id, .failed(reason), send: [])
            }
            if let id = collecting.removeValue(forKey: xid)?.id ?? barriers.removeValue(forKey: xid) {
                return .answer(id, .failed(.refused(error)), send: [])
            }
            if let index = batches.firstIndex(where: { xid &- $0.firstXID < UInt32($0.mods.count) }) {
                let batch = batches[index]
                // A change is refused once; a peer that says so again and again fills nothing.
                guard batch.refused.count < batch.mods.count else { return SessionStateMachine.Action.none }
                batches[index].refused.append(RefusedMod(batch.mods[Int(xid &- batch.firstXID)], error))
                return SessionStateMachine.Action.none
            }
            guard let index = bundles.firstIndex(where: { $0.holds(xid) }) else { return nil }
            return bundle(index, failed: error, xid: xid)
        default:
            return nil
        }
    }

    /// Sends a request whose answer may come in parts.
    private mutating func collect(_ message: OutgoingMessage, id: Int, _ xids: inout TransactionIDs) -> Action {
        let xid = xids.next()
        collecting[xid] = Collecting(id: id)
        return .send([Outgoing(xid: xid, message: message)])
    }

    private mutating func collected(_ part: SwitchAnswer, more: Bool, xid: UInt32) -> Action? {
        guard var request = collecting.removeValue(forKey: xid) else { return nil }
        request.parts.append(part)
        if !more { return .answer(request.id, request.answer, send: []) }
        collecting[xid] = request
        return SessionStateMachine.Action.none
    }

    private static func changes(_ updates: [FlowUpdate]) -> Action {
        let changes = updates.compactMap { if case .change(let change) = $0 { change } else { nil } }
        return changes.isEmpty ? .none : .changed(changes)
    }

    private mutating func initial(_ updates: [FlowUpdate], more: Bool, xid: UInt32) -> Action {
        guard var monitor = monitors.removeValue(forKey: xid) else { return .none }
        monitor.flows += updates.compactMap { if case .initial(let flow) = $0 { flow } else { nil } }
        if !more { return .answer(monitor.id, .monitored(monitor.flows), send: []) }
        monitors[xid] = monitor
        return .none
    }

    private mutating func bundle(
        _ index: Int,
        replied control: BundleControl,
        xid: UInt32,
        _ xids: inout TransactionIDs
    ) -> Action {
        let bundle = bundles[index]
        switch (bundle.phase, control) {
        case (.filling, .closeReply) where xid == bundle.closeXID:
            let next = xids.next()
            let isGood = bundle.firstError == nil
            bundles[index].phase = isGood ? .committing(xid: next) : .discarding(xid: next)
            let request = isGood ? BundleControl.commitRequest : .discardRequest
            return .send([Outgoing(xid: next, message: .bundleControl(request, id: bundle.number))])
        case (.committing(xid), .commitReply), (.discarding(xid), .discardReply):
            bundles.remove(at: index)
            return .answer(bundle.id, bundle.firstError.map { .failed($0) } ?? .done, send: [])
        default:
            // The opening request's reply says nothing that the closing one's does not.
            return .none
        }
    }

    private mutating func bundle(_ index: Int, failed error: ErrorMessage, xid: UInt32) -> Action {
        let bundle = bundles[index]
        let position = Int(xid &- bundle.firstXID) - 1
        let isMember = bundle.mods.indices.contains(position)
        let reason = bundle.firstError ?? (isMember ? .flowRefused(bundle.mods[position], error) : .refused(error))
        bundles[index].firstError = reason
        switch bundle.phase {
        case .filling where xid != bundle.closeXID:
            return .none
        case .committing where isMember:
            // The error of the commit itself follows.
            return .none
        default:
            // Refused to close, to commit or to discard: the switch has dropped the bundle.
            bundles.remove(at: index)
            return .answer(bundle.id, .failed(reason), send: [])
        }
    }
}
