import JSONRPC
import OVSDB

/// Plans for one layout again and again, as notifications arrive: the desired state is compiled anew only when one of
/// the few facts that it depends on has changed.
struct RowPlanner: Sendable {
    let layout: Layout
    /// The part of the server's schema that the replica follows.
    let schema: DatabaseSchema
    private var compiled: Compiled?
    /// What may differ. It stays so until a plan finds nothing to do.
    private var scope = PlanScope.all
    /// Rows that went since. Beyond so many, renewing the whole provenance is as cheap.
    private var gone: Set<UUID> = []
    private static let mostGone = 1000
    /// All at first, then those of which something was told, until they are as wanted.
    private var vmPorts = VMPortsToSee.all

    private struct Compiled: Sendable {
        var found: Found
        var desired: DesiredState
        var places: DesiredPlaces
        var lanes: ChainLanes
    }

    /// VM ports whose profile is no network's name, as of the last plan, by their rows of Port.
    private(set) var unknownProfiles: [UUID: UnknownProfile] = [:]

    /// The desired state as of the last plan; `nil` before the first.
    var desired: DesiredState? { compiled?.desired }

    /// The lanes of that state.
    var lanes: ChainLanes? { compiled?.lanes }

    init(layout: Layout, schema: DatabaseSchema) {
        self.layout = layout
        self.schema = schema
    }

    /// Has the next plan look at what changes concern. It must hear of every change of configuration, and of every
    /// `mac_in_use`; `replica` is the one right after them.
    mutating func noticed(_ changes: [RowChange], in replica: Replica) {
        compiled?.places.widen(&scope, by: changes, in: replica)
        for change in changes { if case .deleted = change.kind { gone.insert(change.uuid) } }
        if gone.count > Self.mostGone {
            gone = []
            scope = .all
        }
    }

    /// Has the next plan look at these rows of Port: something changed that concerns VM ports.
    mutating func noticed(_ ports: Set<UUID>) {
        if case .some(let others) = vmPorts { vmPorts = .some(others.union(ports)) }
    }

    /// The plan for the database as it is now. The replica must follow ``schema``.
    ///
    /// `provenance` is what earlier plans saw, of this layout or another one; a plan that finds nothing to do renews it.
    /// `expelled` are ports that may not stay on their brN.local.
    mutating func plan(
        _ replica: Replica,
        removal: Removal = .refused,
        expelled: Set<UUID> = [],
        provenance: inout Provenance
    ) -> Plan {
        var desired = desired(for: replica, provenance)
        func compare(_ scope: PlanScope) -> Plan {
            Plan.make(
                desired: desired,
                replica: replica,
                removal: removal,
                expelled: expelled,
                provenance: provenance,
                vmPorts: vmPorts,
                scope: scope
            )
        }
        var plan = compare(scope)
        if provenance.note(plan.noted) {
            // What was found just now is wanted from now on, also of this plan.
            scope = .all
            desired = self.desired(for: replica, provenance)
            plan = compare(scope)
        }
        assert(scope == .all || plan.isSame(as: compare(.all)), "something differs beyond \(scope)")
        provenance.record(settled: plan.settledTags, open: plan.openTags, areAll: vmPorts == .all)
        vmPorts = .some(plan.openTags)
        for (port, unknown) in plan.unknownProfiles { unknownProfiles[port] = unknown }
        if plan.isEmpty {
            provenance.record(desired, scope, in: replica)
            provenance.forget(gone)
            gone = []
        }
        if plan.obstacles != desired.obstacles {
            // What stands in the way of one object may end by what happens to any other.
            scope = .all
        } else if plan.isEmpty {
            scope = .nothing
        }
        return plan
    }

    private mutating func desired(for replica: Replica, _ provenance: Provenance) -> DesiredState {
        if let compiled, !concernsUplinkBridges(compiled.desired) { return compiled.desired }
        let found = Found(for: layout, in: replica, provenance: provenance)
        if let compiled, compiled.found == found { return compiled.desired }
        let desired = DesiredState(layout: layout, found: found, schema: schema)
        // The controller VMs' ports follow the host's.
        if let compiled, compiled.desired.hostVLANs != desired.hostVLANs { vmPorts = .all }
        compiled = Compiled(
            found: found,
            desired: desired,
            places: DesiredPlaces(desired),
            lanes: ChainLanes(desired)
        )
        scope = .all
        return desired
    }

    /// Whether something may have changed that a layout's meaning depends on.
    private func concernsUplinkBridges(_ desired: DesiredState) -> Bool {
        desired.bridges.indices.contains { scope[$0] != nil && desired.bridges[$0].row.role == .uplinkBridge }
    }
}

extension Plan {
    /// Whether it comes to the same, apart from names within its transaction.
    fileprivate func isSame(as other: Plan) -> Bool {
        changes == other.changes && obstacles == other.obstacles && notes == other.notes
            && edits.count == other.edits.count
            && inserts.count == other.inserts.count && successions.count == other.successions.count
    }
}
