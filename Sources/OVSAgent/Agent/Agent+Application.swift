import JSONRPC
import NIOCore
import NIOPosix
import OVSDB
import OpenFlow

/// Whether ovs-vswitchd lives and has done what the database says (DESIGN, rule 1). Nothing here ever waits for it.
extension Agent {
    /// Keeps one OpenFlow connection to every bridge that is wanted.
    func followSwitches() {
        guard let gone = switches.follow(planning.bridges.map(\.row.name)) else { return }
        for bridge in gone { switches.watch.forget(bridge) }
        let wanted = Set(switches.bridges.keys)
        chain { $0.follow(wanted) }
    }

    /// From now on ovs-vswitchd has its time to follow: after a transaction of ours, and where a session begins.
    /// Either way the journal tells when all is applied.
    func expectApplication(of configuration: Int64?) {
        follow(switches.application.committed(configuration, now: .now()))
    }
    func expectApplication() { follow(switches.application.began(now: .now())) }

    /// Looks whether everything is applied, after anything in the database that it follows from.
    func checkApplication() {
        guard connection == .synced, lock == .held, !isStopping else { return }
        // It only looks, so a pause is no reason not to.
        lookForBlockages()
        checkSwitch()
    }

    /// The same after what ovs-vswitchd said by itself.
    func checkSwitch() {
        guard connection == .synced, lock == .held, !isStopping, pause == nil, planning.planner != nil else { return }
        retryAbsentSwitches()
        let bridges = planning.bridges
        let isApplied = withReplica { switches.hasApplied(bridges, $0) } ?? false
        // What stood before a restart must not be taken for what stands after it.
        if isApplied, switches.application.state == .applied {
            askForActiveMembers()
            keepActiveMembers()
        }
        follow(switches.application.observe(isApplied: isApplied && !repair.isBusy, now: .now()))
    }

    /// What ovs-vswitchd has not done yet, in words; nothing in a pause or a takeover, when nobody asks it for anything.
    var unapplied: [Reason] {
        guard pause == nil, !authority.isTakingOver else { return [] }
        let (bridges, folder) = (planning.bridges, configuration.openFlowFolder)
        return withReplica { switches.unapplied(bridges, $0, socketsIn: folder) } ?? []
    }

    /// Where ovs-vswitchd has taken a configuration, it may have opened the bridges that were out of reach before.
    private func retryAbsentSwitches() {
        let current = withReplica { $0.currentConfiguration } ?? nil
        guard switches.isNew(current) else { return }
        if let current, let awaited = switches.awaitedConfiguration {
            follow(switches.application.reached(current, latest: awaited, now: .now()))
        }
        lookAtFlushed(current)
        if switches.isAnyOut { chain { $0.retryAbsent() } }
    }

    /// The flows of these bridges went when ovs-vswitchd took the edit, or our answer to it. Not every switch tells.
    private func lookAtFlushed(_ current: Int64?) {
        let bridges = Set(switches.flushed)
        guard !bridges.isEmpty else { return }
        chain { $0.lookAgain(at: bridges) }
        if !repair.isBusy, (current ?? 0) >= (switches.awaitedConfiguration ?? 0) { switches.lookedAtFlushed() }
    }

    /// Tells of each when it comes and when it goes: nobody writes anything for it.
    private func lookForBlockages() {
        let layout = active.layout
        var uplinks = devices.uplinks
        let found = withReplica { replica in
            uplinks.look(at: replica, layout)
            return Blockage.all(in: replica, layout, uplinks)
        }
        devices.uplinks = uplinks
        guard let found, found != devices.blockages else { return }
        let former = devices.blockages
        devices.blockages = found
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
            set(.application, at: until)
        case nil: break
        }
    }

    /// Looks which process ovs-vswitchd is, and what it listens to; where it is another one, it began anew.
    func lookAtSwitch() {
        if switches.watch.look() { lookAtSwitchNow() }
    }

    private func lookAtSwitchNow() {
        let folder = configuration.openFlowFolder
        let layout = active.layout
        let numbers = withReplica { UplinkDevices.numbers(in: $0, layout) } ?? [:]
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            () -> (process: SwitchProcess, devices: Set<Int64>?)? in
            // As a rule much has just been done that took memory once: a snapshot was read, or all flows were made.
            Heap.giveBack()
            guard let pid = try? SwitchSocket.process(in: folder) else { return nil }
            return (SwitchProcess(running: pid), numbers.isEmpty ? nil : PacketSockets.devices(of: pid))
        }.whenSuccess { seen in
            self.assumeIsolated { agent in
                guard let found = agent.switches.watch.found(seen?.process) else { return agent.lookAtSwitchNow() }
                agent.devices.uplinks.settle(found.finding)
                agent.settleDevices(found.finding)
                if let devices = seen?.devices { agent.devices.uplinks.compare(numbers, listening: devices) }
                agent.activeMembers.settle(found.finding, process: seen?.process)
                agent.checkApplication()
                if let restart = found.restart { agent.report(restart.report) }
            }
        }
    }
}
