import TestSupport
import Testing

@testable import OVSAgent

/// What the rows of brN show that can keep frames from where they should go, as a table.
@Suite("Doubts")
struct DoubtsTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Of the rows of br0, br0's Port and br0-up's Port.
        var bridge = ""
        var host = "tag=0"
        var uplink = ""
        /// Of the interfaces br0 and eth0.
        var hostDevice = ""
        var nic = ""
        /// More ports of br0, and of br0.local.
        var direct: [String] = []
        var vms: [String] = []
        /// Words of each line, in order.
        var said: [String] = []
    }

    private static let vm = "port vnet0 tag=10\n    interface vnet0 external_ids:iface-id=web"

    static let cases = [
        Case(testDescription: "an ordinary host", direct: ["port tap9 tag=5\n    interface tap9"], vms: [vm]),
        Case(testDescription: "an uplink that lists every VLAN in use", uplink: "trunks=0,10,27", vms: [vm]),
        Case(
            testDescription: "an uplink with an access tag",
            uplink: "tag=10",
            vms: [vm],
            said: [
                "Port br0-up carries VLAN 10 only, so that VLAN 0, 27, in use here, does not reach the wire: "
                    + "ovs-agentctl pause --for 600 --reason \"Port br0-up\"; ovs-vsctl clear Port br0-up tag; ovs-agentctl adopt"
            ]
        ),
        Case(
            testDescription: "an uplink whose list leaves out a VM's VLAN",
            uplink: "trunks=0,27",
            vms: [vm],
            said: ["VLAN 10, in use here"]
        ),
        Case(
            testDescription: "an uplink whose list leaves out the host's VLAN",
            host: "tag=7",
            uplink: "trunks=27",
            said: ["VLAN 7, in use here"]
        ),
        Case(
            testDescription: "an uplink with a native VLAN",
            host: "tag=10",
            uplink: "tag=10 vlan_mode=native-untagged"
        ),
        Case(
            testDescription: "an uplink that is a tunnel",
            uplink: "tag=10 vlan_mode=dot1q-tunnel",
            said: ["Port br0-up is a tunnel"]
        ),
        Case(
            testDescription: "a VM's port on br0",
            direct: ["port vnet9 tag=5\n    interface vnet9 external_ids:iface-id=mail"],
            said: [
                "Port vnet9 on br0 is a VM's (mail) and bypasses the chain, with every policy: plug it into br0.local"
            ]
        ),
        Case(
            testDescription: "the controller VM's port",
            direct: [
                """
                port vnet9 tag=5 external_ids:ovs-agent-port=controller
                    interface vnet9 external_ids:iface-id=ctl
                """
            ]
        ),
        Case(
            testDescription: "a direct port with a VM's address, however it is written",
            direct: ["port tap9 tag=5\n    interface tap9 mac_in_use=02:00:00:00:00:0a"],
            vms: [
                "port vnet0 tag=10\n    interface vnet0 external_ids:iface-id=web external_ids:attached-mac=02:00:00:00:00:0A"
            ],
            said: ["Port tap9 on br0 has the address 02:00:00:00:00:0a of VM port vnet0"]
        ),
        Case(
            testDescription: "a spanning tree",
            bridge: "stp_enable=true",
            said: ["Bridge br0 has stp_enable, with which it may block the uplink"]
        ),
        Case(testDescription: "a rapid one", bridge: "rstp_enable=true", said: ["Bridge br0 has rstp_enable"]),
        Case(testDescription: "VLANs that are not learned", bridge: "flood_vlans=10,20", said: ["flood_vlans"]),
        Case(
            testDescription: "host and uplink protected from each other",
            host: "tag=0 protected=true",
            uplink: "protected=true",
            said: ["Ports br0 and br0-up are both protected"]
        ),
        Case(testDescription: "one of them protected", uplink: "protected=true"),
        Case(
            testDescription: "a VM with the host's address",
            hostDevice: "mac_in_use=02:00:00:00:00:0a",
            vms: [
                "port vnet0 tag=10\n    interface vnet0 external_ids:iface-id=web external_ids:attached-mac=02:00:00:00:00:0A"
            ],
            said: ["Port br0 on br0 has the address 02:00:00:00:00:0a of VM port vnet0"]
        ),
        Case(
            testDescription: "a policed host port and NIC",
            hostDevice: "ingress_policing_rate=1",
            nic: "ingress_policing_kpkts_rate=2",
            said: [
                "Interface br0 drops what comes in above 1 kbit/s (ingress_policing_rate): ovs-vsctl set Interface br0",
                "Interface eth0 drops what comes in above 2 thousand frames a second",
            ]
        ),
        Case(
            testDescription: "a NIC with a smaller MTU than the host's",
            hostDevice: "mtu=9000",
            nic: "mtu=1500",
            said: ["Interface eth0 has an MTU of 1500 and the host port br0 one of 9000"]
        ),
        Case(testDescription: "a NIC with a larger MTU than the host's", hostDevice: "mtu=1500", nic: "mtu=9000"),
        Case(testDescription: "multicast that is snooped", bridge: "mcast_snooping_enable=true"),
        Case(
            testDescription: "multicast that nobody asked for is kept back",
            bridge: "mcast_snooping_enable=true other_config:mcast-snooping-disable-flood-unregistered=true",
            said: ["Bridge br0 gives multicast only to who asked for it"]
        ),
    ]

    @Test("what can keep frames away is a line of the status, and an ordinary host has none", arguments: cases)
    func table(_ one: Case) throws {
        let text =
            ["bridge br0 \(one.bridge)", "  port br0 \(one.host)", "    interface br0 type=internal \(one.hostDevice)"]
            + ["  port br0-up \(one.uplink)", "    interface eth0 link_state=up \(one.nic)"]
            + one.direct.map { "  \($0)" }
            + ["bridge br0.local", "  port br0.local", "    interface br0.local type=internal"]
            + one.vms.map { "  \($0)" }
        let layout = Layout(
            virtualSwitches: [
                Layout.VirtualSwitch(
                    name: "vs0",
                    lane: try #require(Lane(0)),
                    uplink: Layout.Uplink(name: "br0-up", nics: .list(["eth0"]))
                )
            ],
            networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 27)]
        )
        let replica = PlanDatabase(text.joined(separator: "\n")).replica
        let addresses = VMPortRow.all(in: replica).compactMap { uuid, row in row.address.map { (uuid, $0) } }
        let lines = Doubts.all(in: replica, layout, addresses: addresses)
        #expect(lines.count == one.said.count, "\(lines)")
        for (line, words) in zip(lines, one.said) { #expect(line.contains(words), "\(line)") }
    }
}
