import NIOCore
import OpenFlow

/// What a bridge has besides flows: groups, meters, bits of ports, the handling of fragments.
extension ChainKeeper {
    /// Undoes what others did, if the bridge can be worked on now.
    func keepSettings(_ bridge: String) {
        guard resolved != nil, var kept = bridges[bridge], case .up = kept.connection.state, !kept.isApplyingSettings
        else { return }
        guard kept.settings.needsRepair else { return }
        var settings = kept.settings
        let held = spend(onRepairsOf: Set(settings.takeRepairs().compactMap(\.drift?.object)))
        if let until = held.values.min() {
            kept.settingsPause?.cancel()
            kept.settingsPause = eventLoop.scheduleTask(deadline: until) {
                self.assumeIsolated { keeper in
                    keeper.bridges[bridge]?.settingsPause = nil
                    keeper.keepSettings(bridge)
                }
            }
        }
        let repairs = kept.settings.takeRepairs(except: Set(held.keys))
        guard !repairs.isEmpty else {
            bridges[bridge] = kept
            return
        }
        let noticedAt = kept.settingsTamperedAt ?? .now()
        kept.settingsTamperedAt = nil
        kept.isApplyingSettings = true
        bridges[bridge] = kept
        // The switch takes what follows in its order.
        defer { addWaitingFlows(bridge) }
        kept.connection.apply(repairs.map(\.mod)).whenComplete { result in
            self.assumeIsolated { $0.applied(bridge, repairs, result, noticedAt: noticedAt) }
        }
    }

    private func applied(
        _ bridge: String,
        _ repairs: [KeptSettings.Repair],
        _ result: Result<Void, any Error>,
        noticedAt: NIODeadline
    ) {
        guard let kept = bridges[bridge] else { return }
        bridges[bridge]?.isApplyingSettings = false
        let latency = Int((NIODeadline.now() - noticedAt).nanoseconds / 1000)
        switch result {
        case .success:
            tellRepaired(repairs.compactMap(\.drift), latencyMicroseconds: latency)
            lookIfDue(bridge)
            keepSettings(bridge)
        case .failure(OpenFlowError.modsRefused(let refused)):
            // Perhaps of a port that has gone. What is left is found by the next look at everything.
            let errors = Dictionary(refused.map { ($0.mod, $0.error) }) { first, _ in first }
            for repair in repairs {
                guard let drift = repair.drift else { continue }
                if let error = errors[repair.mod] {
                    tell(.refused(drift, reason: "\(error)"))
                } else {
                    tellRepaired([drift], latencyMicroseconds: latency)
                }
            }
            kept.connection.refresh()
            lookIfDue(bridge)
        case .failure(let error as OpenFlowError) where error.isOfRequest:
            // Nothing was sent.
            for drift in repairs.compactMap(\.drift) { tell(.refused(drift, reason: "\(error)")) }
            tell(.failed(bridge: bridge, reason: "\(error)"))
            lookIfDue(bridge)
        case .failure:
            // The connection has ended; the next one begins with a look at everything.
            break
        }
    }

    /// Looks again where an answer came meanwhile that says nothing of what is there now.
    private func lookIfDue(_ bridge: String) {
        guard bridges[bridge]?.isSettingsLookDue == true else { return }
        bridges[bridge]?.isSettingsLookDue = false
        auditSettings(bridge)
    }

    func toldOfSettings(_ bridge: String, _ changes: [SwitchChange]) {
        var concerns = false
        for change in changes where bridges[bridge]?.settings.told(change) == true { concerns = true }
        guard concerns else { return }
        bridges[bridge]?.noticeSettings()
        keepSettings(bridge)
    }

    /// Looks at what nothing tells of, or has told of before this connection.
    func auditSettings(_ bridge: String) {
        guard let kept = bridges[bridge] else { return }
        guard kept.settings.ownership == .whole else {
            // At first the flows come first.
            if kept.hasToldFlows { keepFlooding(on: bridge) }
            kept.connection.configuration().whenComplete { result in
                self.assumeIsolated { keeper in
                    switch result {
                    case .success(let configuration): keeper.audited(bridge, [], [], configuration)
                    case .failure(let error): keeper.refused(bridge, error)
                    }
                }
            }
            return
        }
        // Without meters in its datapath a switch may refuse to speak of them, which says nothing of the rest.
        let meters = kept.connection.meters().flatMapErrorThrowing { _ in [] }
        kept.connection.groups().and(meters).and(kept.connection.configuration()).whenComplete { result in
            self.assumeIsolated { keeper in
                switch result {
                case .success(((let groups, let meters), let configuration)):
                    keeper.audited(bridge, groups, meters, configuration)
                case .failure(let error):
                    keeper.refused(bridge, error)
                }
            }
        }
    }

    private func audited(
        _ bridge: String,
        _ groups: [Group],
        _ meters: [Meter],
        _ configuration: SwitchConfiguration
    ) {
        guard var kept = bridges[bridge] else { return }
        guard !kept.isApplyingSettings else {
            bridges[bridge]?.isSettingsLookDue = true
            return
        }
        if kept.settings.read(groups, meters, configuration) { kept.noticeSettings() }
        bridges[bridge] = kept
        keepSettings(bridge)
        addWaitingFlows(bridge)
    }

    /// Adds flows that waited for the groups that they send to.
    private func addWaitingFlows(_ bridge: String) {
        if bridges[bridge]?.work == .idle { keep(bridge) }
    }
}

extension ChainKeeper {
    /// The names of the interfaces of a brN that lead to the wire; none of another bridge.
    func uplinkMembers(of bridge: String) -> Set<String> {
        Set(Lane(uplinkBridge: bridge).flatMap { lanes?.uplinkMembers[$0] } ?? [])
    }

    /// Those, and the controller VM's.
    func vitalPorts(of bridge: String) -> Set<String> {
        uplinkMembers(of: bridge).union(Lane(uplinkBridge: bridge).flatMap { controllers[$0] } ?? [])
    }

    /// These ports are the controller VMs' now, by lane.
    func know(controllers: [Lane: Set<String>]) {
        self.controllers = controllers
        for bridge in bridges.keys where Lane(uplinkBridge: bridge) != nil {
            seeSettings(bridge)
            keepSettings(bridge)
            seeControllers(bridge)
        }
    }

    /// The numbers of a brN's ports may be others, or some of them the controller VM's.
    func seeControllers(_ bridge: String) {
        guard let lane = Lane(uplinkBridge: bridge), let ports = ports[bridge] else { return }
        let numbers = Set((controllers[lane] ?? []).compactMap { ports[$0]?.number })
        if bridges[bridge]?.flows?.know(controllers: numbers) == true { tellFlowsSoon(bridge) }
    }

    /// Looks at a brN's ports again where others of them are vital now.
    func seeSettings(_ bridge: String) {
        let vital = vitalPorts(of: bridge)
        guard var kept = bridges[bridge], kept.settings.vitalPorts != vital else { return }
        kept.settings.vitalPorts = vital
        if let ports = ports[bridge], kept.settings.see(ports) { kept.noticeSettings() }
        bridges[bridge] = kept
        auditSettings(bridge)
    }
}

extension OpenFlowError {
    /// Whether a request failed by what it held, and the connection goes on.
    var isOfRequest: Bool {
        switch self {
        case .flowRefused, .modsRefused, .refused, .monitorRefused, .tooLong, .modTooLong: true
        default: false
        }
    }
}

extension ChainKeeper.Kept {
    mutating func noticeSettings() { settingsTamperedAt = settingsTamperedAt ?? .now() }
}
