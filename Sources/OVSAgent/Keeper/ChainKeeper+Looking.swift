import NIOCore
import OpenFlow

/// Flows that nothing tells of: found by looking.
///
/// Open vSwitch 2.17 reports no changes of flows over OpenFlow 1.4. There every bridge is looked at each second: whole
/// where it has few flows, else at how many it has, which any flush changes, and what a VM's port has learned.
extension ChainKeeper {
    static let lookInterval = TimeAmount.seconds(1)
    /// As many are read in less time than it takes to ask for them.
    private static let fewFlows = 64

    /// Something was done to these bridges that makes ovs-vswitchd forget their flows, and it has taken that.
    func lookAgain(at bridges: Set<String>) {
        for bridge in bridges { auditFlows(bridge) }
    }

    /// Looks at the bridges whose switch does not tell, from then on for as long as there are any.
    func lookAtUnwatched(in time: TimeAmount) {
        guard look == nil else { return }
        look = eventLoop.scheduleTask(in: time) {
            self.assumeIsolated { keeper in
                keeper.look = nil
                let unwatched = keeper.bridges.filter { $0.value.watch == .refuses }.keys
                for bridge in unwatched { keeper.glance(at: bridge) }
                if !unwatched.isEmpty { keeper.lookAtUnwatched(in: Self.lookInterval) }
            }
        }
    }

    private func glance(at bridge: String) {
        guard let kept = bridges[bridge], kept.work == .idle, !kept.isLooking, let known = kept.flows?.installed.count
        else { return }
        guard known > Self.fewFlows else { return auditFlows(bridge) }
        bridges[bridge]?.isLooking = true
        kept.connection.flowCount().whenComplete { result in
            self.assumeIsolated { keeper in
                keeper.bridges[bridge]?.isLooking = false
                // A connection that has ended begins anew with a look at everything.
                guard case .success(let count) = result, keeper.bridges[bridge]?.flows?.installed.count != Int(count)
                else { return }
                keeper.auditFlows(bridge)
            }
        }
    }

    /// Compares the flows that are kept with those that the switch has.
    func auditFlows(_ bridge: String) {
        guard let kept = bridges[bridge], kept.work == .idle, !kept.isLooking else {
            // What is under way may have been asked for before what is looked for happened.
            bridges[bridge]?.isLookDue = true
            return
        }
        bridges[bridge]?.isLooking = true
        bridges[bridge]?.isLookDue = false
        kept.connection.flows().whenComplete { result in
            self.assumeIsolated { $0.looked(bridge, result.map { $0.map(\.flow) }) }
        }
    }

    private func looked(_ bridge: String, _ result: Result<[Flow], any Error>) {
        guard var kept = bridges[bridge] else { return }
        kept.isLooking = false
        bridges[bridge] = kept
        switch result {
        case .success(let installed):
            // An answer from before a commit that is under way says nothing of what comes after it.
            guard kept.work == .idle, let flows = kept.flows else {
                bridges[bridge]?.isLookDue = kept.work == .committing
                return
            }
            let changes = flows.changes(to: installed)
            if !changes.isEmpty { told(bridge, changes) }
            if bridges[bridge]?.isLookDue == true { auditFlows(bridge) }
        case .failure(let error):
            refused(bridge, error)
        }
    }
}
