import JSONRPC
import NIOCore
import NIOPosix
import OVSDB
import OpenFlow

/// Whether ovs-vswitchd lives and has done what the database says (DESIGN, rule 1). Nothing here ever waits for it.
extension Agent {
    /// Keeps one OpenFlow connection to every bridge that is wanted.
    func followSwitches() {
        let bridges = planner?.desired?.bridges ?? []
        // After a repair, as after nearly everything, they are those of before.
        let areKnown = bridges.allSatisfy { switches.index(forKey: $0.row.name) != nil }
        if areKnown, bridges.count == switches.count { return }
        let wanted = Set(bridges.map(\.row.name))
        for bridge in switches.keys where !wanted.contains(bridge) {
            switches[bridge] = nil
            flows[bridge] = nil
            foreignFlows[bridge] = nil
            flowFailures[bridge] = nil
            unwatched.remove(bridge)
            switchWatch.forget(bridge)
        }
        for bridge in wanted where switches[bridge] == nil {
            switches[bridge] = .down(.init(socketName: "\(bridge).mgmt", error: .notConnectedYet))
        }
        chain { $0.follow(wanted) }
    }

    /// From now on ovs-vswitchd has its time to follow: after a transaction of ours, and where a session begins.
    /// Either way the journal tells when all is applied.
    func expectApplication(of configuration: Int64?) { follow(application.committed(configuration, now: .now())) }
    func expectApplication() { follow(application.began(now: .now())) }

    /// Looks whether everything is applied, after anything in the database that it follows from.
    func checkApplication() {
        guard connection == .synced, lock == .held, !isStopping else { return }
        // It only looks, so a pause is no reason not to.
        lookForBlockages()
        checkSwitch()
    }

    /// The same after what ovs-vswitchd said by itself.
    func checkSwitch() {
        guard connection == .synced, lock == .held, !isStopping, pause == nil, planner != nil else { return }
        retryAbsentSwitches()
        // Where flows are missing the rest needs no look.
        let isApplied = withReplica { !lacksFlows($0) && findUnapplied($0).isEmpty } ?? false
        // What stood before a restart must not be taken for what stands after it.
        if isApplied, application.state == .applied {
            askForActiveMembers()
            keepActiveMembers()
        }
        follow(application.observe(isApplied: isApplied && !reconciler.isBusy, now: .now()))
    }

    /// What ovs-vswitchd has not done yet, in words.
    var unapplied: [Reason] { withReplica(findUnapplied) ?? [] }

    private func lacksFlows(_ replica: Replica) -> Bool {
        (planner?.desired?.bridges ?? []).contains {
            flows[$0.row.name] == nil && switches[$0.row.name] != nil && replica["Bridge"][name: $0.row.name] != nil
        }
    }

    /// Where ovs-vswitchd has taken a configuration, it may have opened the bridges that were out of reach before.
    private func retryAbsentSwitches() {
        let current = withReplica { $0.currentConfiguration } ?? nil
        guard current != lastConfiguration else { return }
        lastConfiguration = current
        if let current, let awaitedConfiguration {
            follow(application.reached(current, latest: awaitedConfiguration, now: .now()))
        }
        lookAtFlushed(current)
        if switches.values.contains(where: { if case .down = $0 { true } else { false } }) {
            chain { $0.retryAbsent() }
        }
    }

    /// The flows of these bridges went when ovs-vswitchd took the edit, or our answer to it. Not every switch tells.
    private func lookAtFlushed(_ current: Int64?) {
        guard !flushed.isEmpty else { return }
        let bridges = flushed
        chain { $0.lookAgain(at: bridges) }
        if !reconciler.isBusy, (current ?? 0) >= (awaitedConfiguration ?? 0) { flushed = [] }
    }

    /// Tells of each when it comes and when it goes: nobody writes anything for it.
    private func lookForBlockages() {
        let layout = active.layout
        var devices = uplinkDevices
        let found = withReplica { replica in
            devices.look(at: replica, layout)
            return Blockage.all(in: replica, layout, devices)
        }
        uplinkDevices = devices
        guard let found, found != blockages else { return }
        let former = blockages
        blockages = found
        for blockage in found where !former.contains(blockage) {
            report(.init(.applyFailed, object: blockage.object, reason: blockage.reason.text))
        }
        let objects = Set(found.map(\.object))
        for object in Set(former.map(\.object)).subtracting(objects).sorted() {
            report(.init(.applied, object: object, reason: "frames can pass again"))
        }
    }

    private func follow(_ transition: Application.Transition?) {
        switch transition {
        case .applied:
            report(.init(.applied, reason: "ovs-vswitchd has every bridge and port of the layout"))
            lookAtNICs()
            lookAtSwitch()
        case .failed:
            report(.init(.applyFailed, reason: unapplied.first?.text))
        case .wait(let until):
            applicationTimer?.cancel()
            applicationTimer = eventLoop.scheduleTask(deadline: until) {
                self.assumeIsolated { $0.checkApplication() }
            }
        case nil: break
        }
    }

