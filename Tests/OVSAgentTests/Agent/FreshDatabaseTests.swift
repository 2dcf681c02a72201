import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

/// The whole road on a real switch: a layout file becomes bridges that pass an operator's look.
@Suite("An agent on a fresh database", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct FreshDatabaseTests {
    @Test("it makes the whole layout, says so to stock tools, and its second run changes nothing")
    func whole() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await RunningAgent.with(ovs, layout: .switches(0, 7)) { agent in
                let status = try await agent.waitForState("in-sync")
                #expect(status["reasons"]?.array?.isEmpty == true)
                #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 8)
                #expect(try await ovs.vsctl("list-ifaces", "br0") == "br0.dmx\neth0\neth1")
                for lane in [Lane(uplinkBridge: "br0"), Lane(uplinkBridge: "br7")].compactMap({ $0 }) {
                    for port in LanePort.all(of: lane) {
                        let numbers = try await ovs.vsctl("get", "interface", port.name, "ofport", "ofport_request")
                        #expect(numbers == "\(port.portRequest)\n\(port.portRequest)", "\(port.name)")
                    }
                }
                // Settled is what the switch's word (its addresses) has been taken into.
                for bridge in ["br0", "br7"] {
                    let address = try await ovs.vsctl("get", "interface", bridge, "mac_in_use", wait: false)
                    try await ovs.vsctl("wait-until", "bridge", bridge, "other_config:hwaddr=\(address)", wait: false)
                }
                let told = try await ovs.run("ovs-appctl", ["-t", agent.configuration.controlPath, "status"])
                #expect(told.exitCode == 0)
                #expect(told.output.hasPrefix("in-sync"), "\(told.output)")
            }
            let before = try await ovs.rows()
            try await RunningAgent.with(ovs, layout: .switches(0, 7)) { agent in
                try await agent.waitForState("in-sync")
                #expect(try await agent.ask("plan")["changes"]?.array?.isEmpty == true)
                #expect(try await agent.events().map(\.kind) == ["started", "layout-loaded", "connected", "applied"])
            }
            #expect(try await ovs.rows() == before)
        }
    }
}

extension PrivateSwitch {
    /// Every configured row by name and identity, and how often the configuration was changed.
    func rows() async throws -> [String] {
        var rows = [try await vsctl("get", "Open_vSwitch", ".", "_uuid", "next_cfg", wait: false)]
        for table in ["bridge", "port", "interface"] {
            rows.append(
                try await vsctl("--columns=_uuid,name", "--format=csv", "list", table, wait: false)
                    .split(separator: "\n").sorted().joined(separator: "\n")
            )
        }
        return rows
    }
}
