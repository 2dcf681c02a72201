import JSONRPC
import OVSDB
import Testing

@testable import OVSAgent

/// Which VM ports a notification concerns.
@Suite("Changes of VM ports")
struct VMPortChangesTests {
    private static let host = """
        bridge br0
          port br0
        bridge br0.local
          port bond tag=5
            interface vm1 external_ids:iface-id=vm1
            interface vm2 external_ids:iface-id=vm2
          port vm3
            interface vm3 external_ids:iface-id=vm3
          port br0.local.n
            interface br0.local.n external_ids:iface-id=vm4
        """

    /// What each edit touches: names of ports and interfaces.
    struct Edit: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var edit: @Sendable (inout PlanDatabase) -> Void
        var ports: [String]
        var interfaces: [String]
    }

    static let edits: [Edit] = [
        Edit(
            testDescription: "an interface's keys",
            edit: { $0.set("Interface", "vm1", "external_ids:attached-mac=02:00:00:00:00:01") },
            ports: ["bond"],
            interfaces: ["vm1", "vm2"]
        ),
        Edit(
            testDescription: "a port's tag, and in the same transaction one more interface",
            edit: {
                $0.set("Port", "bond", "tag=6")
                $0.addInterfaces("bond", "interface vm9")
            },
            ports: ["bond"],
            interfaces: ["vm1", "vm2", "vm9"]
        ),
        Edit(
            testDescription: "a port that moves to another bridge",
            edit: { $0.movePort("vm3", to: "br0") },
            ports: ["vm3"],
            interfaces: ["vm3"]
        ),
        Edit(
            testDescription: "a port that goes",
            edit: { $0.remove("Port", "vm3") },
            ports: ["vm3"],
            interfaces: ["vm3"]
        ),
        Edit(
            testDescription: "a port that comes",
            edit: { $0.addPorts("br0.local", "port vm5") },
            ports: ["vm5"],
            interfaces: ["vm5"]
        ),
        Edit(
            testDescription: "another device of an interface",
            edit: { $0.set("Interface", "vm3", "ifindex=9") },
            ports: ["vm3"],
            interfaces: ["vm3"]
        ),
        Edit(
            testDescription: "what only the host port has to do with",
            edit: { $0.set("Bridge", "br0", "fail_mode=secure") },
            ports: [],
            interfaces: []
        ),
    ]

    @Test("they are found in proportion to the notification", arguments: edits)
    func touched(_ test: Edit) throws {
        let before = PlanDatabase(Self.host)
        var after = before
        test.edit(&after)
        var replica = before.replica
        let changes = VMPortChanges(try replica.apply(after.difference(from: before)), in: replica)
        func names(_ table: String, _ uuids: Set<UUID>) -> [String] {
            uuids.map { uuid in
                let key = PlanDatabase.Key(table: table, uuid: uuid)
                return (after.rows[key] ?? before.rows[key])?["name"]?.string ?? "?"
            }.sorted()
        }
        #expect(names("Port", changes.ports) == test.ports)
        #expect(names("Interface", changes.interfaces) == test.interfaces)
    }

    @Test("a port under a name of ours is no VM's, whatever its interface says")
    func ours() {
        let rows = VMPortRow.all(in: PlanDatabase(Self.host).replica).values
        #expect(rows.map(\.name).sorted() == ["vm1", "vm2", "vm3"])
    }
}
