import NIOCore
import OVSDB
import OpenFlow

/// Keeps the flows of the chain: holds an OpenFlow connection to every bridge, compiles the flows that are wanted from
/// the lanes, the VM ports and the numbers that the switch gives them, and brings each bridge to them by one bundle,
/// again after whatever somebody else does to them.
///
/// It lives on an event loop of its own, so that no compiling or encoding holds up the loop on which rows are enforced.
actor ChainKeeper {
    nonisolated let eventLoop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// What the keeper tells, on its own event loop.
    enum News: Sendable {
        /// What is known of a bridge's switch.
        case state(bridge: String, SwitchConnection.State)
        case flows(bridge: String, Status.Flows)
        /// Somebody else changed flows of ours, which are as they were again.
        case repaired(FlowDifference, latencyMicroseconds: Int)
        case failed(bridge: String, reason: String)
        /// The VM ports that can't be served, and addresses that two of them declare.
        case unserved([UnservedPort], [ContestedStation])
    }

    private let openFlowFolder: String
    private var tell: @Sendable (News) -> Void = { _ in }
    private var bridges: [String: Kept] = [:]
    /// `nil` while another agent may write, or nothing is known: then no flow is touched.
    private var lanes: ChainLanes?
    private var vmPorts: [UUID: VMPortRow] = [:]
    /// The lanes as the switch has them now; `nil` while nothing is to be touched.
    private var resolved: [LanePorts]?
    /// Those that ``wanted`` was compiled for.
    private var lanesOfWanted: [LanePorts] = []
    /// The flows that they want, by bridge.
    private var wanted = ChainProgram(lanes: []).flows.mapValues { flows in
        Dictionary(flows.map { ($0.key, $0) }) { $1 }
    }
    private var lastUnserved: [UnservedPort] = []
    private var lastContested: [ContestedStation] = []
    private var audit: RepeatedTask?

    /// One bridge.
    private struct Kept {
        let connection: SwitchConnection
        var work = Work.unread
        /// As the switch has them; `nil` before they were read on this connection.
        var flows: KeptFlows?
        /// When somebody else's change was noticed that is not undone yet.
        var tamperedAt: NIODeadline?
        /// What is being committed, and whether the switch has told that it did it.
        var committing: [FlowMod]?
        var retry: Scheduled<Void>?
    }

    private enum Work { case unread, reading, idle, committing }

    init(openFlowFolder: String, on eventLoop: any EventLoop) {
        self.openFlowFolder = openFlowFolder
        self.eventLoop = eventLoop
    }

    func start(_ tell: @escaping @Sendable (News) -> Void) {
        self.tell = tell
        // What no message reports is found by a look at everything.
        audit = eventLoop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(1)) { _ in
            self.assumeIsolated { $0.readAll() }
        }
    }

    /// Lets go of everything; the flows stay.
    func stop() {
        tell = { _ in }
        lanes = nil
        audit?.cancel()
        for kept in bridges.values {
            kept.retry?.cancel()
            kept.connection.close()
        }
        bridges = [:]
    }

    /// Keeps one connection to each of these bridges.
    func follow(_ wanted: Set<String>) {
        for (bridge, kept) in bridges where !wanted.contains(bridge) {
            bridges[bridge] = nil
            release(kept)
        }
        for bridge in wanted where bridges[bridge] == nil {
            bridges[bridge] = Kept(
                connection: SwitchConnection(
                    socketPath: "\(openFlowFolder)/\(bridge).mgmt",
                    eventLoop: eventLoop,
                    onSwitchChange: { changes in self.assumeIsolated { $0.told(bridge, changes) } },
                    onChange: { state in self.assumeIsolated { $0.changed(bridge, state) } }
                )
            )
        }
    }

    /// Leaves a bridge for good, without flows of ours where it stands on, and where they were ours to change.
    private func release(_ kept: Kept) {
        kept.retry?.cancel()
        let connection = NIOLoopBound(kept.connection, eventLoop: eventLoop)
        guard kept.flows != nil, lanes != nil, case .up = kept.connection.state else {
            kept.connection.close()
            return
        }
        let ours = FlowFilter(cookie: CookieFilter(FlowCookie.space, mask: FlowCookie.spaceMask))
        kept.connection.commit([.delete(ours)]).whenComplete { _ in connection.value.close() }
    }

    /// Tries bridges at once that are out of reach.
    func retryAbsent() {
        for kept in bridges.values {
            if case .down = kept.connection.state { kept.connection.refresh() }
        }
    }

    /// Sets which lanes are served, and all VM ports; `nil` takes the hands off. The flows of every bridge are told as
    /// soon as they are as wanted.
    func serve(_ lanes: ChainLanes?, _ vmPorts: [UUID: VMPortRow]) {
        self.lanes = lanes
        self.vmPorts = vmPorts
        compile()
        for bridge in bridges.keys { keep(bridge) }
    }

    /// VM ports came, changed or went.
    func update(_ changed: [UUID: VMPortRow?]) {
        var isNews = false
        for (uuid, row) in changed where vmPorts[uuid] != row {
            vmPorts[uuid] = row
            isNews = true
        }
        if isNews { compile() }
    }
}

