// Layouts that are refused or warned of, as tables: the YAML, where the finding must stand, what it must say.

import Testing

@testable import OVSAgent

@Suite struct LayoutRefusalTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var yaml: String
        var position: String
        var fragment: String

        init(_ yaml: String, _ position: String, _ fragment: String) {
            self.yaml = yaml
            self.position = position
            self.fragment = fragment
        }

        static func uplink(_ lines: String, _ position: String, _ fragment: String) -> Case {
            Case(layout(uplink: lines), position, fragment)
        }

        static func nics(_ text: String, _ position: String, _ fragment: String) -> Case {
            Case(layout(nics: text), position, fragment)
        }

        static func virtualSwitch(_ lines: String, _ position: String, _ fragment: String) -> Case {
            Case(layout(virtualSwitch: lines), position, fragment)
        }

        static func top(_ lines: String, _ position: String, _ fragment: String) -> Case {
            Case(layout(top: lines), position, fragment)
        }

        static func bridge(_ name: String, _ fragment: String) -> Case {
            Case("version: 1\nvirtualSwitches:\n- {bridge: \(name), name: a}\n", "3:12", fragment)
        }

        static func address(_ text: String, _ fragment: String) -> Case {
            .top("managementBridge:\n  name: virbr0\n  address: \(text)", "9:12", fragment)
        }

        var testDescription: String { "\(position) \(fragment)" }
    }

    private func check(_ severity: Diagnostic.Severity, _ expected: Case) {
        let outcome = parse(expected.yaml)
        let found = outcome.findings.map(\.description)
        #expect(found.count == 1, "\(found)")
        let wanted = "layout.yaml:\(expected.position): \(severity): "
        #expect(found.first?.hasPrefix(wanted) == true, "wanted \(wanted), found \(found)")
        #expect(found.first?.contains(expected.fragment) == true, "wanted \(expected.fragment), found \(found)")
        #expect(found.allSatisfy { !$0.contains("\n") })
        #expect((outcome.layout == nil) == (severity == .error))
    }

    // MARK: - Shape

    @Test(arguments: [
        Case(
            "virtualSwitches: [{name: a, bridge: br0}]\n",
            "1:1",
            "version is missing in the layout's top level: add it"
        ),
        Case(
            "version: 2\nvirtualSwitches: [{name: a, bridge: br0}]\n",
            "1:10",
            "version is \"2\", wanted 1: this agent reads no other"
        ),
        Case("version: '1'\nvirtualSwitches: [{name: a, bridge: br0}]\n", "1:10", "remove the quotes"),
        Case("version: 1\n", "1:1", "virtualSwitches is missing"),
        Case("# only this\nversion: 1\n", "2:1", "virtualSwitches is missing"),
        Case("version: 1\nvirtualSwitches: []\n", "2:18", "at least one virtual switch"),
        Case("version: 1\nvirtualSwitches:\n", "2:1", "virtualSwitches has no value"),
        Case("version: 1\nvirtualSwitches: vs0\n", "2:18", "virtualSwitches is \"vs0\", wanted a list"),
        Case("version: 1\nvirtualSwitches: {name: a, bridge: br0}\n", "2:18", "is a mapping, wanted a list"),
        Case("version: 1\nvirtualSwitches: [vs0]\n", "2:19", "the virtual switch is \"vs0\", wanted a mapping"),
        Case("version: 1\nvirtualSwitches:\n- \n", "3:2", "the virtual switch is nothing, wanted a mapping"),
        Case("- version: 1\n", "1:1", "the layout is a list, wanted a mapping"),
        Case("hello world\n", "1:1", "the layout is \"hello world\", wanted a mapping"),
        Case("version: 1\nvirtualSwitches:\n- bridge: br0\n", "3:3", "name is missing in a virtual switch"),
        Case("version: 1\nvirtualSwitches:\n- name: a\n", "3:3", "bridge is missing in a virtual switch"),
        .virtualSwitch("uplnk: {}", "7:5", "unknown key \"uplnk\" in a virtual switch: did you mean uplink?"),
        .virtualSwitch("hostvlan: 5", "7:5", "did you mean hostVlan?"),
        .virtualSwitch("mode: active-backup", "7:5", "it belongs in an uplink"),
        .virtualSwitch("colour: red", "7:5", "known here: name, bridge, mtu, hostVlan, uplink"),
        .uplink("nic: [eth0]", "7:7", "did you mean nics?"),
        .uplink("laacp: off", "7:7", "did you mean lacp?"),
        .uplink("pirmary: eth0", "7:7", "did you mean primary?"),
        .uplink("mode: active-backup\nmode: active-backup", "8:7", "\"mode\" is given twice, first at 7:7"),
        .uplink("mode:", "7:7", "mode has no value"),
        .uplink("mode: ~", "7:7", "mode has no value"),
        .uplink("mode: [active-backup]", "7:13", "mode is a list, wanted active-backup, balance-slb or balance-tcp"),
        .top("network: []", "7:1", "did you mean networks?"),
        .top("chain: {}", "7:1", "unknown key \"chain\""),
        .top("networks: {a: 1}", "7:11", "networks is a mapping, wanted a list"),
        .top("managementBridge: virbr0", "7:19", "write its keys (name, address) below it"),
        .top("managementBridge: {}", "7:19", "name is missing in managementBridge"),
    ])
    func `a layout of the wrong shape is refused where it goes wrong`(_ expected: Case) {
        check(.error, expected)
    }

    // MARK: - Values

    @Test(
        arguments: [
            .top("datapath: kernel", "7:11", "datapath is \"kernel\", wanted system, netdev or dummy"),
            .top("datapath: Netdev", "7:11", "did you mean netdev?"),
            .virtualSwitch("mtu: 67", "7:10", "mtu is \"67\", wanted a whole number of bytes from 68 to 65535"),
            .virtualSwitch("mtu: 65536", "7:10", "wanted a whole number of bytes from 68 to 65535"),
            .virtualSwitch("mtu: 1500.0", "7:10", "use decimal digits only"),
            .virtualSwitch("mtu: 0x5dc", "7:10", "use decimal digits only"),
            .virtualSwitch("mtu: 01500", "7:10", "drop the leading zeros"),
            .virtualSwitch(
                "mtu: \"1500\"",
                "7:10",
                "the quoted text \"1500\", wanted a whole number of bytes from 68 to 65535"
            ),
            .virtualSwitch("hostVlan: 4095", "7:15", "wanted a whole number from 0 to 4094"),
            .virtualSwitch("hostVlan: -1", "7:15", "wanted a whole number from 0 to 4094"),
            .virtualSwitch("hostVlan: 99999999999999999999", "7:15", "choose a number in that range"),
            .virtualSwitch("hostVlan: [1]", "7:15", "hostVlan is a list"),
            .uplink("mode: balance_tcp", "7:13", "did you mean balance-tcp?"),
            .uplink("mode: 802.3ad", "7:13", "wanted active-backup, balance-slb or balance-tcp"),
            .uplink("lacp: on", "7:13", "lacp is \"on\", wanted off, active or passive"),
            .uplink("lacp: Active", "7:13", "did you mean active?"),
            .uplink("lacp: active\nlacpRate: quick", "8:17", "wanted fast or slow"),
            .uplink("lacp: active\nlacpFallback: 1", "8:21", "wanted true or false"),
            .uplink("adopt: 'true'", "7:14", "remove the quotes"),
            .uplink("adopt: y", "7:14", "adopt is \"y\", wanted true or false"),
            .uplink("upDelay: 100ms", "7:16", "wanted a whole number of milliseconds from 0 to 600000"),
            .uplink("downDelay: 600001", "7:18", "wanted a whole number of milliseconds from 0 to 600000"),
            .nics("[]", "6:13", "nics is a list, wanted all"),
            .nics("{}", "6:13", "write all to take every NIC"),
            .nics("[all]", "6:13", "write all without the list"),
            .nics("eth0", "6:13", "put [ ] around the name"),
            .nics("{speed: 10G}", "6:14", "unknown key \"speed\" in a filter of NICs"),
            .nics("{minSpeed: 10Gb}", "6:24", "wanted a link's speed such as 100M, 2.5G, 10G"),
            .nics("{minSpeed: 10g}", "6:24", "write the unit as M or G"),
            .nics("{minSpeed: '1000'}", "6:24", "remove the quotes"),
            .nics("{minSpeed: 0}", "6:24", "wanted a whole number of Mbit/s from 1 to 1000000"),
            .nics("{minSpeed: 2.0001G}", "6:24", "whole Mbit/s"),
            .nics("{minSpeed: 0M}", "6:24", "1 to 1000000"),
            .nics("{minSpeed: .5G}", "6:24", "wanted a link's speed"),
            .nics("{linkUp: maybe}", "6:22", "wanted true or false"),
            .address("192.168.5.1", "add the prefix length, such as /24"),
            .address("fd00::1", "add the prefix length, such as /64"),
            .address("192.168.5.1/33", "wanted a prefix length from 1 to 32"),
            .address("192.168.5.1/024", "wanted a prefix length from 1 to 32"),
            .address("192.168.5.1/24/1", "add the prefix length"),
            .address("192.168.5/24", "write an IPv4 or IPv6 address"),
            .address("192.168.5.0/24", "this is the network's own address"),
            .address("192.168.5.255/24", "this is the network's broadcast address"),
            .address("127.0.0.1/8", "this is the loopback"),
            .address("\"::1/128\"", "this is the loopback"),
            .address("224.0.0.1/24", "multicast or reserved"),
            .address("ff02::1/64", "multicast or reserved"),
            .address("0.0.0.0/24", "no address"),
        ].filter { !$0.position.isEmpty } as [Case]
    )
    func `a wrong value is refused with what was found, wanted and the remedy`(_ expected: Case) {
        check(.error, expected)
    }

    // MARK: - Names

    @Test(
        arguments: [
            .bridge("br1000", "bridge is \"br1000\", wanted brN with N from 0 to 999"),
            .bridge("br07", "wanted brN with N from 0 to 999"),
            .bridge("br-1", "wanted brN"),
            .bridge("br", "wanted brN"),
            .bridge("ovsbr0", "wanted brN"),
            .bridge("br0.local", "wanted brN"),
            .bridge("[br0]", "bridge is a list, wanted text"),
            .nics("[eth0, enp129s0f1np1v10]", "6:20", "it has 16 bytes, shorten it to 15"),
            .nics("[eth0, 'eth 1']", "6:20", "remove the \" \" in it"),
            .nics("[eth0, eth/1]", "6:20", "remove the \"/\" in it"),
            .nics("[eth0, 'eth:1']", "6:20", "remove the \":\" in it"),
            .nics("[eth0, \"eth\\e1\"]", "6:20", "remove the \"\\u{1B}\" in it"),
            .nics("[eth0, ..]", "6:20", "give it a name"),
            .nics("[eth0, '']", "6:20", "give it a name"),
            .nics("[eth0, ~]", "6:20", "the NIC is nothing"),
            .nics("[eth0, [eth1]]", "6:20", "the NIC is a list, wanted text"),
            .nics("[eth0, lo]", "6:20", "belongs to the system"),
            .nics("[eth0, br5]", "6:20", "the agent itself uses this name"),
            .nics("[eth0, br.mx]", "6:20", "the agent itself uses this name"),
            .nics("[eth0, br0.local.n]", "6:20", "the agent itself uses this name"),
            .uplink("name: br.microseg", "7:13", "the agent uses this one"),
            .uplink("name: br0", "7:13", "the agent uses this one"),
            .uplink("name: br12.dmx.s", "7:13", "the agent uses this one"),
            .uplink("name: br1-up", "7:13", "this one is for the uplink of br1"),
            .uplink("name: up/0", "7:13", "remove the \"/\" in it"),
            .uplink("name: ''", "7:13", "give it a name"),
            .top("managementBridge: {name: br0.local}", "7:26", "the agent itself uses this name"),
            .top("managementBridge: {name: br.nf}", "7:26", "the agent itself uses this name"),
            .top("managementBridge: {name: eth1}", "7:26", "also a NIC of the uplink at 6:20"),
            .top("managementBridge: {name: br0-up}", "7:26", "also an uplink"),
            .top("networks: [{name: ' a', virtualSwitch: vs0, vlan: 1}]", "7:19", "remove the outer spaces"),
            .top("networks: [{name: \"a\\tb\", virtualSwitch: vs0, vlan: 1}]", "7:19", "remove the \"\\t\" in it"),
        ] as [Case]
    )
    func `a name that cannot be used is refused`(_ expected: Case) {
        check(.error, expected)
    }

    // MARK: - Contradictions

    private static func two(_ first: String, _ second: String) -> String {
        "version: 1\nvirtualSwitches:\n- \(first)\n- \(second)\n"
    }

    @Test(
        arguments: [
            .uplink("mode: balance-tcp", "7:13", "balance-tcp without LACP cannot pass traffic: add 'lacp: active'"),
            .uplink("lacp: off\nmode: balance-tcp", "8:13", "balance-tcp without LACP"),
            .uplink("primary: eth2", "7:16", "primary is \"eth2\", which is no member: did you mean \"eth0\"?"),
            .uplink("primary: wlan7", "7:16", "choose one of \"eth0\", \"eth1\", or add it to nics"),
            .nics("[eth0, eth1, eth0]", "6:26", "the NIC \"eth0\" is twice in this uplink, first at 6:14"),
            Case(
                two(
                    "{name: a, bridge: br0, uplink: {nics: [e0, e1]}}",
                    "{name: b, bridge: br1, uplink: {nics: [e2, e1]}}"
                ),
                "4:46",
                "the NIC \"e1\" is in two uplinks, first at 3:46"
            ),
            Case(
                two(
                    "{name: a, bridge: br0, uplink: {nics: [e0, e1]}}",
                    "{name: b, bridge: br1, uplink: {nics: [e2, br0-up]}}"
                ),
                "4:46",
                "has the name of another virtual switch's uplink"
            ),
            Case(
                two(
                    "{name: a, bridge: br0, uplink: {name: u, nics: [e0, e1]}}",
                    "{name: b, bridge: br1, uplink: {name: u, nics: [e2, e3]}}"
                ),
                "4:41",
                "the uplink \"u\" is named twice, first at 3:41"
            ),
            Case(
                two("{name: a, bridge: br3}", "{name: b, bridge: br3}"),
                "4:21",
                "the bridge \"br3\" is named twice, first at 3:21"
            ),
            Case(
                two("{name: a, bridge: br0}", "{name: a, bridge: br1}"),
                "4:10",
                "the virtual switch \"a\" is named twice"
            ),
            .top(
                "networks:\n- {name: n, virtualSwitch: vs0, vlan: 1}\n- {name: n, virtualSwitch: vs0, vlan: 2}",
                "9:10",
                "the network \"n\" is named twice, first at 8:10"
            ),
            .top(
                "networks: [{name: n, virtualSwitch: vs1, vlan: 1}]",
                "7:37",
                "which this layout does not have: did you mean \"vs0\"?"
            ),
            .top("networks: [{name: n, virtualSwitch: other, vlan: 1}]", "7:37", "choose one of \"vs0\", or add it"),
            .top(
                "networks: [{name: n, virtualSwitch: vs0, vlan: 4095}]",
                "7:48",
                "wanted a whole number from 0 to 4094"
            ),
            .top("networks: [{name: n, virtualSwitch: vs0}]", "7:12", "vlan is missing in a network"),
        ] as [Case]
    )
    func `values that contradict each other are refused`(_ expected: Case) {
        check(.error, expected)
    }

    @Test(arguments: ["active", "passive"])
    func `balance-slb with LACP is refused at the LACP`(_ lacp: String) {
        let findings = parse(layout(uplink: "mode: balance-slb\nlacp: \(lacp)")).findings
        #expect(findings.map(\.severity) == [.warning, .error])
        #expect(
            findings.last?.description.hasPrefix("layout.yaml:8:13: error: LACP with balance-slb contradicts") == true
        )
    }

    @Test(
        arguments: [
            .nics("[eth0]", "6:13", "one NIC only"),
            .uplink("mode: balance-slb", "7:13", "balance-slb breaks multicast"),
            .uplink("mode: balance-tcp\nlacp: active\nprimary: eth0", "9:16", "primary has no effect in balance-tcp"),
            .uplink("lacpRate: fast", "7:17", "lacpRate has no effect without LACP"),
            .uplink("lacp: off\nlacpFallback: false", "8:21", "lacpFallback has no effect without LACP"),
        ] as [Case]
    )
    func `a doubtful choice is accepted with a warning`(_ expected: Case) {
        check(.warning, expected)
    }

    // MARK: - Many at once

    @Test func `one pass reports every mistake in the order of the file`() {
        let outcome = parse(
            """
            version: 1
            datapth: system
            managementBridge: {name: virbr0, address: nowhere}
            virtualSwitches:
              - name: a
                bridge: eth0
                mtu: big
                uplink:
                  nics: [e0, e0, lo]
                  mode: balance-tcp
                  lacp: sometimes
                  adopt: perhaps
              - name: a
                hostVlan: 5000
            networks:
              - {name: n, virtualSwitch: b, vlan: 27, vlan: 28}
            """
        )
        #expect(
            outcome.errors.map { "\($0.line):\($0.column)" } == [
                "2:1", "3:43", "6:13", "7:10", "9:18", "9:22", "11:13", "12:14", "13:5", "13:11", "14:15", "16:30",
                "16:43",
            ]
        )
    }

    @Test func `a wrong value is reported once, not again by every rule that needs it`() {
        // The mode needs LACP and the primary a member, but what both were meant to be is not known.
        let outcome = parse(layout(nics: "[eth0, 'e 1']", uplink: "mode: balance-tcp\nlacp: maybe"))
        #expect(outcome.errors.map { "\($0.line):\($0.column)" } == ["6:20", "8:13"])
        let primary = parse(layout(nics: "[eth0, 'e 1']", uplink: "primary: e1"))
        #expect(primary.errors.map { "\($0.line):\($0.column)" } == ["6:20"])
    }
}
