// Layouts that are accepted: the documented example, every value's spellings, and what `check` prints.

import Glibc
import Testing

@testable import OVSAgent

@Suite struct LayoutTests {
    /// The example of the documentation, word for word.
    static let example = """
        version: 1
        datapath: system                # system | netdev | dummy (tests)   (Bridge.datapath_type)
        managementBridge:               # native Linux bridge; leave out and it is not managed
          name: virbr0
          address: 192.168.5.1/24
        virtualSwitches:                # at least one
          - name: vs0
            bridge: br0                 # brN; brN.local and lane N follow from it
            mtu: 1500
            hostVlan: 0                 # the host port's VLAN; left out: as found, 0 where we make it
            uplink:
              name: br0-up              # default: <bridge>-up
              nics: all                 # all | [eth0, eth1] | {minSpeed: 10G, linkUp: true}
              mode: active-backup       # active-backup | balance-slb | balance-tcp
              lacp: "off"               # off | active | passive (a bare off, a YAML boolean to some, is accepted)
              lacpRate: fast            # fast | slow
              lacpFallback: true        # to active-backup when no partner answers
              primary: eth0             # active-backup's preferred member
              upDelay: 0                # milliseconds
              downDelay: 0
              adopt: false              # take NICs or names in use elsewhere
        networks:
          - { name: Production, virtualSwitch: vs0, vlan: 27 }

        """

    @Test func `the documented example decodes to what it says`() throws {
        let expected = Layout(
            datapath: .system,
            managementBridge: .init(name: "virbr0", address: "192.168.5.1/24"),
            virtualSwitches: [
                .init(
                    name: "vs0",
                    lane: try #require(Lane(0)),
                    mtu: 1500,
                    hostVlan: 0,
                    uplink: .init(
                        name: "br0-up",
                        nics: .discovered(minSpeedMbps: nil, linkUp: nil),
                        mode: .activeBackup,
                        lacp: .off,
                        lacpRate: .fast,
                        lacpFallback: true,
                        primary: "eth0",
                        upDelay: 0,
                        downDelay: 0,
                        adopt: false
                    )
                )
            ],
            networks: [.init(name: "Production", virtualSwitch: "vs0", vlan: 27)]
        )
        let outcome = parse(Self.example)
        #expect(outcome.layout == expected)
        // It shows every key, and so two that say nothing while LACP is off.
        #expect(outcome.findings.map { "\($0.line):\($0.column)" } == ["16:17", "17:21"])
    }