/// From what is known to what is wanted.
extension ChainKeeper {
    private func compile() {
        guard let lanes else {
            resolved = nil
            return
        }
        var ports: [String: SwitchPorts] = [:]
        for (bridge, kept) in bridges {
            if case .up(let status) = kept.connection.state { ports[bridge] = status.ports }
        }
        let (resolved, unserved) = lanes.resolve(vmPorts.values, ports: ports)
        let contested = resolved.flatMap { $0.ownedStations(of: $0.vmPorts).contested }
        if unserved != lastUnserved || contested != lastContested {
            (lastUnserved, lastContested) = (unserved, contested)
            tell(.unserved(unserved, contested))
        }
        let changes = ChainProgram.changes(from: lanesOfWanted, to: resolved)
        (self.resolved, lanesOfWanted) = (resolved, resolved)
        for (bridge, changes) in changes {
            wanted[bridge, default: [:]].apply(changes)
            bridges[bridge]?.flows?.want(changes)
        }
        for bridge in changes.keys { keep(bridge) }
    }

    /// Brings a bridge to what is wanted, if it can be worked on now.
    private func keep(_ bridge: String) {
        guard var kept = bridges[bridge], case .up = kept.connection.state else { return }
        switch kept.work {
        case .reading, .committing: return
        case .unread: return read(bridge)
        case .idle: break
        }
        guard resolved != nil, let mods = kept.flows?.mods else { return }
        let drifts = kept.flows?.differences(of: bridge) ?? []
        let noticedAt = kept.tamperedAt ?? .now()
        kept.tamperedAt = nil
        guard !mods.isEmpty else {
            bridges[bridge]?.flows = nil
            kept.flows?.settled()
            bridges[bridge] = kept
            if let counts = kept.flows?.counts { tell(.flows(bridge: bridge, counts)) }
            return
        }
        kept.work = .committing
        kept.committing = mods
        bridges[bridge] = kept
        kept.connection.commit(mods).whenComplete { result in
            self.assumeIsolated { $0.committed(bridge, mods, result, drifts, noticedAt: noticedAt) }
        }
    }

    private func committed(
        _ bridge: String,
        _ mods: [FlowMod],
        _ result: Result<Void, any Error>,
        _ drifts: [FlowDifference],
        noticedAt: NIODeadline
    ) {
        guard var kept = bridges[bridge], kept.work == .committing else { return }
        switch result {
        case .success:
            // Where the switch did not say when it did it, now is when.
            if kept.committing != nil { kept.flows?.done(mods) }
            kept.committing = nil
            kept.work = .idle
            bridges[bridge] = kept
            let latency = Int((NIODeadline.now() - noticedAt).nanoseconds / 1000)
            // Not before: of a bridge that goes, the flows go first, and there is nothing to repair.
            for drift in drifts { tell(.repaired(drift, latencyMicroseconds: latency)) }
            keep(bridge)
        case .failure(let error):
            kept.committing = nil
            kept.flows = nil
            bridges[bridge] = kept
            refused(bridge, error)
        }
    }

