import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// The controller VM's port on a br0, step by step.
struct ControllerCase: Sendable, CustomTestStringConvertible {
    struct Step: Sendable {
        /// Of `Port ctl`, `Interface ctl` or `Port br0`.
        var edits: [(table: String, name: String, assignment: String)] = []
        var hostVLAN: Int?
        var isRestarted = false
        /// What is told of the port.
        var changes: [String] = []
        /// The tag that it has in the end.
        var tag: String?
    }

    var testDescription: String
    var host = "tag=10"
    var port = "port ctl external_ids:ovs-agent-port=controller\n interface ctl"
    var steps: [Step]
}

@Suite("A plan for the controller VM's port")
struct PlanControllerTests {
    private static let given = "+ Port ctl: tag 10 (the host's VLAN, for the controller VM)"

    static let cases: [ControllerCase] = [
        ControllerCase(
            testDescription: "it has the host's VLAN, through drift and a restart, and follows it",
            steps: [
                .init(changes: [given], tag: "10"),
                .init(edits: [("Port", "ctl", "tag=")], changes: ["+ Port ctl: tag 10"], tag: "10"),
                .init(edits: [("Port", "br0", "tag=11")], tag: "10"),
                .init(isRestarted: true, tag: "10"),
                .init(
                    hostVLAN: 20,
                    changes: ["~ Port ctl: tag 10 -> 20 (the host's VLAN, for the controller VM)"],
                    tag: "20"
                ),
                .init(changes: ["~ Port ctl: tag 20 -> 10 (the host's VLAN, for the controller VM)"], tag: "10"),
            ]
        ),
        ControllerCase(
            testDescription: "marked on its interface, it is one, too, and none without the mark",
            port: "port ctl\n interface ctl external_ids:ovs-agent-port=controller",
            steps: [
                .init(changes: [given], tag: "10"),
                .init(
                    edits: [("Interface", "ctl", "external_ids=")],
                    changes: ["- Port ctl: tag 10 (it is no longer marked as the controller VM's)"]
                ),
                .init(edits: [("Port", "ctl", "external_ids:ovs-agent-port=controller")], changes: [given], tag: "10"),
            ]
        ),
        ControllerCase(
            testDescription: "a VLAN of its own stays, whenever it came",
            port: "port ctl tag=4 external_ids:ovs-agent-port=controller\n interface ctl",
            steps: [
                .init(tag: "4"), .init(edits: [("Port", "ctl", "tag=")], changes: [given], tag: "10"),
                .init(
                    edits: [("Port", "ctl", "tag=5")],
                    changes: [
                        "- Port ctl: external_ids:ovs-agent-former-tag [] (it has VLANs of its own)",
                        "- Port ctl: external_ids:ovs-agent-given-tag 10 (it has VLANs of its own)",
                    ],
                    tag: "5"
                ),
                .init(isRestarted: true, tag: "5"),
            ]
        ),
        ControllerCase(
            testDescription: "a trunk of its own stays",
            port: "port ctl trunks=4,5 external_ids:ovs-agent-port=controller\n interface ctl",
            steps: [
                .init(), .init(edits: [("Port", "ctl", "trunks=")], changes: [given], tag: "10"),
                .init(
                    edits: [("Port", "ctl", "vlan_mode=trunk")],
                    changes: ["- Port ctl: tag 10 (it has VLANs of its own)"]
                ),
            ]
        ),
        ControllerCase(
            testDescription: "a host without a VLAN has none to give",
            host: "",
            steps: [
                .init(),
                .init(hostVLAN: 0, changes: ["+ Port ctl: tag 0 (the host's VLAN, for the controller VM)"], tag: "0"),
            ]
        ),
        ControllerCase(
            testDescription: "the native VLAN of a host with VLAN devices is the host's",
            host: "tag=10 vlan_mode=native-untagged trunks=10,20",
            steps: [.init(changes: [given], tag: "10")]
        ),
        ControllerCase(
            testDescription: "what is not marked is somebody else's",
            port: "port ctl external_ids:ovs-agent-port=x\n interface ctl",
            steps: [.init()]
        ),
    ]

    @Test("gives it the host's VLAN unless it has its own", arguments: cases)
    func controller(_ test: ControllerCase) throws {
        var agent = PlanningAgent(
            database: PlanDatabase(
                "bridge br0\n port br0 \(test.host)\n port br0-up\n  interface eth0\n  interface eth1\n\(test.port)"
            )
        )
        var planner = RowPlanner(layout: agent.layout, schema: PlanSchema.followed)
        var replica = agent.database.replica
        for (index, step) in test.steps.enumerated() {
            var next = agent.database
            for edit in step.edits { next.set(edit.table, edit.name, edit.assignment) }
            if step.isRestarted { try agent.restart() }
            if step.isRestarted || agent.layout.virtualSwitches[0].hostVlan != step.hostVLAN {
                agent.layout.virtualSwitches[0].hostVlan = step.hostVLAN
                planner = RowPlanner(layout: agent.layout, schema: PlanSchema.followed)
            }
            var told: [String] = []
            for _ in 0..<4 {
                // As notifications come: only what they touch is looked at.
                let changes = try replica.apply(next.difference(from: agent.database))
                planner.noticed(changes, in: replica)
                planner.noticed(VMPortChanges(changes, in: replica).ports)
                agent.database = next
                let plan = planner.plan(replica, provenance: &agent.provenance)
                told += plan.changes.filter { $0.object == "Port ctl" }.map(\.description)
                if plan.isEmpty { break }
                try next.commit(plan.operations(lock: nil, comment: ""))
            }
            #expect(told == step.changes, "step \(index)")
            #expect(agent.database["Port", "ctl", "tag"] == step.tag, "step \(index)")
        }
        // What was given goes with the switch.
        let isGiven = agent.database["Port", "ctl", "external_ids:ovs-agent-given-tag"] != nil
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(agent.database["Port", "ctl", "tag"] == (isGiven ? nil : test.steps.last?.tag))
        #expect(agent.database["Port", "ctl", "external_ids:ovs-agent-given-tag"] == nil)
    }
}
