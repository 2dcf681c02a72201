import Logging
import NIOPosix
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// A plan's transactions against the real ovsdb-server and ovs-vswitchd: what the in-memory database of the other plan
/// tests takes for granted is proved here.
@Suite("Plans on a real switch", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct PlanSwitchTests {
    static let layout: Layout = {
        var layout = Layout(virtualSwitches: [.on(0), .on(7, ["eth7"])])
        layout.datapath = .dummy
        return layout
    }()

    @Test("the whole layout is made in one transaction, and every port gets the number that it asks for")
    func whole() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let agent = try await PlanningClient(ovs)
            try await agent.reconcile(Self.layout)
            for lane in Self.layout.virtualSwitches.map(\.lane) {
                for port in LanePort.all(of: lane) {
                    try await ovs.awaitPort(port)
                    #expect(try await ovs.vsctl("port-to-br", port.name) == port.bridge)
                }
            }
            // The address that br0 has come to have is pinned by a second plan; then there is nothing to do.
            try await agent.reconcile(Self.layout)
            #expect(try await agent.plan(Self.layout).isEmpty)
            let address = try await ovs.vsctl("get", "interface", "br0", "mac_in_use")
            #expect(try await ovs.vsctl("get", "bridge", "br0", "other_config:hwaddr") == address)
            await agent.stop()
        }
    }

    @Test("an installer's NIC on br0 moves by reference, thieves lose the names of lanes, and all is undone at once")
    func taken() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await ovs.vsctl(
                "add-br",
                "br0",
                "--",
                "set",
                "bridge",
                "br0",
                "datapath_type=dummy",
                "--",
                "add-port",
                "br0",
                "eth0",
                "tag=5",
                "--",
                "add-port",
                "br0",
                "eth1",
                "--",
                "add-br",
                "ovs1",
                "--",
                "set",
                "bridge",
                "ovs1",
                "datapath_type=dummy",
                "--",
                "add-port",
                "ovs1",
                "br0.nf.s",
                "--",
                "add-bond",
                "ovs1",
                "thief",
                "br0.dmx",
                "vnet0"
            )
            let row = try await ovs.vsctl("get", "interface", "eth0", "_uuid")
            let agent = try await PlanningClient(ovs)
            var layout = Self.layout
            layout.virtualSwitches.removeLast()
            try await agent.reconcile(layout)
            #expect(try await ovs.vsctl("get", "interface", "eth0", "_uuid") == row)
            #expect(try await ovs.vsctl("list-ports", "br0") == "br0-up\nbr0.dmx")
            #expect(try await ovs.vsctl("list-ports", "ovs1") == "thief")
            #expect(try await ovs.vsctl("list-ifaces", "ovs1") == "vnet0")
            #expect(try await ovs.vsctl("get", "port", "br0-up", "tag") == "5")
            for port in LanePort.all(of: layout.virtualSwitches[0].lane) {
                try await ovs.awaitPort(port)
            }
            try await agent.reconcile(layout)
            #expect(try await agent.plan(layout).isEmpty)
            await agent.stop()
        }
    }

    @Test("every column of the installed Open vSwitch is known, as configuration or as status")
    func columns() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let agent = try await PlanningClient(ovs)
            #expect(ConfigurationColumns.unknown(in: agent.schema).isEmpty)
            for table in ReplicaColumns.followed {
                let known = try #require(agent.schema.tables[table.name])
                #expect(table.columns.filter { known[$0] == nil } == [], "\(table.name)")
            }
            await agent.stop()
        }
    }

    @Test("edits by stock tools are undone, and the guards refuse a plan made before them")
    func edits() async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let agent = try await PlanningClient(ovs)
            try await agent.reconcile(Self.layout)
            let edits: [[String]] = [
                ["del-br", "br.mx"], ["del-port", "br.nf", "br0.nf.s"], ["del-port", "br0", "br0-up"],
                ["set", "interface", "br0.ms.n", "options:peer=x"], ["set-controller", "br.nf", "tcp:192.0.2.1"],
                ["--", "--id=@m", "create", "mirror", "name=m", "--", "set", "bridge", "br.dmx", "mirrors=@m"],
                [
                    "--", "--id=@s", "create", "sflow", "targets=\"192.0.2.1\"", "--", "set", "bridge", "br.dmx",
                    "sflow=@s",
                ],
                ["del-port", "br0", "br0.dmx", "--", "add-br", "br0.dmx"],
                ["del-br", "br0.local", "--", "add-br", "br0.local", "br0", "100"],
                ["add-port", "br.microseg", "vnet9"], ["clear", "bridge", "br.mx", "external_ids"],
                ["del-br", "br0", "--", "del-br", "br7.local", "--", "del-br", "br.dmx"],
            ]
            for edit in edits {
                let before = try await ovs.vsctl("get", "interface", "br7.ms.s", "_uuid")
                let result = try await ovs.run("ovs-vsctl", ["--db=\(ovs.databaseRemote)", "--no-wait"] + edit)
                #expect(result.exitCode == 0, "\(edit): \(result.errorOutput)")
                let plan = try await agent.reconcile(Self.layout)
                #expect(!plan.changes.isEmpty, "\(edit)")
                #expect(try await agent.plan(Self.layout).isEmpty, "\(edit)")
                #expect(try await ovs.vsctl("get", "interface", "br7.ms.s", "_uuid") == before)
            }
            try await ovs.vsctl("set", "port", "br0.ms.s", "tag=1")
            let plan = try await agent.plan(Self.layout)
            try await ovs.vsctl("set", "port", "br0.ms.s", "tag=2")
            await #expect(throws: OVSDBError.self) { try await agent.commit(plan) }
            try await agent.reconcile(Self.layout)
            #expect(try await ovs.vsctl("get", "port", "br0.ms.s", "tag") == "1001")

            let small = Layout(datapath: .dummy, virtualSwitches: [Self.layout.virtualSwitches[0]])
            #expect(try await agent.plan(small).isEmpty)
            try await agent.reconcile(small, removal: .allowed)
            #expect(try await ovs.vsctl("list-br") == "br.dmx\nbr.microseg\nbr.mx\nbr.nf\nbr0\nbr0.local")
            await agent.stop()
        }
    }
}

extension PrivateSwitch {
    /// Waits until ovs-vswitchd has given the port the number that it asks for.
    fileprivate func awaitPort(_ port: LanePort) async throws {
        try await vsctl("wait-until", "interface", port.name, "ofport=\(port.portRequest)", "error=[]")
    }
}
