import JSONRPC
import OVSDB

/// How plans are made for the layout at work, and what they need to know of earlier ones: a pure value.
struct Planning: Sendable {
    /// For the layout at work and the schema of this session; `nil` before the first plan under both.
    private(set) var planner: RowPlanner?
    /// What was seen of our rows, over sessions and layouts.
    var provenance: Provenance
    /// Whether what earlier layouts left behind may be taken away.
    var removal: Removal

    init(found: FoundValues = FoundValues(), removal: Removal = .refused) {
        provenance = Provenance(found: found)
        self.removal = removal
    }

    /// The rows that are wanted, as of the last plan.
    var desired: DesiredState? { planner?.desired }
    var bridges: [DesiredBridge] { desired?.bridges ?? [] }

    /// What differs now. `expelled` are ports that may not stay on their brN.local.
    mutating func plan(_ replica: Replica, under layout: Layout, expelled: Set<UUID>) -> Plan {
        var planner = self.planner ?? RowPlanner(layout: layout, schema: replica.schema)
        let plan = planner.plan(replica, removal: removal, expelled: expelled, provenance: &provenance)
        self.planner = planner
        return plan
    }

    /// Changes came, of rows that a plan looks at.
    mutating func noticed(_ changes: [RowChange], in replica: Replica) { planner?.noticed(changes, in: replica) }

    /// VM ports changed, by their rows of Port.
    mutating func noticed(_ ports: Set<UUID>) { planner?.noticed(ports) }

    /// The layout, the schema or what was found is another: the next plan looks at everything.
    mutating func beginAnew() { planner = nil }

    /// Another agent may have given and taken what this one saw as given and taken by itself.
    mutating func forgetOwn() { provenance = Provenance(found: provenance.found) }

    /// All is as wanted. What was allowed to go was allowed for what stood there then.
    mutating func settled() { removal = .refused }
}
