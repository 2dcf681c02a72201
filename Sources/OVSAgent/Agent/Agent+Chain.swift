import NIOCore
import OVSDB
import OpenFlow

/// The chain's flows: what the ``ChainKeeper`` is told, and what it tells.
extension Agent {
    /// Has the keeper do something, on its own event loop, in the order of these calls.
    nonisolated func chain(_ body: @escaping @Sendable (isolated ChainKeeper) -> Void) {
        let keeper = self.keeper
        keeper.eventLoop.execute { keeper.assumeIsolated { body($0) } }
    }

    /// The rows are as wanted: from now on the keeper serves these lanes and the VM ports that there are.
    func serveChain() {
        guard let lanes = planning.planner?.lanes?.seeing(innerTags: withReplica(\.seesInnerTags) ?? false),
            lanes != served.lanes,
            let rows = withReplica(VMPortRow.all)
        else { return }
        served.lanes = lanes
        let vmPorts = seeDevices(ofAll: rows)
        let service = switches.serveAnew()
        if let claims = served.takeInherited() { chain { $0.restore(claims) } }
        chain { $0.serve(lanes, vmPorts, service) }
        lookAtControllers()
    }

    /// Tells the keeper which ports of brN are the controller VMs'. The cost is in proportion to brN's ports.
    private func lookAtControllers() {
        guard let lanes = served.lanes, let found = withReplica({ $0.controllerPorts(of: lanes.uplinkMembers.keys) }),
            found != served.controllerPorts
        else { return }
        served.controllerPorts = found
        chain { $0.know(controllers: found) }
    }

    /// VM ports may have come, changed or gone.
    func updateChain(_ changes: VMPortChanges) {
        guard served.lanes != nil, !changes.interfaces.isEmpty else { return }
        let touched = seeDevices(of: withReplica { VMPortRow.of(changes.interfaces, in: $0) } ?? [:])
        if !touched.isEmpty { chain { $0.update(touched) } }
        // What is no VM's port may be the controller VM's.
        if changes.interfaces.contains(where: { touched[$0].flatMap { $0 } == nil }) { lookAtControllers() }
    }

    /// Nothing is to be written: somebody else may, or it is not known what.
    func leaveChain() {
        guard served.lanes != nil else { return }
        served.lanes = nil
        let service = switches.serveAnew()
        chain { $0.serve(nil, [:], service) }
    }

    /// What is known of how VM ports are served.
    var chainStanding: ChainStanding {
        var standing = served.standing
        if served.lanes == nil {
            standing.pause =
                if lock == .waiting {
                    "another agent of this host keeps the flows"
                } else if pause != nil {
                    Reason("the agent is paused", remedy: "ovs-agentctl resume ends that")
                } else {
                    Reason("the agent keeps no flows now", remedy: "ovs-agentctl status says why")
                }
        }
        standing.misplaced = misplaced.all
        standing.outages = switches.outages.mapValues { "\($0)" }
        return standing
    }

    func heard(_ news: ChainKeeper.News) {
        switch news {
        case .state(let bridge, let state):
            guard switches.heard(state, of: bridge) else { return }
            switch state {
            case .down:
                // ovs-vswitchd may be started anew.
                if Lane(uplinkBridge: bridge) != nil {
                    devices.uplinks.switchWent()
                    activeMembers.switchWent(active.layout.virtualSwitches.compactMap(\.uplink?.name))
                }
                switches.watch.lost(bridge, now: .now())
            case .up: switches.watch.answers(bridge, now: .now())
            }
            checkSwitch()
        case .flows(let bridge, let counts, let foreign, let service):
            // With the hands off nothing is anybody's to judge.
            guard served.lanes != nil, let news = switches.has(counts, foreign, on: bridge, service: service) else {
                return
            }
            if news.hadFailed { report(.init(.applied, object: "Bridge \(bridge)", reason: "it has its flows")) }
            if switches.watch.serves(bridge, now: .now()) { lookAtSwitch() }
            if news.isFirst || news.hadFailed { checkSwitch() }
        case .repaired(let drift, let latency, let isToldOf):
            repair.tally.record(drifts: 1, latencyMicroseconds: latency)
            guard isToldOf else { return }
            report(drift.report(.drift))
            report(drift.report(.repaired, latencyMicroseconds: latency))
        case .contested(let object):
            repair.tally.contested += 1
            tell(.contested(object))
        case .released(let fight):
            tell(.released(fight))
        case .fights(let fights):
            served.fights = fights
        case .refused(let drift, let reason):
            report(drift.report(.drift))
            report(.init(.applyFailed, object: drift.object, column: drift.column, reason: reason))
        case .failed(let bridge, let reason):
            guard switches.refuses(reason, on: bridge) else { return }
            report(.init(.applyFailed, object: "Bridge \(bridge)", reason: "its flows: \(reason)"))
            checkSwitch()
        case .unwatched(let bridge):
            switches.noteUnwatched(bridge)
        case .unserved(let ports, let contested):
            (served.standing.unserved, served.standing.contested) = (ports, contested)
        case .unrestricted(let ports):
            served.standing.unrestricted = ports
        case .served(let ports):
            served.standing.served = ports
        case .port(let news):
            report(news.report)
        case .announced(let announcement, let lane, let member):
            // What the bond's idle member hears are copies.
            guard withReplica({ $0.takesBroadcasts(from: member) }) == true else { return }
            chain { $0.consider(announcement, on: lane, by: member) }
        case .claims(let claims):
            if served.heard(claims) { keepClaims() }
        }
    }
}

