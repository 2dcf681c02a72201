import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// Devices of VM ports that are made anew under their name, which the userspace datapath does not notice.
@Suite("Devices of VM ports", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct VMDevicesTests {
    private static func rows(
        _ devices: [String: Int],
        number: Int = 3,
        datapath: String = "netdev",
        type: String = ""
    ) -> [UUID: VMPortRow?] {
        let interfaces = devices.sorted { $0.key < $1.key }.map { name, device in
            """
              port \(name)
                interface \(name) external_ids:iface-id=\(name) ofport=\(number) ifindex=\(device)\(type)
            """
        }
        let text = "bridge br0.local datapath_type=\(datapath)\n" + interfaces.joined(separator: "\n")
        return VMPortRow.all(in: PlanDatabase(text).replica).mapValues(Optional.some)
    }

    /// Rows have other identifiers in each database: by name.
    private struct Machine {
        var devices = VMDevices()
        var ids: [String: UUID] = [:]

        mutating func look(_ rows: [UUID: VMPortRow?]) -> [String: Int64] {
            var named: [UUID: VMPortRow?] = [:]
            for (uuid, row) in rows {
                guard let row else { continue }
                let id = ids[row.name] ?? uuid
                ids[row.name] = id
                named[id] = row
            }
            for (name, id) in ids where named[id] == nil {
                named[id] = .some(nil)
                ids[name] = nil
            }
            return names(devices.look(at: named))
        }

        func names<Value>(_ values: [UUID: Value]) -> [String: Value] {
            Dictionary(uniqueKeysWithValues: ids.compactMap { name, id in values[id].map { (name, $0) } })
        }

        var deaf: [String] { ids.filter { devices.deaf.contains($0.value) }.keys.sorted() }
    }

    @Test("another device under the same row is not listened to, until the kernel or a new number says so")
    func machine() {
        var machine = Machine()
        func see(_ devices: [String: Int], number: Int = 3) -> [String: Int64] {
            machine.look(Self.rows(devices, number: number))
        }
        #expect(see(["vm1": 5, "vm2": 6]) == [:] && machine.deaf == [])
        // Away for a moment, and there again as it was.
        #expect(see(["vm1": 0, "vm2": 6]) == [:] && machine.deaf == [])
        #expect(see(["vm1": 5, "vm2": 6]) == [:] && machine.deaf == [])
        #expect(see(["vm1": 7, "vm2": 6]) == ["vm1": 7] && machine.deaf == ["vm1"])
        // Nothing new: nobody is asked.
        #expect(see(["vm1": 7, "vm2": 6]) == [:] && machine.deaf == ["vm1"])
        func compare(_ listening: Set<Int64>) -> Int {
            machine.devices.compare(machine.devices.all, listening: listening).count
        }
        #expect(compare([6]) == 0 && machine.deaf == ["vm1"])
        #expect(compare([6, 7]) == 1 && machine.deaf == [])
        // An agent that begins asks about all.
        #expect(compare([7]) == 1 && machine.deaf == ["vm2"])
        #expect(see(["vm1": 7, "vm2": 6]) == [:] && machine.deaf == ["vm2"])
        // Opened anew, as its number says; and a port that goes is forgotten.
        #expect(see(["vm1": 7, "vm2": 6], number: 4) == [:] && machine.deaf == [])
        #expect(see(["vm2": 8], number: 4) == ["vm2": 8] && machine.deaf == ["vm2"])
        #expect(see(["vm1": 9, "vm2": 8], number: 4) == [:] && machine.deaf == ["vm2"])
        // What was asked about before is no answer to what stands now.
        let asked = machine.devices.all
        #expect(see(["vm1": 10, "vm2": 8], number: 4) == ["vm1": 10])
        #expect(machine.devices.compare(asked, listening: [9, 8]).count == 1)
        #expect(machine.deaf == ["vm1"])
        // A restart opens what there is, and the end of a connection does not.
        #expect(machine.devices.openedAnew().count == 1)
        #expect(machine.devices.openedAnew() == [])
        #expect(machine.deaf == [])
        #expect(see(["vm1": 10, "vm2": 8], number: 4) == [:] && machine.deaf == [])
    }

    @Test("the kernel's datapath, and ports that no packet socket serves, are left alone")
    func others() {
        for (datapath, type) in [("system", ""), ("netdev", " type=dpdkvhostuserclient"), ("netdev", " type=internal")]
        {
            var machine = Machine()
            for device in [5, 7] {
                let rows = Self.rows(["vm1": device], datapath: datapath, type: type)
                #expect(rows.count == 1)
                #expect(machine.look(rows) == [:])
                #expect(machine.devices.all.isEmpty && machine.deaf == [], "\(datapath)\(type)")
            }
        }
    }

    @Test("a VM port whose device was made anew is gone and its MAC free, for a restarted agent, too")
    func gone() async throws {
        let mac = "02:00:00:00:00:0b"
        func gone(_ agent: RunningAgent) async throws {
            let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
            while true {
                let port = try await agent.vm("vmt")
                let reason = port["reason"]?.string ?? ""
                if port["presence"]?.string == "gone", port["served"]?.boolean == false,
                    reason.contains("its device was made anew"), reason.contains("ovs-vsctl del-port vmt")
                {
                    break
                }
                try #require(ContinuousClock.now < deadline, "\(port)")
            }
            try await agent.waitForState("in-sync", warning: "VM port vmt on br0.local has no network: its device was")
        }
        func plug(_ ovs: PrivateSwitch, _ device: Int) async throws {
            try await ovs.vsctl(
                "add-port",
                "br0.local",
                "vmt",
                "tag=7",
                "--",
                "set",
                "interface",
                "vmt",
                "options:ifindex=\(device)",
                "external_ids:iface-id=vmt",
                "external_ids:attached-mac=\"\(mac)\""
            )
        }
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .switches(0, datapath: "netdev")) { agent in
                try await agent.waitForState("in-sync")
                // No device of this host has such a number.
                try await plug(ovs, 1_000_001)
                try await agent.waitForVM("vmt", presence: "expected")
                try await ovs.tool("ovs-appctl", ["netdev-dummy/receive", "vmt", EthernetFrame.moved(mac).hexadecimal])
                try await agent.waitForVM("vmt", presence: "present")
                let last = try await agent.lastEvent()
                try await ovs.vsctl("set", "interface", "vmt", "options:ifindex=1000002")
                let event = try await agent.waitForEvent(after: last, "vm-gone", object: "Interface vmt")
                #expect(event.reason.contains("its device was made anew"))
                try await gone(agent)
                let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
                while try await ovs.tool("ovs-ofctl", ["-O", "OpenFlow14", "dump-flows", "br0"]).contains(mac) {
                    try #require(ContinuousClock.now < deadline)
                }
            }
            try await RunningAgent.with(ovs) { agent in
                try await gone(agent)
                try await ovs.vsctl("del-port", "vmt")
                try await plug(ovs, 1_000_002)
                try await agent.waitForVM("vmt", presence: "expected")
            }
        }
    }
}
