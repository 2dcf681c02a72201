import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// What tags a port may send and gets to see, for every kind of port.
@Suite("Chain: VLANs", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ChainVLANTests {
    /// What leaves on the wire for a frame with a tag, or without; `nil` for nothing.
    struct Port: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var vm: ChainHost.VM
        /// The VLAN on the wire (0: no tag) for what the port sends.
        var sends: [UInt16?: UInt16]
        /// The tag at the port for what comes from the wire in a VLAN; a missing VLAN does not arrive.
        var gets: [UInt16: UInt16?]
    }

    private static let mac = "02:00:00:00:00:0a"

    static let ports: [Port] = [
        Port(
            testDescription: "access",
            vm: .init(name: "vm", mac: mac, tag: 7),
            sends: [nil: 7, 0: 7],
            gets: [7: nil]
        ),
        Port(
            testDescription: "access to VLAN 0",
            vm: .init(name: "vm", mac: mac, tag: 0),
            sends: [nil: 0, 0: 0],
            gets: [0: nil]
        ),
        Port(
            testDescription: "trunk of all VLANs",
            vm: .init(name: "vm", mac: mac),
            sends: [nil: 0, 0: 0, 7: 7, 8: 8, 9: 9],
            gets: [0: nil, 7: 7, 8: 8, 9: 9]
        ),
        Port(
            testDescription: "trunk of some VLANs",
            vm: .init(name: "vm", mac: mac, trunks: [7, 8]),
            sends: [7: 7, 8: 8],
            gets: [7: 7, 8: 8]
        ),
        Port(
            testDescription: "trunk of some VLANs and frames without tag",
            vm: .init(name: "vm", mac: mac, trunks: [0, 7]),
            sends: [nil: 0, 0: 0, 7: 7],
            gets: [0: nil, 7: 7]
        ),
        Port(
            testDescription: "native-untagged with some VLANs",
            vm: .init(name: "vm", mac: mac, mode: "native-untagged", tag: 9, trunks: [7]),
            sends: [nil: 9, 0: 9, 9: 9, 7: 7],
            gets: [9: nil, 7: 7]
        ),
        Port(
            testDescription: "native-untagged with all VLANs",
            vm: .init(name: "vm", mac: mac, mode: "native-untagged", tag: 9),
            sends: [nil: 9, 0: 9, 9: 9, 7: 7, 8: 8],
            gets: [0: nil, 9: nil, 7: 7, 8: 8]
        ),
        Port(
            testDescription: "native-tagged",
            vm: .init(name: "vm", mac: mac, mode: "native-tagged", tag: 9, trunks: [7]),
            sends: [nil: 9, 0: 9, 9: 9, 7: 7],
            gets: [9: 9, 7: 7]
        ),
        Port(
            testDescription: "trunk of all VLANs that learns",
            vm: .init(name: "vm"),
            sends: [nil: 0, 0: 0, 7: 7, 8: 8, 9: 9],
            gets: [0: nil, 7: 7, 8: 8, 9: 9]
        ),
        Port(
            testDescription: "trunk of all VLANs that are listed",
            vm: .init(name: "vm", mac: mac, trunks: Array(1...4094)),
            sends: [7: 7, 8: 8, 9: 9],
            gets: [7: 7, 8: 8, 9: 9]
        ),
        Port(
            testDescription: "trunk of a long list and frames without tag",
            vm: .init(name: "vm", mac: mac, trunks: [0, 7] + Array(100...200)),
            sends: [nil: 0, 0: 0, 7: 7],
            gets: [0: nil, 7: 7]
        ),
        Port(
            testDescription: "native-untagged with a long list",
            vm: .init(name: "vm", mac: mac, mode: "native-untagged", tag: 9, trunks: [7] + Array(100...200)),
            sends: [nil: 9, 0: 9, 9: 9, 7: 7],
            gets: [9: nil, 7: 7]
        ),
        Port(
            testDescription: "native-tagged with a long list",
            vm: .init(name: "vm", mac: mac, mode: "native-tagged", tag: 9, trunks: [7] + Array(100...200)),
            sends: [nil: 9, 0: 9, 9: 9, 7: 7],
            gets: [9: 9, 7: 7]
        ),
        Port(
            testDescription: "trunk of a long list that learns",
            vm: .init(name: "vm", trunks: Array(0...7) + Array(100...200)),
            sends: [nil: 0, 0: 0, 7: 7],
            gets: [0: nil, 7: 7]
        ),
    ]

    @Test("a port sends and gets the frames of its VLANs, tagged as Open vSwitch does", arguments: ports)
    func membership(_ port: Port) async throws {
        // The neighbour takes part in every VLAN, so that what must not arrive at the port passes it close by.
        let neighbour = ChainHost.VM(name: "near", mac: "02:00:00:00:00:0b")
        try await ChainHost.with([port.vm, neighbour]) { host in
            for tag in [nil, 0, 7, 8, 9, 4095] as [UInt16?] {
                let flood = EthernetFrame(to: ChainHost.broadcast, from: Self.mac).tagged(tag)
                let inside = port.sends[tag].map { flood.tagged($0 == 0 ? nil : $0) }
                var expected: [String: EthernetFrame] = [:]
                if let inside { expected = [host.wire: inside, "near": inside] }
                if inside != nil, port.sends[tag] == 0 { expected["br0"] = inside }
                try await host.expect(flood, into: "vm", reaches: expected)
                // The priority of a tag stays where there is a tag in the end.
                let urgent = EthernetFrame(to: neighbour.mac ?? "", from: Self.mac).tagged(tag, priority: 5)
                let arriving = port.sends[tag].map { vlan in
                    urgent.tagged(vlan == 0 ? nil : vlan, priority: tag == nil ? 0 : 5)
                }
                try await host.expect(urgent, into: "vm", reaches: arriving.map { ["near": $0] } ?? [:])
            }
            for vlan in [0, 7, 8, 9] as [UInt16] {
                let tag = vlan == 0 ? nil : vlan
                let flood = EthernetFrame(to: ChainHost.broadcast, from: ChainHost.outside)
                var expected = ["near": flood.tagged(tag)]
                if let seen = port.gets[vlan] { expected["vm"] = flood.tagged(seen) }
                if vlan == 0 { expected["br0"] = flood }
                try await host.expect(flood.tagged(tag), into: host.wire, reaches: expected)
                // A priority tag alone changes nothing.
                if vlan == 0 { try await host.expect(flood.tagged(0), into: host.wire, reaches: expected) }
                // Known to the neighbour's side only where the port is in the VLAN.
                guard let seen = port.gets[vlan] else { continue }
                let unicast = EthernetFrame(to: Self.mac, from: neighbour.mac ?? "")
                try await host.expect(unicast.tagged(tag), into: "near", reaches: ["vm": unicast.tagged(seen)])
            }
        }
    }

    @Test("the switch prints every flow as the program does, so that nothing looks changed that is not")
    func readBack() async throws {
        let vms = Self.ports.enumerated().map { index, port in
            var vm = port.vm
            vm.name = "vm\(index)"
            if vm.mac != nil { vm.mac = "02:00:00:00:01:\(index + 10)" }
            if index == 0 { vm.addresses = "192.0.2.1 2001:db8::1 fe80::1" }
            return vm
        }
        try await ChainHost.with(vms) { host in
            for (bridge, flows) in try await host.program().flows {
                let printed = try await host.ovs.tool(
                    "ovs-ofctl",
                    ["-O", "OpenFlow14", "--no-stats", "--no-names", "dump-flows", bridge]
                )
                // What was learned of a frame that came before all bridges had their flows is in no program.
                let lines = printed.split(separator: "\n").map { $0.drop { $0 == " " } }
                    .filter { !$0.hasPrefix("cookie=0x6f7673614") }
                #expect(lines.map(String.init).sorted() == flows.map(\.description).sorted(), "\(bridge)")
            }
        }
    }
}
