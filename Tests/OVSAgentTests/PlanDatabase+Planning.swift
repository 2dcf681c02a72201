import Testing

@testable import OVSAgent

extension PlanDatabase {
    /// Plans for a layout against this database.
    func plan(_ layout: Layout, removal: Removal = .refused, provenance: Provenance = Provenance()) -> Plan {
        var provenance = provenance
        return plan(layout, removal: removal, provenance: &provenance)
    }

    /// Plans as an agent that has seen this before, and sees what it sees now.
    func plan(_ layout: Layout, removal: Removal = .refused, provenance: inout Provenance) -> Plan {
        var planner = RowPlanner(layout: layout, schema: PlanSchema.followed)
        return planner.plan(replica, removal: removal, provenance: &provenance)
    }

    /// Plans, commits, checks that planning again finds nothing, and gives the plan.
    @discardableResult
    mutating func reconcile(
        _ layout: Layout,
        removal: Removal = .refused,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> Plan {
        let plan = plan(layout, removal: removal)
        #expect(plan.isEmpty == plan.changes.isEmpty, sourceLocation: sourceLocation)
        do {
            try commit(plan.operations(lock: "ovs_agentd", comment: "test"))
        } catch {
            Issue.record("\(error)", sourceLocation: sourceLocation)
        }
        let again = self.plan(layout, removal: removal)
        #expect(again.changes == [], sourceLocation: sourceLocation)
        #expect(again.isEmpty, sourceLocation: sourceLocation)
        return plan
    }
}

extension Layout {
    /// br0 with eth0 and eth1.
    static var small: Layout { Layout(virtualSwitches: [.on(0)]) }
}

extension Layout.VirtualSwitch {
    /// A virtual switch on brN with an uplink of these NICs.
    static func on(
        _ lane: Int,
        _ nics: [String] = ["eth0", "eth1"],
        _ change: (inout Layout.Uplink) -> Void = { _ in }
    ) -> Layout.VirtualSwitch {
        var uplink = Layout.Uplink(name: "br\(lane)-up", nics: .list(nics))
        change(&uplink)
        return .init(name: "vs\(lane)", lane: Lane(lane)!, uplink: nics.isEmpty ? nil : uplink)
    }
}
