import OVSDB
import Testing

@testable import OVSAgent

@Suite("A plan's transaction")
struct PlanOperationsTests {
    @Test("asserts, guards, inserts, updates, mutates, comments and raises next_cfg, in that order")
    func order() throws {
        var database = PlanDatabase()
        database.reconcile(.small)
        database.remove("Port", "br0.mx.n")
        database.set("Interface", "br0.ms.n", "options:peer=x")
        database.set("Bridge", "br.mx", "external_ids:ovs-agent-role=")
        let operations = database.plan(.small).operations(lock: "ovs_agentd", comment: "ovs-agentd: why")
        let kinds = operations.map { operation in
            switch operation {
            case .assert: "assert"
            case .wait: "wait"
            case .insert: "insert"
            case .update: "update"
            case .mutate: "mutate"
            case .comment: "comment"
            case .select: "select"
            default: "other"
            }
        }
        #expect(
            kinds == [
                "assert", "wait", "wait", "insert", "insert", "update", "mutate", "comment", "mutate", "select",
            ]
        )
        #expect(operations.first == .assert(lock: "ovs_agentd"))
        guard case .select("Open_vSwitch", let conditions, ["next_cfg"])? = operations.last else {
            Issue.record("the last operation reads next_cfg")
            return
        }
        #expect(conditions == database.replica["Open_vSwitch"].uuids.map { .row($0) })
        #expect(database.plan(.small).operations(lock: nil, comment: "").first != .assert(lock: "ovs_agentd"))
    }

    @Test("sets next_cfg where it can't be raised, and so does what is left of a plan", arguments: [false, true])
    func countFull(isPart: Bool) throws {
        var database = PlanDatabase()
        database.reconcile(.small)
        let root = try #require(database.replica["Open_vSwitch"].uuids.first)
        let count: [String: Datum] = ["next_cfg": Datum(.integer(.max))]
        try database.commit([.update(table: "Open_vSwitch", where: [.row(root)], row: count)])
        database.set("Port", "br0.mx.n", "tag=5")
        database.set("Port", "br0.nf.s", "tag=5")
        let plan = database.plan(.small).without(isPart ? ["Port br0.nf.s"] : [])
        #expect(plan.edits.count == (isPart ? 1 : 2))
        let operations = plan.operations(lock: nil, comment: "why").dropLast()
        guard case .update("Open_vSwitch", _, ["next_cfg": 1])? = operations.last else {
            Issue.record("\(String(describing: operations.last))")
            return
        }
    }

    @Test("an empty plan has none")
    func empty() {
        var database = PlanDatabase()
        database.reconcile(.small)
        #expect(database.plan(.small).operations(lock: "ovs_agentd", comment: "why").isEmpty)
    }

    /// What is planned on, and what somebody else does before the commit.
    static let stale: [(name: String, first: String, then: @Sendable (inout PlanDatabase) -> Void)] = [
        ("a column", "Port br0.nf.s tag=5", { $0.set("Port", "br0.nf.s", "tag=6") }),
        ("a key", "Bridge br.nf other_config:a=1", { $0.set("Bridge", "br.nf", "other_config:b=1") }),
        ("the row", "Port br0.nf.s tag=5", { $0.remove("Port", "br0.nf.s") }),
        ("its bridge", "Bridge br.nf other_config:a=1", { $0.remove("Bridge", "br.nf") }),
        ("members", "+ br0-up eth9", { $0.addInterfaces("br0-up", "interface eth8") }),
    ]

    @Test("is refused when somebody changed what it assumed", arguments: stale.indices)
    func guards(_ index: Int) {
        let test = Self.stale[index]
        var database = PlanDatabase()
        database.reconcile(.small)
        let words = test.first.split(separator: " ").map(String.init)
        if words[0] == "+" {
            database.addInterfaces(words[1], "interface \(words[2])")
        } else {
            database.set(words[0], words[1], words[2])
        }
        let plan = database.plan(.small)
        #expect(plan.changes.count == 1)
        test.then(&database)
        #expect(throws: PlanDatabase.Failure.self, "\(test.name)") {
            try database.commit(plan.operations(lock: nil, comment: ""))
        }
    }

    @Test("a bridge that is to be deleted must still hold what it held")
    func deletion() {
        var database = PlanDatabase()
        database.reconcile(Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])]))
        let plan = database.plan(.small, removal: .allowed)
        database.addPorts("br7.local", "port vnet1")
        #expect(throws: PlanDatabase.Failure.self) { try database.commit(plan.operations(lock: nil, comment: "")) }
    }

    @Test("names of rows that are made are what RFC 7047 allows, and unlike each other")
    func symbols() {
        let plan = PlanDatabase(hasRoot: false).plan(Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])]))
        let symbols = plan.inserts.map(\.symbol)
        #expect(Set(symbols).count == symbols.count)
        #expect(symbols.allSatisfy { $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil })
    }

    @Test("a set of many ports is never rewritten, nor guarded as a whole")
    func bigBridge() {
        let ports = (0..<500).map { "port vnet\($0)" }.joined(separator: "\n")
        var database = PlanDatabase("bridge br0\nport br0\n\(ports)")
        let operations = database.plan(.small).operations(lock: nil, comment: "")
        for case .update(_, _, let row) in operations { #expect(row["ports"] == nil) }
        for case .wait("Bridge", _, let columns, _, _, _) in operations { #expect(!columns.contains("ports")) }
        database.reconcile(.small)
        #expect(database.children("Bridge", "br0").count == 503)
    }
}