    /// A request failed: where that was not for want of a connection, it is made again after a pause.
    private func refused(_ bridge: String, _ error: any Error) {
        bridges[bridge]?.work = .unread
        switch error as? OpenFlowError {
        case .flowRefused, .refused, .monitorRefused, .tooLong: break
        default: return
        }
        bridges[bridge]?.retry?.cancel()
        bridges[bridge]?.retry = eventLoop.scheduleTask(in: .seconds(1)) {
            self.assumeIsolated { $0.keep(bridge) }
        }
        tell(.failed(bridge: bridge, reason: "\(error)"))
    }
}

/// What the switches say.
extension ChainKeeper {
    private func changed(_ bridge: String, _ state: SwitchConnection.State) {
        tell(.state(bridge: bridge, state))
        guard var kept = bridges[bridge] else { return }
        if case .down = state {
            // Whatever was there or under way is gone with the connection, or has to be read anew.
            kept.work = .unread
            kept.flows = nil
            kept.committing = nil
            kept.tamperedAt = nil
            bridges[bridge] = kept
        }
        compile()
        keep(bridge)
    }

    private func told(_ bridge: String, _ changes: [SwitchChange]) {
        guard var kept = bridges[bridge], var flows = kept.flows else { return }
        // One holder, so that nothing is copied.
        bridges[bridge]?.flows = nil
        kept.flows = nil
        var concerns = false
        for change in changes {
            switch change {
            case .ownFlows:
                if let mods = kept.committing {
                    flows.done(mods)
                    kept.committing = nil
                }
            case .flowsPaused, .flowsResumed:
                // What happened in between is told afterwards, as far as it lasted.
                continue
            default:
                if flows.told(change) { concerns = true }
            }
        }
        kept.flows = flows
        if concerns, kept.tamperedAt == nil { kept.tamperedAt = .now() }
        bridges[bridge] = kept
        if concerns { keep(bridge) }
    }

    private func read(_ bridge: String) {
        guard resolved != nil, let kept = bridges[bridge] else { return }
        bridges[bridge]?.work = .reading
        kept.connection.monitorFlows().whenComplete { result in
            self.assumeIsolated { $0.read(bridge, result) }
        }
    }

    private func read(_ bridge: String, _ result: Result<[Flow], any Error>) {
        guard var kept = bridges[bridge], kept.work == .reading else { return }
        switch result {
        case .success(let flows):
            let ownership: KeptFlows.Ownership = Lane(uplinkBridge: bridge) == nil ? .whole : .own
            kept.flows = KeptFlows(ownership, installed: flows, wanted: wanted[bridge] ?? [:])
            kept.work = .idle
            bridges[bridge] = kept
            keep(bridge)
        case .failure(let error):
            refused(bridge, error)
        }
    }

    /// Compares what is kept with what the switch has, for changes that nothing tells of.
    private func readAll() {
        for (bridge, kept) in bridges where kept.work == .idle {
            guard case .up = kept.connection.state else { continue }
            kept.connection.flows().whenSuccess { entries in
                self.assumeIsolated { $0.audited(bridge, entries.map(\.flow)) }
            }
        }
    }

    private func audited(_ bridge: String, _ installed: [Flow]) {
        guard var kept = bridges[bridge], kept.work == .idle, var flows = kept.flows else { return }
        bridges[bridge]?.flows = nil
        kept.flows = nil
        if flows.read(installed), kept.tamperedAt == nil { kept.tamperedAt = .now() }
        kept.flows = flows
        bridges[bridge] = kept
        keep(bridge)
    }
}