    /// Looks which process ovs-vswitchd is, and what it listens to; where it is another one, it began anew.
    func lookAtSwitch() {
        if switchWatch.look() { lookAtSwitchNow() }
    }

    private func lookAtSwitchNow() {
        let folder = configuration.openFlowFolder
        let layout = active.layout
        let numbers = withReplica { UplinkDevices.numbers(in: $0, layout) } ?? [:]
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            () -> (process: SwitchProcess, devices: Set<Int64>?)? in
            guard let pid = try? SwitchSocket.process(in: folder) else { return nil }
            return (SwitchProcess(running: pid), numbers.isEmpty ? nil : PacketSockets.devices(of: pid))
        }.whenSuccess { seen in
            self.assumeIsolated { agent in
                guard let found = agent.switchWatch.found(seen?.process) else { return agent.lookAtSwitchNow() }
                agent.uplinkDevices.settle(found.finding)
                agent.settleDevices(found.finding)
                if let devices = seen?.devices { agent.uplinkDevices.compare(numbers, listening: devices) }
                agent.activeMembers.settle(found.finding, process: seen?.process)
                agent.checkApplication()
                if let restart = found.restart { agent.report(restart.report) }
            }
        }
    }

    private func findUnapplied(_ replica: Replica) -> [Reason] {
        if let reason = configurationBehind(replica) { return [reason] }
        var missing = flowFailures.sortedNaturally(by: \.key).map { bridge, reason in
            Reason(
                "Bridge \(bridge): it does not take its flows: \(reason)",
                remedy: "look into ovs-vswitchd.log"
            )
        }
        var outages: [SwitchConnection.Outage] = []
        for bridge in planner?.desired?.bridges ?? [] where replica["Bridge"][name: bridge.row.name] != nil {
            switch switches[bridge.row.name] {
            case .up(let status):
                missing += findMissingPorts(of: bridge, in: status.ports, replica)
                missing += findMissingFlows(of: bridge.row.name)
            case .down(let outage): outages.append(outage)
            case nil: break
            }
        }
        guard let first = outages.first else { return missing }
        guard outages.count == switches.count else {
            return missing
                + outages.map {
                    Reason("ovs-vswitchd does not run a bridge: \($0)", remedy: "look into ovs-vswitchd.log")
                }
        }
        return [
            Reason(
                "ovs-vswitchd answers for none of the bridges: \(first)",
                remedy: """
                    look whether it runs, and into its log; its sockets are looked for in \
                    \(configuration.openFlowFolder) (--openflow-dir)
                    """
            )
        ]
    }

    /// A bridge that stands passes nothing, or too much, before it has its flows.
    private func findMissingFlows(of bridge: String) -> [Reason] {
        guard flows[bridge] == nil, flowFailures[bridge] == nil else { return [] }
        return [
            Reason("Bridge \(bridge): its flows are not installed yet", remedy: "look into ovs-vswitchd.log")
        ]
    }

    private func configurationBehind(_ replica: Replica) -> Reason? {
        guard let awaited = awaitedConfiguration, let current = replica.currentConfiguration, current < awaited,
            // Somebody set the count back: ovs-vswitchd will never come to the number that ours returned.
            replica.nextConfiguration.map({ $0 >= awaited }) ?? true
        else { return nil }
        return Reason(
            "ovs-vswitchd has not taken configuration \(awaited), it is at \(current)",
            remedy: "look whether ovs-vswitchd runs, and into its log"
        )
    }

    /// Ports that stand in the database and not in the switch, or not under the number asked for.
    private func findMissingPorts(
        of bridge: DesiredBridge,
        in ports: SwitchPorts,
        _ replica: Replica
    ) -> [Reason] {
        bridge.ports.flatMap(\.interfaces).compactMap { interface in
            let name = interface.row.name
            guard let row = replica["Interface"][name: name],
                replica.referrers(of: row.uuid).contains(where: { replica.bridge(ofPort: $0.row) == bridge.row.name })
            else { return nil }
            guard let port = ports[name] else {
                let error = row["error"].string.map { ": \($0)" } ?? ""
                return Reason(
                    "Interface \(name): ovs-vswitchd has no such port on \(bridge.row.name)\(error)",
                    remedy: "look whether the device exists, and into ovs-vswitchd.log"
                )
            }
            guard let wanted = row["ofport_request"].integer, wanted != Int64(port.number) else { return nil }
            return Reason("Interface \(name): it has port number \(port.number), not \(wanted) as asked for")
        }
    }
}

extension Replica {
    /// `cur_cfg`: the last configuration that ovs-vswitchd has taken, as far as it lives.
    fileprivate var currentConfiguration: Int64? { count("cur_cfg") }

    /// `next_cfg`: the last configuration that somebody asked it to take.
    fileprivate var nextConfiguration: Int64? { count("next_cfg") }

    private func count(_ column: String) -> Int64? {
        let table = self["Open_vSwitch"]
        return table.uuids.first.flatMap { table[$0]?[column].integer }
    }

    /// The name of the bridge that has a port.
    fileprivate func bridge(ofPort port: UUID) -> String? {
        referrers(of: port).lazy.compactMap { self["Bridge"][$0.row]?.name }.first
    }
}
