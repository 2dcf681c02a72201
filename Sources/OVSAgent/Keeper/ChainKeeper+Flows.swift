import NIOCore
import NIOPosix
import OpenFlow

/// From what is known to what is wanted.
extension ChainKeeper {
    func compile() {
        guard let lanes else {
            resolved = nil
            // What others do meanwhile is nobody's business here.
            acknowledged = [:]
            tellServed()
            return
        }
        let former = claims
        let (resolved, unserved) = lanes.resolve(vmPorts, ports: ports, former: lanesOfWanted, claims: &claims)
        noteClaims(since: former)
        // Who hears of it finds it so.
        defer {
            tellServed()
            if claims.version != former.version {
                tellGone(former.claims.keys.filter { claims[$0] == nil }, of: vmPorts, unserved)
            }
        }
        let isSame = self.resolved == resolved
        let contested =
            isSame ? lastContested : resolved.flatMap { $0.ownedStations(of: $0.vmPorts).contested }
        if unserved != lastUnserved || contested != lastContested {
            (lastUnserved, lastContested) = (unserved, contested)
            tell(.unserved(unserved, contested))
        }
        let unrestricted = lanes.unrestricted(vmPorts.values)
        if unrestricted != lastUnrestricted {
            lastUnrestricted = unrestricted
            tell(.unrestricted(unrestricted))
        }
        if isSame { return }
        let changes = ChainProgram.changes(from: lanesOfWanted, to: resolved)
        let before = Dictionary(lanesOfWanted.map { ($0.lane, $0) }) { $1 }
        // A port that needs no flow on one of its lane's ends is acknowledged there all the same.
        let ends = resolved.filter { before[$0.lane] != $0 }.flatMap { [$0.lane.localBridge, $0.lane.uplinkBridge] }
        (self.resolved, lanesOfWanted) = (resolved, resolved)
        for bridge in bridges.keys { bridges[bridge]?.settings.want(groups(of: bridge)) }
        for (bridge, changes) in changes {
            wanted[bridge, default: [:]].apply(changes)
            bridges[bridge]?.flows?.want(changes)
        }
        for bridge in Set(changes.keys).union(ends) { keep(bridge) }
    }

    /// The groups that a bridge's flows send to.
    func groups(of bridge: String) -> [Group] {
        lanesOfWanted.first { $0.lane.localBridge == bridge }?.localGroups ?? []
    }

    /// Whether all is known that a bridge's flows follow from: those of brN also from the VM ports on brN.local. Without
    /// that an agent that starts would delete what serves them, and make it again a moment later.
    private func knowsAll(of bridge: String) -> Bool {
        Lane(uplinkBridge: bridge).map { ports[$0.localBridge] != nil } ?? true
    }

    /// Brings a bridge to what is wanted, if it can be worked on now.
    func keep(_ bridge: String) {
        forgetDeparted(bridge)
        guard var kept = bridges[bridge], case .up = kept.connection.state else { return }
        switch kept.work {
        case .reading, .committing: return
        case .unread: return read(bridge)
        case .idle: break
        }
        guard resolved != nil, knowsAll(of: bridge), kept.settings.hasGroups, let all = kept.flows?.mods else {
            return
        }
        let held = tablesToWait(of: bridge, all, &kept)
        let mods = held.isEmpty ? all : kept.flows?.mods(except: held) ?? []
        if mods.isEmpty, !held.isEmpty { return }
        let drifts = (kept.flows?.differences(of: bridge) ?? []).filter { !held.contains($0.table) }
        let noticedAt = kept.tamperedAt ?? .now()
        kept.tamperedAt = nil
        guard !mods.isEmpty else {
            bridges[bridge]?.flows = nil
            kept.flows?.settled()
            kept.settings.leftGroups()
            bridges[bridge] = kept
            tellFlows(bridge)
            if kept.lessons == 0 { acknowledge(bridge) }
            keepSettings(bridge)
            return
        }
        kept.work = .committing
        kept.committing = mods
        bridges[bridge] = kept
        if Lane(localBridge: bridge) != nil { forget(kept.flows?.unlearned(by: mods) ?? [], behind: bridge) }
        teach(bridge, kept.flows?.unguarded(by: mods) ?? [])
        kept.connection.commit(mods).whenComplete { result in
            self.assumeIsolated { $0.committed(bridge, mods, result, drifts, noticedAt: noticedAt) }
        }
    }

