import Glibc
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// What stops frames though every row is as wanted, as a table: a database in text, and what is said of it.
@Suite("Blockages")
struct BlockageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Of the bond's Port, beside its name.
        var bond = ""
        /// Of its two interfaces.
        var members: [String]
        /// Words of each line, in order.
        var said: [String] = []
    }

    private static let up = "link_state=up admin_state=up mac_in_use=02:00:00:00:00:01 ifindex=3 ofport=1"
    private static let down = "link_state=down admin_state=up mac_in_use=02:00:00:00:00:01 ifindex=3 ofport=1"
    private static let off = "link_state=down admin_state=down mac_in_use=02:00:00:00:00:01 ifindex=3 ofport=1"
    private static let gone = "link_state=down admin_state=down ifindex=0 ofport=1"

    static let cases = [
        Case(testDescription: "both links", members: [up, up]),
        Case(testDescription: "one link of two", members: [down, up]),
        Case(testDescription: "one link of one", members: [up]),
        Case(
            testDescription: "no link",
            members: [down, down],
            said: ["Port br0-up: no NIC of it has a link (eth0, eth1), so nothing reaches the wire: look at the cables"]
        ),
        Case(testDescription: "no link of one", members: [down], said: ["no NIC of it has a link (eth0)"]),
        Case(
            testDescription: "all set down",
            members: [off, off],
            said: ["set them up: ip link set eth0 up; ip link set eth1 up"]
        ),
        Case(testDescription: "not looked at yet", members: ["", ""]),
        Case(
            testDescription: "one device gone",
            members: [up, gone],
            said: ["Interface eth1: its device is gone"]
        ),
        Case(
            testDescription: "the only device gone",
            members: [gone],
            said: ["Interface eth0: its device is gone", "no NIC of it has a link"]
        ),
        // On the dummy datapath no device has a number.
        Case(
            testDescription: "no number",
            members: ["link_state=up admin_state=up mac_in_use=aa:55:aa:55:00:01 ifindex=0 ofport=1"]
        ),
        Case(
            testDescription: "LACP without a partner",
            bond: "lacp=active",
            members: ["\(up) lacp_current=false", "\(up) lacp_current=false"],
            said: ["Port br0-up: LACP is active and no partner answers on eth0, eth1, so nothing reaches the wire"]
        ),
        Case(
            testDescription: "passive LACP without a partner",
            bond: "lacp=passive",
            members: ["\(up) lacp_current=false", "\(up) lacp_current=false"],
            said: ["LACP is passive"]
        ),
        Case(
            testDescription: "a partner on one",
            bond: "lacp=active",
            members: ["\(up) lacp_current=false", "\(up) lacp_current=true"]
        ),
        Case(
            testDescription: "a partner on the one without a link",
            bond: "lacp=active",
            members: ["\(up) lacp_current=false", "\(down) lacp_current=true"],
            said: ["LACP is active"]
        ),
        Case(
            testDescription: "LACP that falls back",
            bond: "lacp=active other_config:lacp-fallback-ab=true",
            members: ["\(up) lacp_current=false", "\(up) lacp_current=false"]
        ),
        Case(
            testDescription: "LACP of one NIC, which is no bond",
            bond: "lacp=active",
            members: ["\(up) lacp_current=false"]
        ),
        Case(testDescription: "LACP that has not begun", bond: "lacp=active", members: [up, up]),
        Case(
            testDescription: "balance-tcp without LACP",
            bond: "bond_mode=balance-tcp",
            members: [up, up],
            said: ["Port br0-up: bond_mode is balance-tcp without LACP, with which ovs-vswitchd takes nothing in"]
        ),
        Case(
            testDescription: "balance-tcp without LACP, which falls back in LACP only",
            bond: "bond_mode=balance-tcp lacp=off other_config:lacp-fallback-ab=true",
            members: [up, up],
            said: ["balance-tcp without LACP"]
        ),
        Case(testDescription: "balance-tcp of one NIC, which is no bond", bond: "bond_mode=balance-tcp", members: [up]),
        Case(testDescription: "BFD that hears nobody on one", members: ["\(up) bfd_status:forwarding=false", up]),
        Case(
            testDescription: "BFD that hears nobody on the one with a link",
            members: ["\(up) bfd_status:forwarding=false", down],
            said: ["Port br0-up: BFD or CFM hears nobody on eth0, so the bond uses none: look at the other end, or"]
        ),
        Case(
            testDescription: "CFM and BFD that hear nobody",
            members: ["\(up) cfm_fault=true", "\(up) bfd_status:forwarding=false"],
            said: ["hears nobody on eth0, eth1, so the bond uses none"]
        ),
        Case(
            testDescription: "BFD and CFM that hear somebody",
            members: ["\(up) cfm_fault=false", "\(up) bfd_status:forwarding=true"]
        ),
        Case(testDescription: "BFD of one NIC, which is no bond", members: ["\(up) bfd_status:forwarding=false"]),
        Case(
            testDescription: "LACP and BFD that hear nobody",
            bond: "lacp=active",
            members: [
                "\(up) lacp_current=false bfd_status:forwarding=false",
                "\(up) lacp_current=false bfd_status:forwarding=false",
            ],
            said: ["BFD or CFM hears nobody"]
        ),
    ]

    private static func layout(_ nics: [String]) throws -> Layout {
        Layout(
            virtualSwitches: [
                Layout.VirtualSwitch(
                    name: "vs0",
                    lane: try #require(Lane(0)),
                    uplink: Layout.Uplink(name: "br0-up", nics: .list(nics))
                )
            ],
            networks: []
        )
    }

    private static func replica(_ bond: String, _ members: [String], datapath: String = "system") -> Replica {
        let interfaces = members.enumerated().map { "    interface eth\($0) \($1)" }
        return PlanDatabase(
            """
            bridge br0 datapath_type=\(datapath)
              port br0 tag=0
                interface br0 type=internal
              port br0-up \(bond)
            \(interfaces.joined(separator: "\n"))
            """
        ).replica
    }

    @Test("an uplink through which nothing passes is told, with what to do", arguments: cases)
    func uplink(_ one: Case) throws {
        let layout = try Self.layout(one.members.indices.map { "eth\($0)" })
        let found = Blockage.all(in: Self.replica(one.bond, one.members), layout, UplinkDevices()).map(\.reason.line)
        #expect(found.count == one.said.count, "\(found)")
        for (line, words) in zip(found, one.said) { #expect(line.contains(words), "\(line)") }
    }

    @Test("a device that was made anew under its name is told until ovs-vswitchd is started anew")
    func replaced() throws {
        let layout = try Self.layout(["eth0", "eth1"])
        func member(_ number: Int) -> String {
            number == 0 ? Self.gone : Self.up.replacing("ifindex=3", with: "ifindex=\(number)")
        }
        var devices = UplinkDevices()
        func told(_ numbers: [Int], datapath: String = "netdev") -> [String] {
            let replica = Self.replica("", numbers.map(member), datapath: datapath)
            devices.look(at: replica, layout)
            return Blockage.all(in: replica, layout, devices).map(\.reason.line).filter { $0.contains("made anew") }
        }
        #expect(told([3, 4]).isEmpty)
        #expect(told([0, 4]).isEmpty)
        #expect(
            told([5, 4]) == [
                "Interface eth0: its device was made anew, and ovs-vswitchd still listens to the one "
                    + "that went: restart ovs-vswitchd, which opens it anew"
            ]
        )
        #expect(told([5, 6]).count == 2)
        // The connection to a bridge alone says nothing.
        devices.switchWent()
        #expect(told([5, 6]).count == 2)
        devices.settle(.same)
        #expect(told([5, 6]).count == 2)
        devices.switchWent()
        devices.settle(.another)
        #expect(told([5, 6]).isEmpty)
        // What an agent saw that began while ovs-vswitchd was away says nothing of the one that came.
        #expect(told([7, 6]).count == 1)
        for (finding, count) in [(SwitchWatch.Finding.first, 1), (.unknown, 1)] {
            devices.settle(finding)
            #expect(told([7, 6]).count == count)
        }
        devices.switchWent()
        devices.settle(.unknown)
        #expect(told([7, 6]).count == 1)
        devices.switchWent()
        devices.settle(.first)
        #expect(told([7, 6]).isEmpty)
        // The kernel's datapath opens it by itself.
        devices = UplinkDevices()
        #expect(told([3, 4], datapath: "system").isEmpty)
        #expect(told([5, 6], datapath: "system").isEmpty)
    }

    @Test("an agent that begins learns from the kernel which devices ovs-vswitchd does not listen to")
    func unheard() throws {
        let layout = try Self.layout(["eth0", "eth1"])
        var devices = UplinkDevices()
        func told(_ numbers: [Int], listening: Set<Int64>? = nil, datapath: String = "netdev") -> [String] {
            let members = numbers.map { Self.up.replacing("ifindex=3", with: "ifindex=\($0)") }
            let replica = Self.replica("", members, datapath: datapath)
            if let listening { devices.compare(UplinkDevices.numbers(in: replica, layout), listening: listening) }
            devices.look(at: replica, layout)
            return devices.replaced.sorted()
        }
        #expect(told([5, 4], listening: [4]) == ["eth0"])
        #expect(told([5, 4]) == ["eth0"])
        #expect(told([5, 4], listening: [4, 5, 9]) == [])
        #expect(told([5, 4], listening: []) == ["eth0", "eth1"])
        devices.switchWent()
        devices.settle(.another)
        #expect(told([5, 4]) == [])
        // The kernel's datapath needs no sockets.
        #expect(told([5, 4], listening: [], datapath: "system") == [])
    }

    @Test("the kernel's table of packet sockets tells a process's devices, not those that are gone or others listen to")
    func packetSockets() {
        let table = """
            sk               RefCnt Type Proto  Iface R Rmem   User   Inode
            000000005daaca37 3      3    0003   3     1 0      0      6704347
            000000005daaca38 2      3    0003   -1    0 0      0      6704348
            000000005daaca39 2      3    88cc   12    1 0      0      6704349

            """
        #expect(PacketSockets.devices(in: table, of: [6704347, 6704348, 7]) == [3])
        #expect(PacketSockets.devices(in: table, of: []) == [])
        // Whose they are may not be known.
        #expect(PacketSockets.devices(in: table, of: nil) == [3, 12])
        #expect(PacketSockets.devices(in: "sk RefCnt Iface Inode\n", of: [1]) == [])
        #expect(PacketSockets.devices(in: "sk RefCnt Type Proto  Iface R\n", of: [1]) == nil)
        #expect(PacketSockets.devices(in: "", of: [1]) == nil)
        // No ovs-vswitchd.
        #expect(PacketSockets.devices(of: getpid()) == nil)
    }

    @Test("a process's sockets are found by their inodes, and nobody's are not")
    func sockets() throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        #expect(PacketSockets.sockets(of: getpid())?.contains(UInt64(status.st_ino)) == true)
        #expect(PacketSockets.sockets(of: Int32.max) == nil)
    }

    @Test("ovs-vswitchd that waits for a restore is told")
    func restore() throws {
        let replica = PlanDatabase("root other_config:flow-restore-wait=true").replica
        let lines = Blockage.all(in: replica, try Self.layout(["eth0"]), UplinkDevices()).map(\.reason.line)
        #expect(lines.contains { $0.contains("remove Open_vSwitch . other_config flow-restore-wait") }, "\(lines)")
    }
}
