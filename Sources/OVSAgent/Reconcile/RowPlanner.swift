import OVSDB

/// Plans for one layout again and again, as notifications arrive: the desired state is compiled anew only when one of
/// the few facts that it depends on has changed.
struct RowPlanner: Sendable {
    let layout: Layout
    /// The part of the server's schema that the replica follows.
    let schema: DatabaseSchema
    private var compiled: (found: Found, desired: DesiredState)?
    /// Whether nothing was made or changed since the provenance was renewed.
    private var isRecorded = false
    /// All at first, then those of which something was told, until they are as wanted.
    private var vmPorts = VMPortsToSee.all

    /// The desired state as of the last plan; `nil` before the first.
    var desired: DesiredState? { compiled?.desired }

    init(layout: Layout, schema: DatabaseSchema) {
        self.layout = layout
        self.schema = schema
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
        let desired = desired(for: replica, provenance)
        let plan = Plan.make(
            desired: desired,
            replica: replica,
            removal: removal,
            expelled: expelled,
            provenance: provenance,
            vmPorts: vmPorts
        )
        provenance.record(plan, areAll: vmPorts == .all)
        vmPorts = .some(plan.openTags)
        if !plan.isEmpty {
            isRecorded = false
        } else if !isRecorded {
            provenance.record(desired, in: replica)
            isRecorded = true
        }
        return plan
    }

    private mutating func desired(for replica: Replica, _ provenance: Provenance) -> DesiredState {
        let found = Found(for: layout, in: replica, provenance: provenance)
        if let compiled, compiled.found == found { return compiled.desired }
        let desired = DesiredState(layout: layout, found: found, schema: schema)
        compiled = (found, desired)
        return desired
    }
}
