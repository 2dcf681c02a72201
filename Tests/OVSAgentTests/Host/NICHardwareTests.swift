import Glibc
import TestSupport
import Testing

@testable import OVSAgent

/// What the host tells of NICs, read from folders in the shape of the kernel's.
@Suite("NICs of the host") struct NICHardwareTests {
    @Test(
        "NICs of different drivers or vendors in one bond are warned of, those that tell neither are not",
        arguments: [
            (["eth0": .init(driver: "ixgbe", vendor: "0x8086"), "eth1": .init(driver: "ixgbe", vendor: "0x8086")], []),
            (
                ["eth0": .init(driver: "ixgbe", vendor: "0x8086"), "eth1": .init(driver: "i40e", vendor: "0x8086")],
                ["the NICs of br0-up differ in driver (eth0 ixgbe, eth1 i40e): a bond wants equal ones"]
            ),
            (
                ["eth0": .init(driver: "ixgbe", vendor: "0x8086"), "eth1": .init(driver: "tg3", vendor: "0x14e4")],
                [
                    "the NICs of br0-up differ in driver (eth0 ixgbe, eth1 tg3): a bond wants equal ones",
                    "the NICs of br0-up differ in vendor (eth0 0x8086, eth1 0x14e4): a bond wants equal ones",
                ]
            ),
            (["eth0": .init(driver: "ixgbe", vendor: "0x8086"), "eth1": .init()], []),
            (["eth0": .init(driver: "ixgbe"), "eth9": .init(driver: "tg3")], []),
            ([:], []),
        ] as [([String: NICHardware], [String])]
    )
    func warnings(hardware: [String: NICHardware], expected: [String]) throws {
        let lane = try #require(Lane(0))
        let uplink = Layout.Uplink(name: "br0-up", nics: .list(["eth0", "eth1"]))
        let topology = Topology(
            replica: PlanDatabase("bridge br0\n port br0-up\n interface eth0\n interface eth1").replica,
            layout: Layout(virtualSwitches: [.init(name: "vs0", lane: lane, uplink: uplink)]),
            chain: nil
        )
        #expect(topology.warnings(hardware) == expected)
    }

    @Test(
        "an agent tells of a layout's NICs that differ, as soon as they are there",
        .enabled(if: PrivateSwitch.reasonToSkip == nil),
        .timeLimit(.minutes(5))
    )
    func found() async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            let folder = try RunningAgent.configuration(ovs).nicFolder
            try makeNIC("eth0", driver: "ixgbe", vendor: "0x8086\n", in: folder)
            #expect(NICHardware(of: "eth0", in: folder) == NICHardware(driver: "ixgbe", vendor: "0x8086"))
            #expect(NICHardware(of: "eth1", in: folder) == NICHardware())
            try await RunningAgent.with(ovs, layout: .oneSwitch) { agent in
                try await agent.waitForState("in-sync")
                try makeNIC("eth1", driver: "tg3", vendor: nil, in: folder)
                try await agent.ask("reload")
                try await agent.waitForState("in-sync", warning: "differ in driver (eth0 ixgbe, eth1 tg3)")
            }
        }
    }

    /// A NIC as sysfs shows it: its folder holds a link to the driver's, and a file with the vendor's ID.
    private func makeNIC(_ name: String, driver: String, vendor: String?, in folder: String) throws {
        for path in [folder, "\(folder)/\(name)", "\(folder)/\(name)/device"] where mkdir(path, 0o700) != 0 {
            guard errno == EEXIST else { throw PrivateSwitchError.system("make folder \(path)", errno) }
        }
        let link = "\(folder)/\(name)/device/driver"
        guard symlink("../../../bus/pci/drivers/\(driver)", link) == 0 else {
            throw PrivateSwitchError.system("link \(link)", errno)
        }
        if let vendor { try write(vendor, to: "\(folder)/\(name)/device/vendor") }
    }
}