    @Test func `what the file leaves out is nil, and the uplink's name follows from the bridge`() throws {
        let outcome = parse("version: 1\nvirtualSwitches: [{name: a, bridge: br7, uplink: {nics: [e0, e1]}}]\n")
        let uplink = Layout.Uplink(name: "br7-up", nics: .list(["e0", "e1"]))
        let lane = try #require(Lane(7))
        #expect(
            outcome == .accepted(Layout(virtualSwitches: [.init(name: "a", lane: lane, uplink: uplink)]), warnings: [])
        )
    }

    @Test func `the sandbox's layout is accepted without a warning`() throws {
        // Examples stands beside Tests, three folders up from this file.
        let folder = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let bytes = try contents(of: "/\(folder)/Examples/layout.yaml")
        let outcome = LayoutParser.parse(bytes, file: "layout.yaml")
        #expect(outcome.findings == [])
        let layout = try #require(outcome.layout)
        #expect(layout.datapath == .dummy)
        #expect(layout.virtualSwitches.map(\.uplink?.nics) == [.list(["eth0", "eth1"])])
    }

    /// Uplink lines, and what must come of them.
    struct Accepted: CustomTestStringConvertible, Sendable {
        var yaml: String
        var expected: @Sendable (Layout) -> Bool

        init(_ yaml: String, _ expected: @escaping @Sendable (Layout) -> Bool) {
            self.yaml = yaml
            self.expected = expected
        }

        /// A case about one uplink.
        static func uplink(_ lines: String, _ expected: @escaping @Sendable (Layout.Uplink) -> Bool) -> Accepted {
            Accepted(OVSAgentTests.layout(uplink: lines)) { $0.virtualSwitches[0].uplink.map(expected) ?? false }
        }

        /// A case about the selection of NICs.
        static func nics(_ text: String, _ expected: Layout.NICSelection) -> Accepted {
            Accepted(OVSAgentTests.layout(nics: text)) { $0.virtualSwitches[0].uplink?.nics == expected }
        }

        var testDescription: String { yaml }
    }

    @Test(
        arguments: [
            .uplink("lacp: off") { $0.lacp == .off },
            .uplink("lacp: 'off'") { $0.lacp == .off },
            .uplink("lacp: active\nlacpRate: slow\nlacpFallback: yes") {
                $0.lacpRate == .slow && $0.lacpFallback == true
            },
            .uplink("lacp: passive\nmode: balance-tcp") { $0.mode == .balanceTCP && $0.lacp == .passive },
            .uplink("adopt: true") { $0.adopt },
            .uplink("adopt: True") { $0.adopt },
            .uplink("adopt: YES") { $0.adopt },
            .uplink("adopt: on") { $0.adopt },
            .uplink("adopt: No") { !$0.adopt },
            .uplink("adopt: OFF") { !$0.adopt },
            .uplink("adopt: False") { !$0.adopt },
            .uplink("name: bond0") { $0.name == "bond0" },
            .uplink("name: br0-up") { $0.name == "br0-up" },
            .uplink("upDelay: 600000\ndownDelay: 31000") { $0.upDelay == 600_000 && $0.downDelay == 31_000 },
            .uplink("\"primary\": eth1") { $0.primary == "eth1" },
            .nics("all", .discovered(minSpeedMbps: nil, linkUp: nil)),
            .nics("{minSpeed: 10G, linkUp: true}", .discovered(minSpeedMbps: 10_000, linkUp: true)),
            .nics("{minSpeed: 100M}", .discovered(minSpeedMbps: 100, linkUp: nil)),
            .nics("{minSpeed: 1G}", .discovered(minSpeedMbps: 1000, linkUp: nil)),
            .nics("{minSpeed: 2.5G}", .discovered(minSpeedMbps: 2500, linkUp: nil)),
            .nics("{minSpeed: '25G'}", .discovered(minSpeedMbps: 25_000, linkUp: nil)),
            .nics("{minSpeed: 40000}", .discovered(minSpeedMbps: 40_000, linkUp: nil)),
            .nics("{linkUp: no}", .discovered(minSpeedMbps: nil, linkUp: false)),
            .nics("[enp3s0f0np0, \"eth0.100\"]", .list(["enp3s0f0np0", "eth0.100"])),
            Accepted(layout(virtualSwitch: "hostVlan: 4094\nmtu: 68")) {
                $0.virtualSwitches[0].hostVlan == 4094 && $0.virtualSwitches[0].mtu == 68
            },
            Accepted(layout(virtualSwitch: "mtu: 65535")) { $0.virtualSwitches[0].mtu == 65535 },
            Accepted(layout(top: "networks: []")) { $0.networks == [] },
            Accepted(layout(top: "networks:\n- {name: Untagged Ünïcode, virtualSwitch: vs0, vlan: 0}")) {
                $0.networks == [.init(name: "Untagged Ünïcode", virtualSwitch: "vs0", vlan: 0)]
            },
            Accepted(layout(top: "datapath: netdev")) { $0.datapath == .netdev },
            Accepted(layout(top: "managementBridge: {name: virbr0}")) {
                $0.managementBridge == .init(name: "virbr0", address: nil)
            },
            Accepted(layout(top: "managementBridge: {name: virbr0, address: fd00::1/64}")) {
                $0.managementBridge?.address == "fd00::1/64"
            },
            Accepted(layout(top: "managementBridge: {name: virbr0, address: 10.0.0.0/31}")) {
                $0.managementBridge?.address == "10.0.0.0/31"
            },
            Accepted("---\nversion: 1\nvirtualSwitches: [{name: a, bridge: br999}]\n...\n") {
                $0.virtualSwitches[0].uplink == nil && $0.virtualSwitches[0].lane == Lane(999)
            },
            Accepted("\u{FEFF}version: 1\r\nvirtualSwitches:\r\n- name: a\r\n  bridge: br1\r\n") {
                $0.virtualSwitches[0].lane == Lane(1)
            },
        ] as [Accepted]
    )
    func `a valid value is taken, in each spelling`(_ accepted: Accepted) throws {
        let outcome = parse(accepted.yaml)
        #expect(outcome.findings == [])
        #expect(accepted.expected(try #require(outcome.layout)))
    }

    @Test func `a check prints its findings and a verdict`() {
        let good = LayoutCheck(contents: Array(layout(nics: "[eth0]").utf8), file: "a.yaml")
        #expect(good.isAccepted)
        #expect(good.findings.count == 1)
        #expect(good.findings[0].hasPrefix("a.yaml:6:13: warning: one NIC only"))
        #expect(good.summary == "a.yaml: accepted, 1 virtual switch, 0 networks")

        let bad = LayoutCheck(contents: Array("version: 2\nvirtualSwitches: []\n".utf8), file: "/etc/b.yaml")
        #expect(!bad.isAccepted)
        #expect(bad.findings.count == 2)
        #expect(bad.findings[0].hasPrefix("/etc/b.yaml:1:10: error: version is \"2\", wanted "))
        #expect(bad.findings[1].hasPrefix("/etc/b.yaml:2:18: error: virtualSwitches is empty"))
        #expect(bad.summary == "/etc/b.yaml: refused")
    }

    private func contents(of path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"), "\(path) cannot be opened")
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}
