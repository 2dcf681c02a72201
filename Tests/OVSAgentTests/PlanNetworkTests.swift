import OVSDB
import Testing

@testable import OVSAgent

/// Steps of a VM port's life, each with what the plan lists and what the Port has afterwards.
struct NetworkCase: Sendable, CustomTestStringConvertible {
    struct Step: Sendable {
        var edit: @Sendable (inout PlanDatabase) -> Void = { _ in }
        var networks: [Layout.Network]?
        /// Whether the agent was restarted before it looks.
        var forgets = false
        var changes: [String]
        var tag: String?
        var former: String?
        var given: String?
    }

    var testDescription: String
    var port = "port vm1 tag=5\n interface vm1 external_ids:iface-id=vm1"
    var bridge = "br0.local"
    var steps: [Step]
}

@Suite("A plan for VM ports with a network")
struct PlanNetworkTests {
    static let production = Layout.Network(name: "Production", virtualSwitch: "vs0", vlan: 27)
    static let test = Layout.Network(name: "Test", virtualSwitch: "vs0", vlan: 28)
    static let open = Layout.Network(name: "Open", virtualSwitch: "vs0", vlan: 0)
    static let other = Layout.Network(name: "Other", virtualSwitch: "vs7", vlan: 29)
    static let networks = [production, test, open, other]
    static let key = "external_ids:ovs-agent-network"
    static let formerKey = "external_ids:ovs-agent-former-tag"
    static let givenKey = "external_ids:ovs-agent-given-tag"

    static func layout(_ networks: [Layout.Network] = networks) -> Layout {
        Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])], networks: networks)
    }

    /// Sets a column of a row.
    static func set(_ table: String, _ assignment: String) -> @Sendable (inout PlanDatabase) -> Void {
        { $0.set(table, "vm1", assignment) }
    }

    /// `vm1` asks on its interface, and gets what it asks for.
    static func asked(former: String? = "5") -> NetworkCase.Step {
        .init(
            edit: set("Interface", "\(key)=Production"),
            changes: [
                former.map { "~ Port vm1: tag \($0) -> 27 (network Production)" }
                    ?? "+ Port vm1: tag 27 (network Production)"
            ],
            tag: "27",
            former: former ?? "[]",
            given: "27"
        )
    }

    @Test("gives, keeps and gives back the tag", arguments: cases)
    func life(_ test: NetworkCase) throws {
        var database = PlanDatabase()
        database.reconcile(Self.layout())
        database.addPorts(test.bridge, test.port)
        var provenance = Provenance()
        for (number, step) in test.steps.enumerated() {
            step.edit(&database)
            if step.forgets { provenance = Provenance() }
            let layout = Self.layout(step.networks ?? Self.networks)
            let plan = database.plan(layout, provenance: &provenance)
            #expect(plan.changes.map(\.description) == step.changes, "step \(number)")
            #expect(plan.obstacles == [])
            try database.commit(plan.operations(lock: nil, comment: "test"))
            #expect(database.plan(layout, provenance: &provenance).changes == [], "step \(number)")
            #expect(database.plan(layout).isEmpty, "step \(number)")
            #expect(database["Port", "vm1", "tag"] == step.tag, "step \(number)")
            #expect(database["Port", "vm1", Self.formerKey] == step.former, "step \(number)")
            #expect(database["Port", "vm1", Self.givenKey] == step.given, "step \(number)")
        }
    }

    @Test("a transaction holds only while what was asked still stands")
    func guards() throws {
        for change in [Self.set("Port", "tag=9"), Self.set("Interface", "\(Self.key)=Test")] {
            var database = PlanDatabase()
            database.reconcile(Self.layout())
            database.addPorts("br0.local", "port vm1 tag=5\n interface vm1 external_ids:iface-id=vm1")
            database.set("Interface", "vm1", "\(Self.key)=Production")
            let plan = database.plan(Self.layout())
            change(&database)
            #expect(throws: PlanDatabase.Failure.self) {
                try database.commit(plan.operations(lock: nil, comment: "test"))
            }
        }
    }

    @Test("a virtual switch that may be taken away leaves its VM ports with their own tags; until then nothing changes")
    func removal() throws {
        var database = PlanDatabase()
        var provenance = Provenance()
        database.reconcile(Self.layout())
        database.addPorts("br7.local", "port vm1 tag=5\n interface vm1 external_ids:iface-id=vm1")
        database.set("Interface", "vm1", "\(Self.key)=Other")
        database.reconcile(Self.layout())
        #expect(database.plan(Self.layout(), provenance: &provenance).isEmpty)
        let smaller = Layout(virtualSwitches: [.on(0)], networks: [Self.production])
        #expect(database.plan(smaller, provenance: &provenance).isEmpty)
        let plan = database.plan(smaller, removal: .allowed, provenance: &provenance)
        #expect(
            plan.changes.map(\.description).contains("~ Port vm1: tag 29 -> 5 (its virtual switch is taken away)")
        )
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(database.plan(smaller, provenance: &provenance).isEmpty)
        #expect(database["Port", "vm1", "tag"] == "5")
        #expect(database["Port", "vm1", "external_ids"] == nil)
        #expect(database.children("Bridge", "br7.local") == ["br7.local", "vm1"])
    }

    @Test("a port that goes is forgotten, and a planner looks only at what it is told of")
    func attention() throws {
        var database = PlanDatabase()
        database.reconcile(Self.layout())
        database.addPorts("br0.local", "port vm1 tag=5\n interface vm1 external_ids:iface-id=vm1")
        database.addPorts("br0.local", "port vm2\n interface vm2 external_ids:iface-id=vm2")
        var provenance = Provenance()
        var planner = RowPlanner(layout: Self.layout(), schema: PlanSchema.followed)
        #expect(planner.plan(database.replica, provenance: &provenance).isEmpty)
        database.set("Interface", "vm1", "\(Self.key)=Production")
        database.set("Interface", "vm2", "\(Self.key)=Production")
        #expect(planner.plan(database.replica, provenance: &provenance).isEmpty)
        let uuid = try #require(database.uuid("Port", "vm1"))
        planner.noticed([uuid])
        // Until it is done, a plan that was not carried out is made again without a word.
        for _ in 0..<2 {
            let plan = planner.plan(database.replica, provenance: &provenance)
            #expect(plan.changes.map(\.object) == ["Port vm1"])
            if plan.openTags != [uuid] { Issue.record("\(plan.openTags)") }
        }
        let plan = planner.plan(database.replica, provenance: &provenance)
        try database.commit(plan.operations(lock: nil, comment: "test"))
        #expect(planner.plan(database.replica, provenance: &provenance).isEmpty)
        #expect(provenance.givenTag(uuid) == GivenTag(former: 5, given: 27))
        database.remove("Port", "vm1")
        planner.noticed([uuid])
        #expect(planner.plan(database.replica, provenance: &provenance).isEmpty)
        #expect(provenance.givenTag(uuid) == nil)
    }
}