    /// The tables that somebody fights over beyond their budget. What is wanted anew waits for nobody, and takes the repairs
    /// along.
    private func tablesToWait(of bridge: String, _ mods: [FlowMod], _ kept: inout Kept) -> Set<UInt8> {
        guard !mods.isEmpty, let flows = kept.flows, flows.areRepairs(mods) else { return [] }
        let drifts = flows.differences(of: bridge)
        let held = spend(onRepairsOf: Set(drifts.map(\.object)))
        guard let until = held.values.min() else { return [] }
        let tables = Set(drifts.filter { held[$0.object] != nil }.map(\.table))
        kept.pause?.timer.cancel()
        kept.pause = Pause(timer: resume(bridge, at: until), tables: tables)
        bridges[bridge]?.pause = kept.pause
        return tables
    }

    private func resume(_ bridge: String, at time: NIODeadline) -> Scheduled<Void> {
        eventLoop.scheduleTask(deadline: time) {
            self.assumeIsolated { keeper in
                keeper.bridges[bridge]?.pause = nil
                keeper.keep(bridge)
            }
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
            if kept.isLookDue { auditFlows(bridge) }
            if mods.count >= Self.manyFlows { giveBackMemorySoon() }
            let latency = Int((NIODeadline.now() - noticedAt).nanoseconds / 1000)
            // Not before: of a bridge that goes, the flows go first, and there is nothing to repair.
            tellRepaired(drifts.map(\.drift), latencyMicroseconds: latency)
            keep(bridge)
        case .failure(let error):
            kept.committing = nil
            kept.flows = nil
            bridges[bridge] = kept
            refused(bridge, error)
        }
    }

    /// Many flows were made, which took several times the memory that is needed to know them. The other bridges' may follow.
    private func giveBackMemorySoon() {
        guard tidying == nil else { return }
        tidying = eventLoop.scheduleTask(in: .milliseconds(100)) {
            self.assumeIsolated { $0.tidying = nil }
            NIOThreadPool.singleton.submit { _ in Heap.giveBack() }
        }
    }

    /// A request failed: where that was not for want of a connection, it is made again after a pause.
    func refused(_ bridge: String, _ error: any Error) {
        bridges[bridge]?.work = .unread
        acknowledged[bridge] = nil
        tellServed()
        guard let reason = error as? OpenFlowError, reason.isOfRequest else { return }
        bridges[bridge]?.retry?.cancel()
        bridges[bridge]?.retry = eventLoop.scheduleTask(in: .seconds(1)) {
            self.assumeIsolated { $0.keep(bridge) }
        }
        tell(.failed(bridge: bridge, reason: "\(error)"))
    }
}

