import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// Hosts whose installer was there first.
@Suite("Adoption", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct AdoptionTests {
    @Test(
        "an installer's br0 and br0-up keep their rows, other ports, host VLAN and bond columns; so does their release"
    )
    func installed() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(
                """
                add-br br0 -- set bridge br0 datapath_type=dummy -- set port br0 tag=12 -- add-bond br0 br0-up eth0 eth1 \
                bond_mode=balance-slb -- set port br0-up bond_updelay=500 -- add-port br0 vnet3 tag=4
                """
            )
            let columns = ConfigurationColumns.port.map(\.name).filter { $0 != "external_ids" }.joined(separator: ",")
            func ports() async throws -> String {
                try await ovs.vsctl("--columns=_uuid,\(columns)", "list", "port", "br0", "br0-up", "vnet3")
            }
            let identity = try await ovs.vsctl("get", "bridge", "br0", "_uuid")
            let before = try await ports()
            try await RunningAgent.with(ovs, layout: .switches(0, 7)) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await ports() == before)
                #expect(try await ovs.vsctl("get", "bridge", "br0", "_uuid") == identity)
                #expect(try await ovs.vsctl("list-ports", "br0") == "br0-up\nbr0.dmx\nvnet3")
                #expect(try await ovs.vsctl("get", "port", "br0-up", "external_ids") == "{ovs-agent-role=uplink}")

                try write(.switches(7), to: agent.configuration.layoutPath)
                await #expect(throws: ControlClientError.self) { try await agent.ask("reload") }
                try await agent.waitForState("degraded", reason: "br0")
                #expect(try await ovs.vsctl("list-ports", "br0") == "br0-up\nbr0.dmx\nvnet3")
                try await agent.ask("reload", "--allow-removal")
                try await agent.waitForState("in-sync")
                // What was made is gone, what was adopted is as it was found.
                #expect(try await ovs.vsctl("list-ports", "br0") == "br0-up\nvnet3")
                #expect(try await ports() == before)
                #expect(try await ovs.vsctl("get", "bridge", "br0", "_uuid", "external_ids") == "\(identity)\n{}")
                #expect(try await ovs.vsctl("get", "port", "br0-up", "external_ids") == "{}")
                #expect(try await ovs.vsctl("list-br").contains("br0.local") == false)
            }
        }
    }

    @Test("a NIC alone on br0 becomes br0-up by reference")
    func bareNIC() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit(
                """
                add-br br0 -- set bridge br0 datapath_type=dummy -- add-port br0 eth0 tag=5 -- add-port br0 eth1 \
                -- add-port br0 vnet1 -- --id=@eth0 get port eth0 -- --id=@vnet1 get port vnet1 \
                -- --id=@in create mirror name=in select-src-port=@eth0,@vnet1 select-dst-port=@eth0 output-port=@vnet1 \
                -- --id=@out create mirror name=out select-src-port=@vnet1 output-port=@eth0 \
                -- set bridge br0 mirrors=@in,@out
                """
            )
            let vm = try await ovs.vsctl("get", "port", "vnet1", "_uuid")
            let identities = try await ovs.vsctl("get", "interface", "eth0", "_uuid", "ofport")
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("degraded", reason: "Port br0-up: the mirror out of br0 sends to it")
                #expect(try await ovs.vsctl("list-ports", "br0") == "br0-up\nbr0.dmx\nvnet1")
                #expect(try await ovs.vsctl("get", "interface", "eth0", "_uuid", "ofport") == identities)
                #expect(try await ovs.vsctl("get", "port", "br0-up", "tag") == "5")
                // A mirror of the NIC's port is one of the uplink now.
                let uplink = try await ovs.vsctl("get", "port", "br0-up", "_uuid")
                let sources = try await ovs.vsctl("get", "mirror", "in", "select_src_port")
                #expect(sources.contains(uplink) && sources.contains(vm))
                #expect(try await ovs.vsctl("get", "mirror", "in", "select_dst_port") == "[\(uplink)]")
                #expect(try await ovs.vsctl("get", "mirror", "in", "output_port") == vm)
                #expect(try await ovs.vsctl("get", "mirror", "out", "output_port") == uplink)
                // The one that sends to it leaves no room for anything else.
                try await ovs.vsctl(
                    "--",
                    "--id=@m",
                    "get",
                    "mirror",
                    "out",
                    "--",
                    "remove",
                    "bridge",
                    "br0",
                    "mirrors",
                    "@m"
                )
                try await agent.waitForState("in-sync")
            }
        }
    }

    @Test("a NIC in use elsewhere is left there with a reason, until it is free")
    func nicInUse() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.edit("add-br ovs1 -- set bridge ovs1 datapath_type=dummy -- add-port ovs1 eth1 tag=3")
            let port = try await ovs.vsctl("list", "port", "eth1")
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                let status = try await agent.waitForState("degraded", reason: "Interface eth1")
                #expect(
                    status["reasons"]?.array?.first?.string?.contains("in use in port eth1 of bridge ovs1") == true
                )
                let told = try await agent.waitForEvent("apply-failed", object: "Interface eth1")
                #expect(told.reason.contains("in use in port eth1 of bridge ovs1"))
                try await agent.waitForEvent("applied")
                #expect(try await ovs.vsctl("list", "port", "eth1") == port)
                #expect(try await ovs.vsctl("list-ifaces", "br0") == "br0.dmx\neth0")
                try await ovs.vsctl("del-port", "ovs1", "eth1")
                try await agent.waitForEvent(after: told.id, "applied", object: "Interface eth1")
                try await agent.waitForState("in-sync")
                let failures = try await agent.events().filter { $0.kind == "apply-failed" }.map(\.text)
                #expect(failures == [told.text])
                #expect(try await ovs.vsctl("list-ifaces", "br0") == "br0.dmx\neth0\neth1")
                // In a port of somebody's, too: ovs-vswitchd gives it to one of them.
                let nic = try await ovs.vsctl("get", "interface", "eth1", "_uuid")
                try await ovs.vsctl("add", "port", "ovs1", "interfaces", nic, wait: false)
                try await agent.waitForState(
                    "degraded",
                    reason: "eth1: wanted on bridge br0, in use in port ovs1 of bridge ovs1"
                )
                try await ovs.vsctl("remove", "port", "ovs1", "interfaces", nic, wait: false)
                try await agent.waitForState("in-sync")
            }
        }
    }
}

extension PrivateSwitch {
    /// Runs the words of an `ovs-vsctl` command line, and waits for ovs-vswitchd.
    func edit(_ command: String) async throws {
        let result = try await run(
            "ovs-vsctl",
            ["--db=\(databaseRemote)", "--timeout=20"] + command.split(separator: " ").map(String.init)
        )
        guard result.exitCode == 0 else { throw PrivateSwitchError.failed(command, result) }
    }
}
