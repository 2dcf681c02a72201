import Testing

@testable import OVSAgent

/// One agent, from its first plan on.
struct PlanningAgent {
    var database: PlanDatabase
    var provenance = Provenance()
    var layout = Layout.small

    /// Plans and commits until nothing differs; gives the first plan.
    @discardableResult
    mutating func settle(removal: Removal = .refused, _ location: SourceLocation = #_sourceLocation) throws -> Plan {
        var first: Plan?
        for _ in 0..<4 {
            let plan = database.plan(layout, removal: removal, provenance: &provenance)
            first = first ?? plan
            if plan.isEmpty { break }
            try database.commit(plan.operations(lock: nil, comment: ""))
        }
        #expect(
            database.plan(layout, removal: removal, provenance: &provenance).changes == [],
            sourceLocation: location
        )
        return first ?? Plan()
    }

    /// As after a restart: what is remembered comes from its file.
    mutating func restart() throws {
        provenance = Provenance(found: try #require(FoundValues(kept: provenance.found.bytes)))
    }
}