/// What the switches say of flows.
extension ChainKeeper {
    func toldOfFlows(_ bridge: String, _ changes: [SwitchChange]) {
        guard var kept = bridges[bridge], var flows = kept.flows else { return }
        // One holder, so that nothing is copied.
        bridges[bridge]?.flows = nil
        kept.flows = nil
        let before = (flows.counts, flows.foreign.version)
        var touched: Set<UInt8> = []
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
                if flows.told(change), let table = change.table { touched.insert(table) }
            }
        }
        let isNews = (flows.counts, flows.foreign.version) != before
        let unguarded = Lane(uplinkBridge: bridge) == nil ? [] : flows.unguarded(by: changes)
        let marks = changes.compactMap(\.announcement).filter(flows.isLearned)
        kept.flows = flows
        if !touched.isEmpty, kept.tamperedAt == nil { kept.tamperedAt = .now() }
        bridges[bridge] = kept
        teach(bridge, unguarded)
        forget(changes, behind: bridge)
        // What goes on with fights that have a pause is looked at when it ends, once.
        if !touched.subtracting(kept.pause?.tables ?? []).isEmpty {
            keep(bridge)
        } else if touched.isEmpty, isNews {
            tellFlowsSoon(bridge)
        }
        if changes.contains(where: \.isClaim) { confirmClaims(bridge) }
        for mark in marks { announced(bridge, mark) }
    }

    /// Tells how many flows there are of whom, where that is settled.
    private func tellFlows(_ bridge: String) {
        guard let flows = bridges[bridge]?.flows else { return }
        let isFirst = bridges[bridge]?.hasToldFlows == false
        bridges[bridge]?.hasToldFlows = true
        tell(.flows(bridge: bridge, flows.counts, foreign: flows.foreign.summary, service: service))
        if isFirst { keepFlooding(on: bridge) }
    }

    /// Does so in a moment: a program of flows that others install comes in many messages.
    func tellFlowsSoon(_ bridge: String) {
        guard let kept = bridges[bridge], kept.telling == nil, kept.hasToldFlows else { return }
        bridges[bridge]?.telling = eventLoop.scheduleTask(in: .milliseconds(50)) {
            self.assumeIsolated { keeper in
                keeper.bridges[bridge]?.telling = nil
                // What is being changed is told when that is done.
                guard let kept = keeper.bridges[bridge], kept.work == .idle, kept.hasToldFlows else { return }
                keeper.tellFlows(bridge)
            }
        }
    }

    /// VM ports have spoken for the first time, which the switch has made claims of: now it gets flows that hold.
    func confirmClaims(_ bridge: String) {
        guard resolved != nil, let lane = Lane(localBridge: bridge),
            let claimed = bridges[bridge]?.flows?.claimed, !claimed.isEmpty
        else { return }
        var isNews = false
        let former = claims
        for (uuid, row) in vmPorts where row.lane == lane {
            guard let presence = claims[uuid], let cookie = FlowCookie.claim(lane, presence),
                claimed.contains(cookie), claims.spoke(uuid)
            else { continue }
            isNews = true
            if let address = row.address { cameBack(address, on: lane) }
            tellOf(row, .arrived)
        }
        noteClaims(since: former)
        if isNews { compile() }
    }

    private func read(_ bridge: String) {
        guard resolved != nil, let kept = bridges[bridge] else { return }
        bridges[bridge]?.work = .reading
        // One monitor lasts as long as the connection; a second one would tell everything twice.
        let flows =
            kept.watch == .notAsked
            ? kept.connection.monitorFlows() : kept.connection.flows().map { $0.map(\.flow) }
        flows.whenComplete { result in
            self.assumeIsolated { $0.read(bridge, result) }
        }
        // The answers come in this order, and some flows wait for what the second says of groups.
        auditSettings(bridge)
    }

    private func read(_ bridge: String, _ result: Result<[Flow], any Error>) {
        guard var kept = bridges[bridge], kept.work == .reading else { return }
        switch result {
        case .success(let flows):
            let ownership: KeptFlows.Ownership = Lane(uplinkBridge: bridge) == nil ? .whole : .own
            kept.flows = KeptFlows(ownership, installed: flows, wanted: wanted[bridge] ?? [:])
            kept.work = .idle
            if kept.watch == .notAsked { kept.watch = .reports }
            bridges[bridge] = kept
            seeControllers(bridge)
            confirmClaims(bridge)
            keep(bridge)
        case .failure(OpenFlowError.monitorRefused) where kept.watch == .notAsked:
            bridges[bridge]?.watch = .refuses
            tell(.unwatched(bridge: bridge))
            read(bridge)
            lookAtUnwatched(in: Self.lookInterval)
        case .failure(let error):
            refused(bridge, error)
        }
    }
}

extension SwitchChange {
    /// Of the flow that it is about.
    fileprivate var table: UInt8? {
        switch self {
        case .flowAdded(let flow), .flowModified(let flow), .flowRemoved(let flow, _): flow.table
        default: nil
        }
    }

    /// The mark of an announcement; another one of the same address changes it.
    fileprivate var announcement: Flow? {
        switch self {
        case .flowAdded(let flow), .flowModified(let flow): FlowCookie.isAnnouncement(flow.cookie) ? flow : nil
        default: nil
        }
    }

    /// Whether a VM port may have spoken for the first time.
    fileprivate var isClaim: Bool {
        if case .flowAdded(let flow) = self { FlowCookie.isClaim(flow.cookie) } else { false }
    }
}
