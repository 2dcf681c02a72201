import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

/// Every way in which frames of the host, the controller VM or a VM can be stopped from outside, one row each: what is done
/// with stock tools, and what the status says then, or that it is undone.
@Suite("What stops frames", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct FrameStopTests {
    struct Way: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var does: [Command]
        var outcome: Outcome
        /// Takes it back where the agent does not.
        var undoes: [Command] = []
    }

    enum Command: Sendable {
        case vsctl(String)
        case ofctl(String, version: String = "OpenFlow14")
        case appctl(String)
    }

    enum Outcome: Sendable {
        /// Not `in-sync`, and a reason with these words.
        case degraded(String)
        /// A doubt with these words.
        case doubt(String)
        /// A drift of this object, and then it is repaired.
        case undone(String)
    }

    static let ways = [
        // The wire.
        Way(
            testDescription: "every NIC of the uplink is down",
            does: [
                .appctl("netdev-dummy/set-admin-state eth0 down"), .appctl("netdev-dummy/set-admin-state eth1 down"),
            ],
            outcome: .degraded("Port br0-up: no NIC of it has a link (eth0, eth1)"),
            undoes: [.appctl("netdev-dummy/set-admin-state eth0 up"), .appctl("netdev-dummy/set-admin-state eth1 up")]
        ),
        Way(
            testDescription: "a NIC leaves the bond",
            does: [.vsctl("-- --id=@nic get interface eth1 -- remove port br0-up interfaces @nic")],
            outcome: .undone("Port br0-up")
        ),
        Way(testDescription: "the bond goes", does: [.vsctl("del-port br0-up")], outcome: .undone("Bridge br0")),
        Way(
            testDescription: "the uplink gets a VLAN of its own",
            does: [.vsctl("set port br0-up tag=5")],
            outcome: .undone("Port br0-up")
        ),
        Way(
            testDescription: "LACP where nobody answers",
            does: [.vsctl("set port br0-up lacp=active")],
            outcome: .undone("Port br0-up")
        ),
        Way(
            testDescription: "a NIC takes nothing in",
            does: [.ofctl("mod-port br0 eth0 no-receive")],
            outcome: .undone("Port eth0")
        ),
        Way(
            testDescription: "a NIC gives nothing out",
            does: [.ofctl("mod-port br0 eth1 no-forward")],
            outcome: .undone("Port eth1")
        ),
        Way(
            testDescription: "nothing is flooded to a NIC, so to none of its bond",
            does: [.ofctl("mod-port br0 eth0 no-flood", version: "OpenFlow10")],
            outcome: .undone("Port eth0")
        ),
        Way(
            testDescription: "a mirror takes the uplink for itself",
            does: [
                .vsctl(
                    "-- --id=@p get port br0-up -- --id=@m create mirror name=span select_all=true output_port=@p "
                        + "-- set bridge br0 mirrors=@m"
                )
            ],
            outcome: .degraded("Port br0-up: the mirror span of br0 sends to it, so it carries nothing else"),
            undoes: [.vsctl("-- --id=@m get mirror span -- remove bridge br0 mirrors @m")]
        ),
        // br0.
        Way(
            testDescription: "a flow that drops everything",
            does: [.ofctl("add-flow br0 priority=1000,actions=drop")],
            outcome: .doubt(
                "Bridge br0: a flow that is not the agent's can take frames of the VMs, from the wire, of the host: "
                    + "priority=1000 actions=drop"
            ),
            undoes: [.ofctl("--strict del-flows br0 priority=1000")]
        ),
        Way(
            testDescription: "a flow that drops what one NIC brings",
            does: [.ofctl("add-flow br0 priority=1000,in_port=eth0,actions=drop")],
            outcome: .doubt("can take frames from the wire"),
            undoes: [.ofctl("--strict del-flows br0 priority=1000,in_port=eth0")]
        ),
        Way(
            testDescription: "a flow that drops what the host sends",
            does: [.ofctl("add-flow br0 priority=1,in_port=LOCAL,actions=drop")],
            outcome: .doubt("can take frames of the host"),
            undoes: [.ofctl("--strict del-flows br0 priority=1,in_port=LOCAL")]
        ),
        Way(
            testDescription: "a flow that drops what the controller VM sends",
            does: [
                .vsctl("add-port br0 cvm tag=5 -- set port cvm external_ids:ovs-agent-port=controller"),
                .ofctl("add-flow br0 priority=1,in_port=cvm,actions=drop"),
            ],
            outcome: .doubt("can take frames of the controller VM: priority=1"),
            undoes: [.ofctl("--strict del-flows br0 priority=1,in_port=cvm"), .vsctl("del-port cvm")]
        ),
        Way(
            testDescription: "the controller VM's port takes nothing in",
            does: [
                .vsctl("add-port br0 cvm tag=5 -- set port cvm external_ids:ovs-agent-port=controller"),
                .ofctl("mod-port br0 cvm no-receive"),
            ],
            outcome: .undone("Port cvm"),
            undoes: [.vsctl("del-port cvm")]
        ),
        Way(
            testDescription: "a flow beside the one that switches",
            does: [.ofctl("add-flow br0 priority=0,ip,actions=drop")],
            outcome: .doubt("can take frames of the host: priority=0,ip actions=drop"),
            undoes: [.ofctl("--strict del-flows br0 priority=0,ip")]
        ),
        Way(
            testDescription: "the flow that switches goes",
            does: [.ofctl("--strict del-flows br0 priority=0")],
            outcome: .undone("Flow br0 table=0")
        ),
        Way(
            testDescription: "br0 waits for a controller",
            does: [.vsctl("set bridge br0 fail_mode=secure")],
            outcome: .undone("Bridge br0")
        ),
        Way(
            testDescription: "br0 gets a controller",
            does: [.vsctl("set-controller br0 tcp:127.0.0.1:1")],
            outcome: .undone("Bridge br0")
        ),
        Way(
            testDescription: "a mirror takes the host's port for itself",
            does: [
                .vsctl(
                    "-- --id=@p get port br0 -- --id=@m create mirror name=span output_port=@p "
                        + "-- set bridge br0 mirrors=@m"
                )
            ],
            outcome: .degraded("Port br0: the mirror span of br0 sends to it"),
            undoes: [.vsctl("-- --id=@m get mirror span -- remove bridge br0 mirrors @m")]
        ),
        Way(
            testDescription: "what the host sends is policed",
            does: [.vsctl("set interface br0 ingress_policing_rate=1")],
            outcome: .doubt("Interface br0 drops what comes in above 1 kbit/s"),
            undoes: [.vsctl("set interface br0 ingress_policing_rate=0")]
        ),
        Way(
            testDescription: "the host's port takes nothing in",
            does: [.ofctl("mod-port br0 br0 no-receive")],
            outcome: .undone("Port br0")
        ),
        Way(testDescription: "the host's VLAN", does: [.vsctl("set port br0 tag=9")], outcome: .undone("Port br0")),
        Way(
            testDescription: "a spanning tree",
            does: [.vsctl("set bridge br0 rstp_enable=true")],
            outcome: .doubt("Bridge br0 has rstp_enable"),
            undoes: [.vsctl("set bridge br0 rstp_enable=false")]
        ),
        Way(testDescription: "br0 goes", does: [.vsctl("del-br br0")], outcome: .undone("Bridge br0")),
        // The chain.
        Way(
            testDescription: "a bridge of the chain goes",
            does: [.vsctl("del-br br.nf")],
            outcome: .undone("Bridge br.nf")
        ),
        Way(
            testDescription: "a patch port leads elsewhere",
            does: [.vsctl("set interface br0.nf.n options:peer=elsewhere")],
            outcome: .undone("Interface br0.nf.n")
        ),
        Way(testDescription: "its flows go", does: [.ofctl("del-flows br.mx")], outcome: .undone("Flow br.mx table=0")),
        Way(
            testDescription: "a flow of it drops",
            does: [.ofctl("add-flow br.dmx priority=1000,actions=drop")],
            outcome: .undone("Flow br.dmx table=0")
        ),
        Way(
            testDescription: "a port of it takes nothing in",
            does: [.ofctl("mod-port br.mx br0.mx.n no-receive")],
            outcome: .undone("Port br0.mx.n")
        ),
        // The VMs.
        Way(
            testDescription: "a VM's port without a VLAN, which hears the host's",
            does: [.vsctl("add-port br0.local vm1 -- set interface vm1 external_ids:iface-id=web")],
            outcome: .doubt("VM port vm1 on br0.local has no VLAN and so every VLAN, the host's, too"),
            undoes: [.vsctl("del-port vm1")]
        ),
        Way(
            testDescription: "a VM's port on br0",
            does: [.vsctl("add-port br0 vm1 tag=5 -- set interface vm1 external_ids:iface-id=web")],
            outcome: .doubt("Port vm1 on br0 is a VM's (web) and bypasses the chain"),
            undoes: [.vsctl("del-port vm1")]
        ),
        Way(
            testDescription: "a VM's port that nobody marked",
            does: [.vsctl("add-port br0.local vm1 tag=5")],
            outcome: .doubt("vm1"),
            undoes: [.vsctl("del-port vm1")]
        ),
        Way(
            testDescription: "a VM's port that is a tunnel",
            does: [
                .vsctl(
                    "add-port br0.local vm1 tag=5 vlan_mode=dot1q-tunnel -- set interface vm1 external_ids:iface-id=web"
                )
            ],
            outcome: .doubt("VM port vm1 on br0.local has no network: vlan_mode is dot1q-tunnel"),
            undoes: [.vsctl("del-port vm1")]
        ),
        // All of it.
        Way(
            testDescription: "ovs-vswitchd waits for flows that nobody restores",
            does: [.vsctl("set Open_vSwitch . other_config:flow-restore-wait=true")],
            outcome: .degraded("flow-restore-wait is true"),
            undoes: [.vsctl("remove Open_vSwitch . other_config flow-restore-wait")]
        ),
    ]

    private static func run(_ commands: [Command], on ovs: PrivateSwitch) async throws {
        for command in commands {
            func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
            switch command {
            case .vsctl(let text):
                try await ovs.tool("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--no-wait"] + words(text))
            case .ofctl(let text, let version): try await ovs.tool("ovs-ofctl", ["-O", version] + words(text))
            case .appctl(let text): try await ovs.tool("ovs-appctl", words(text))
            }
        }
    }

    @Test("each way is told or undone, and then all is in sync without a word")
    func table() async throws {
        try await RunningAgent.inSync(auditInterval: .milliseconds(500)) { agent in
            try await agent.waitForState("in-sync")
            for way in Self.ways {
                let last = try await agent.lastEvent()
                do {
                    try await Self.run(way.does, on: agent.ovs)
                    switch way.outcome {
                    case .degraded(let words): try await agent.waitForState("degraded", reason: words)
                    case .doubt(let words): try await agent.waitForState("in-sync", warning: words)
                    case .undone(let object):
                        try await agent.waitForEvent(after: last, "drift", object: object)
                        try await agent.waitForEvent(after: last, "repaired", object: object)
                    }
                    try await Self.run(way.undoes, on: agent.ovs)
                    let said: String? = if case .doubt(let words) = way.outcome { words } else { nil }
                    try await agent.waitForState("in-sync", lacking: said)
                } catch {
                    Issue.record(error, "\(way.testDescription)")
                    try? await Self.run(way.undoes, on: agent.ovs)
                }
            }
        }
    }

    static let found = [
        ("bond_mode=balance-tcp", "Port br0-up: bond_mode is balance-tcp without LACP"),
        (
            "-- set interface eth0 bfd:enable=true -- set interface eth1 bfd:enable=true",
            "Port br0-up: BFD or CFM hears nobody on eth0, eth1"
        ),
        (
            "-- set interface eth0 cfm_mpid=1 -- set interface eth1 cfm_mpid=2",
            "Port br0-up: BFD or CFM hears nobody on eth0, eth1"
        ),
    ]

    @Test("a bond that was found and carries nothing is kept and told", arguments: found)
    func foundBond(bond: String, words: String) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(
                "add-br br0 -- set bridge br0 datapath_type=dummy -- add-bond br0 br0-up eth0 eth1 \(bond)"
            )
            try await RunningAgent.with(ovs, layout: .switches(0).replacing("datapath: dummy\n", with: "")) { agent in
                try await agent.waitForState("degraded", reason: words)
            }
        }
    }

    @Test("LACP that the layout asks for and nobody answers is no network, and falling back is one")
    func lacp() async throws {
        let alone = String.switches(0, uplink: "lacp: active\n      lacpFallback: false")
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: alone) { agent in
                let words = "Port br0-up: LACP is active and no partner answers on eth0, eth1"
                try await agent.waitForState("degraded", reason: words)
                let last = try await agent.lastEvent()
                let event = try await agent.events().last { $0.object == "Port br0-up" && $0.kind == "apply-failed" }
                #expect(event?.reason.contains("no partner answers") == true)
                try write(
                    .switches(0, uplink: "lacp: active\n      lacpFallback: true"),
                    to: agent.configuration.layoutPath
                )
                _ = try await agent.ask("reload")
                try await agent.waitForEvent(after: last, "applied", object: "Port br0-up")
                try await agent.waitForState("in-sync")
            }
        }
    }
}