extension ChainKeeper.PortNews {
    fileprivate var report: Event.Report {
        let bridge = lane.localBridge
        let station = address.map { "\($0)" } ?? "a VM that declares no MAC"
        let (kind, reason): (Event.Kind, String) =
            switch what {
            case .served where address == nil: (.vmServed, "\(station), on \(bridge): its MACs are learned")
            case .served: (.vmServed, "\(station) on \(bridge): expected until it speaks")
            case .arrived: (.vmArrived, "\(station) has spoken on \(bridge): it is here alone")
            case .moved(let place): (.vmMoved, "\(station) was announced \(place): expected on \(bridge) again")
            case .gone(let reason): (.vmGone, reason)
            }
        return .init(kind, object: "Interface \(port)", reason: reason)
    }
}

extension Agent {
    /// What is doubtful about the chain, in words.
    var warningsOfChain: [String] {
        let warnings =
            chainStanding.warnings
            + switches.bridges.sorted { $0.key < $1.key }.compactMap { $0.value.foreign?.warning(of: $0.key) }
        let unwatched = switches.bridges.filter(\.value.isUnwatched).map(\.key)
        guard !unwatched.isEmpty else { return warnings }
        let bridges = unwatched.sortedNaturally().joined(separator: ", ")
        return warnings + [
            """
            ovs-vswitchd can't report changes of flows (Open vSwitch 3.0 and newer can): those of \(bridges) are looked at \
            once a second
            """
        ]
    }
}

extension Agent {
    /// VM ports whose profile is no network's name, in words.
    var warningsOfProfiles: [String] {
        (planning.planner?.unknownProfiles.values.map { $0 } ?? []).sortedNaturally(by: \.port).map(\.warning)
    }
}

extension Replica {
    /// Whether `other_config:vlan-limit` lets ovs-vswitchd see more than the outermost tag (ovs-vswitchd.conf.db(5)). What
    /// it says in no clear words may be that, too.
    fileprivate var seesInnerTags: Bool {
        let limit = root?[OpenVSwitch.otherConfig]["vlan-limit"]
        return limit != nil && limit != "1"
    }
}

extension Replica {
    /// The names of the interfaces on the lanes' brN that are marked as the controller VM's.
    fileprivate func controllerPorts(of lanes: some Sequence<Lane>) -> [Lane: Set<String>] {
        var found: [Lane: Set<String>] = [:]
        for lane in lanes {
            for port in unorderedPorts(of: lane.uplinkBridge) {
                let members = interfaces(of: port)
                if ControllerPort.isMarked(port, members) { found[lane, default: []].formUnion(members.map(\.name)) }
            }
        }
        return found
    }
}

extension SwitchDrift {
    fileprivate func report(_ kind: Event.Kind, latencyMicroseconds: Int? = nil) -> Event.Report {
        .init(
            kind,
            object: object,
            column: column,
            found: found,
            wanted: wanted,
            latencyMicroseconds: latencyMicroseconds,
            reason: note
        )
    }
}

extension Replica {
    /// Whether a bridge takes broadcasts that come in by this interface, as far as bonds go: with LACP from every member
    /// that has a partner, else from the active one.
    fileprivate func takesBroadcasts(from member: String) -> Bool {
        guard let interface = interface(named: member),
            let port = port(of: interface)
        else { return false }
        let members = interfaces(of: port)
        guard members.count > 1 else { return true }
        if members.contains(where: { $0[Interface.lacpCurrent].boolean == true }) {
            return interface[Interface.lacpCurrent].boolean == true
        }
        return port[Port.bondActiveSlave].string == interface[Interface.macInUse].string
    }
}
