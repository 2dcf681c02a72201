import Glibc
import JSONRPC
import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

/// VM ports that libvirt was told to plug into a bridge of the chain, and that are taken off.
struct MisplacedTests {
    private static func vm(_ name: String) -> MisplacedVM {
        MisplacedVM(name: name, bridge: "br.mx", interfaceID: name, lanes: [])
    }

    private static func time(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    @Test("each is named while its device is there, and for a while without one; the latest of many")
    func memory() {
        var misplaced = MisplacedVMs()
        misplaced.saw([Self.vm("vnet10"), Self.vm("vnet2")], now: Self.time(0))
        #expect(misplaced.all.map(\.name) == ["vnet2", "vnet10"])
        misplaced.look(atDevices: [], now: Self.time(59))
        #expect(misplaced.all.map(\.name) == ["vnet2", "vnet10"])
        misplaced.look(atDevices: ["vnet10"], now: Self.time(61))
        #expect(misplaced.all.map(\.name) == ["vnet10"])
        misplaced.look(atDevices: [], now: Self.time(62))
        #expect(misplaced.isEmpty)
        for number in 0..<(MisplacedVMs.limit + 20) {
            misplaced.saw([Self.vm("vnet\(number)")], now: Self.time(100 + Int64(number)))
        }
        #expect(misplaced.all.count == MisplacedVMs.limit)
        #expect(misplaced.all.first?.name == "vnet20")
    }

    @Test("a plan that takes a VM's port off the chain names the VM and where it belongs")
    func plan() {
        let layout = Layout(
            virtualSwitches: [.on(0), .on(7, ["eth7"])],
            networks: [.init(name: "Production", virtualSwitch: "vs7", vlan: 27)]
        )
        var database = PlanDatabase()
        database.reconcile(layout)
        database.addPorts(
            "br.nf",
            "port vnet5\n interface vnet5 external_ids:iface-id=nic-5 external_ids:attached-mac=02:00:00:00:00:05 "
                + "external_ids:vm-id=1-2 external_ids:vm-name=web"
        )
        database.addPorts(
            "br.mx",
            "port vnet6\n interface vnet6 external_ids:iface-id=nic-6 external_ids:port-profile=Production"
        )
        database.addPorts("br.mx", "port stray\n interface stray")
        let plan = database.plan(layout)
        #expect(
            plan.misplaced.sortedNaturally(by: \.name).map(\.warning) == [
                """
                VM port vnet5 (interface ID nic-5, VM web) has no network: it was plugged into br.nf, which carries no VM's \
                port, and was taken off: plug it into br0.local or br7.local (ovs-vsctl add-port br0.local vnet5)
                """,
                """
                VM port vnet6 (interface ID nic-6) has no network: it was plugged into br.mx, which carries no VM's port, and \
                was taken off: plug it into br7.local (ovs-vsctl add-port br7.local vnet6)
                """,
            ]
        )
    }

    @Test("what is kept is read as it was, and nothing else is")
    func kept() {
        let vms = [
            MisplacedVM(
                name: "vnet5",
                bridge: "br.mx",
                interfaceID: "nic \u{1}\n5",
                mac: "02:00:00:00:00:05",
                vm: "1-2",
                vmName: "web",
                lanes: [Lane(0)!, Lane(7)!]
            ), Self.vm("vnet6"),
        ]
        #expect(MisplacedVM.all(in: MisplacedVM.bytes(of: vms)) == vms)
        for text in ["", "{}", "[1]", "[{}]", #"[{"name":"a","bridge":"b","interfaceId":"c","lanes":["x"]}]"#] {
            #expect(MisplacedVM.all(in: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test(
        "a restarted agent names the VM still, unless it was plugged where it belongs meanwhile",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        .timeLimit(.minutes(5))
    )
    func restart() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            let mark = "-- set interface vnet5 external_ids:iface-id=nic-5"
            let words = "VM port vnet5 (interface ID nic-5) has no network: it was plugged into br.microseg"
            try await ovs.edit("add-port br.microseg vnet5 tag=7 \(mark)")
            try await agent.waitForState("in-sync", warning: words)
            try await agent.stop()
            try await RunningAgent.with(ovs) { agent in
                try await agent.waitForState("in-sync", warning: words)
                #expect(try await agent.ask("vms")["ports"]?.array?.first?["name"] == "vnet5")
            }
            try await ovs.edit("add-port br0.local vnet5 tag=7 \(mark)")
            for _ in 0..<2 {
                try await RunningAgent.with(ovs) { agent in
                    try await agent.waitForEvent("applied")
                    try await agent.waitForState("in-sync", lacking: "has no network")
                }
            }
        }
    }

    @Test(
        "status and vms name the VM until it is plugged where it belongs, or its device is gone",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        .timeLimit(.minutes(5))
    )
    func realSwitch() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            func plug(_ bridge: String) async throws {
                // As libvirt does it, in one transaction.
                try await ovs.tool(
                    "ovs-vsctl",
                    [
                        "--db=\(ovs.databaseRemote)", "--timeout=20", "--no-wait", "--", "--may-exist", "add-port",
                        bridge,
                    ]
                        + ["vnet5", "tag=7", "--", "set", "Interface", "vnet5", "external_ids:iface-id=nic-5"]
                        + ["external_ids:attached-mac=\"02:00:00:00:00:05\"", "external_ids:vm-name=web"]
                )
            }
            let words = "VM port vnet5 (interface ID nic-5, VM web) has no network: it was plugged into br.microseg"
            try await plug("br.microseg")
            let status = try await agent.waitForState("in-sync", warning: words)
            #expect(status["text"]?.string?.contains("plug it into br0.local") == true)
            #expect(try await ovs.vsctl("list-ports", "br.microseg", wait: false).contains("vnet5") == false)
            let vms = try await agent.ask("vms")
            let port = vms["ports"]?.array?.first
            #expect(port?["name"] == "vnet5" && port?["vmName"] == "web" && port?["served"] == false)
            #expect(port?["bridge"] == "br0.local" && port?["interfaceId"] == "nic-5" && port?["present"] == false)
            #expect(vms["text"]?.string?.contains("NOT SERVED: it was plugged into br.microseg") == true)
            try await plug("br0.local")
            try await agent.waitForState("in-sync", lacking: "vnet5")
            var ports: [JSON] = []
            let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
            // Once the switch has said so.
            while ports.map({ $0["served"] }) != [true], ContinuousClock.now < deadline {
                ports = try await agent.ask("vms")["ports"]?.array ?? []
            }
            #expect(ports.map { $0["name"] } == ["vnet5"] && ports.map { $0["served"] } == [true])
        }
    }
}
