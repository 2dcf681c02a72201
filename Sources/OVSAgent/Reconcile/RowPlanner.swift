import OVSDB

/// Plans for one layout again and again, as notifications arrive: the desired state is compiled anew only when one of
/// the few facts that it depends on has changed.
struct RowPlanner: Sendable {
    let layout: Layout
    /// The part of the server's schema that the replica follows.
    let schema: DatabaseSchema
    private var compiled: (found: Found, desired: DesiredState)?

    /// The desired state as of the last plan; `nil` before the first.
    var desired: DesiredState? { compiled?.desired }

    init(layout: Layout, schema: DatabaseSchema) {
        self.layout = layout
        self.schema = schema
    }

    /// The plan for the database as it is now. The replica must follow ``schema``.
    mutating func plan(_ replica: Replica, removal: Removal = .refused) -> Plan {
        Plan.make(desired: desired(for: replica), replica: replica, removal: removal)
    }

    /// The desired state for the database as it is now.
    mutating func desired(for replica: Replica) -> DesiredState {
        let found = Found(for: layout, in: replica)
        if let compiled, compiled.found == found { return compiled.desired }
        let desired = DesiredState(layout: layout, found: found, schema: schema)
        compiled = (found, desired)
        return desired
    }
}
