import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// What an adopted host had and its layout leaves out holds against whatever others do.
@Suite("A plan for what was found")
struct PlanFoundTests {
    /// A column or key that counts, on a row of a host with `br0`, `br0-up`, `eth0` and `eth1`, with values to choose from.
    struct FoundCase: Sendable, CustomTestStringConvertible {
        var table: String
        var name: String
        var column: String
        var values: [String]
        var testDescription: String { "\(table) \(name) \(column)" }

        init(_ table: String, _ name: String, _ column: String, _ values: String...) {
            (self.table, self.name, self.column, self.values) = (table, name, column, values)
        }
    }

    static let cases: [FoundCase] =
        ["br0", "br0-up"].flatMap { port in
            [
                FoundCase("Port", port, "tag", "0", "5", "4094"),
                FoundCase("Port", port, "trunks", "27,100", "1", "7,8,9"),
                FoundCase(
                    "Port",
                    port,
                    "vlan_mode",
                    "access",
                    "trunk",
                    "native-tagged",
                    "native-untagged",
                    "dot1q-tunnel"
                ),
                FoundCase("Port", port, "cvlans", "3,4", "9"),
                FoundCase("Port", port, "other_config:qinq-ethtype", "802.1ad", "802.1q"),
                FoundCase("Port", port, "other_config:priority-tags", "always", "if-nonzero", "never"),
                FoundCase("Port", port, "protected", "true"),
                FoundCase("Port", port, "mac", "02:00:00:00:00:11", "02:00:00:00:00:12"),
            ]
        } + [
            FoundCase("Port", "br0-up", "bond_mode", "active-backup", "balance-slb", "balance-tcp"),
            FoundCase("Port", "br0-up", "lacp", "active", "passive", "off"),
            FoundCase("Port", "br0-up", "bond_updelay", "200", "31"),
            FoundCase("Port", "br0-up", "bond_downdelay", "200", "31"),
            FoundCase("Port", "br0-up", "bond_fake_iface", "true"),
            FoundCase("Port", "br0-up", "other_config:lacp-time", "fast", "slow"),
            FoundCase("Port", "br0-up", "other_config:lacp-fallback-ab", "true", "false"),
            FoundCase("Port", "br0-up", "other_config:lacp-system-id", "02:00:00:00:00:13", "02:00:00:00:00:14"),
            FoundCase("Port", "br0-up", "other_config:lacp-system-priority", "1", "2"),
            FoundCase("Port", "br0-up", "other_config:bond-primary", "eth0", "eth1"),
            FoundCase("Port", "br0-up", "other_config:bond-hash-basis", "1", "2"),
            FoundCase("Port", "br0-up", "other_config:bond-rebalance-interval", "0", "10000"),
            FoundCase("Port", "br0-up", "other_config:bond-detect-mode", "carrier", "miimon"),
            FoundCase("Port", "br0-up", "other_config:bond-miimon-interval", "100", "200"),
            FoundCase("Port", "br0-up", "other_config:all-members-active", "true", "false"),
            FoundCase("Port", "br0-up", "other_config:lb-output-action", "true", "false"),
            FoundCase("Interface", "br0", "mtu_request", "1400", "9000"),
            FoundCase("Interface", "br0", "mac", "02:00:00:00:00:15", "02:00:00:00:00:16"),
            FoundCase("Interface", "eth0", "mtu_request", "1400", "9000"),
            FoundCase("Interface", "eth0", "type", "dpdk", "afxdp"),
            FoundCase("Interface", "eth0", "options:dpdk-devargs", "0000:01:00.0", "0000:01:00.1"),
            FoundCase("Interface", "eth1", "other_config:lacp-port-id", "1", "2"),
            FoundCase("Interface", "eth1", "other_config:lacp-port-priority", "1", "2"),
            FoundCase("Interface", "eth1", "other_config:lacp-aggregation-key", "1", "2"),
            FoundCase("Interface", "eth1", "bfd:enable", "true", "false"),
            FoundCase(
                "Bridge",
                "br0",
                "protocols",
                "OpenFlow10,OpenFlow14",
                "OpenFlow10,OpenFlow13,OpenFlow14",
                "OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15"
            ),
            FoundCase("Bridge", "br0", "datapath_type", "netdev", "dummy"),
            FoundCase("Bridge", "br0", "flood_vlans", "3", "4,5"),
            FoundCase("Bridge", "br0", "stp_enable", "true"),
            FoundCase("Bridge", "br0", "rstp_enable", "true"),
            FoundCase("Bridge", "br0", "mcast_snooping_enable", "true"),
            FoundCase("Bridge", "br0", "other_config:forward-bpdu", "true", "false"),
            FoundCase("Bridge", "br0", "other_config:hwaddr", "02:00:00:00:00:17", "02:00:00:00:00:18"),
        ]

    /// A value of the case, or none.
    private static func value(_ test: FoundCase, _ random: inout Seeded) -> String {
        random.chance(4) ? "" : test.values.randomElement(using: &random) ?? ""
    }

    private static let rows = [
        ("Bridge", "br0"), ("Port", "br0"), ("Port", "br0-up"), ("Interface", "br0"), ("Interface", "eth0"),
        ("Interface", "eth1"),
    ]

    /// What stands on all rows that may be adopted, apart from the agent's marks and what it sets on every brN.
    private static func standing(_ database: PlanDatabase) -> [String: String] {
        var standing: [String: String] = [:]
        for test in cases { standing[test.testDescription] = database[test.table, test.name, test.column] ?? "-" }
        return standing
    }

    private static func host(_ random: inout Seeded, _ filled: [FoundCase]) -> PlanDatabase {
        var database = PlanDatabase(
            """
            bridge br0 fail_mode=standalone
              port br0
                interface br0 type=internal mac_in_use=02:00:00:00:00:01
              port br0-up
                interface eth0
                interface eth1
            """
        )
        for test in filled {
            let value = value(test, &random)
            if value.isEmpty, test.column.contains(":") { continue }
            database.set(test.table, test.name, "\(test.column)=\(value)")
        }
        if database["Bridge", "br0", "other_config:hwaddr"] == nil {
            database.set("Bridge", "br0", "other_config:hwaddr=02:00:00:00:00:01")
        }
        return database
    }

    @Test("each column and key that counts is put back, from any value to any", arguments: cases)
    func drift(_ test: FoundCase) throws {
        for seed in UInt64(1)...12 {
            var random = Seeded(state: seed)
            var agent = PlanningAgent(
                database: Self.host(&random, Self.cases.filter { _ in random.chance(3) } + [test])
            )
            try agent.settle()
            let found = Self.standing(agent.database)
            if random.chance(2) { try agent.restart() }
            let value = Self.value(test, &random)
            if value.isEmpty, test.column.contains(":") {
                agent.database.set(test.table, test.name, "\(test.column.prefix { $0 != ":" })=")
            } else {
                agent.database.set(test.table, test.name, "\(test.column)=\(value)")
            }
            let isChanged = Self.standing(agent.database) != found
            let plan = try agent.settle()
            #expect(Self.standing(agent.database) == found, "seed \(seed)")
            #expect(plan.changes.isEmpty != isChanged, "seed \(seed): \(plan.changes)")
            let asFound = plan.changes.filter { $0.object == "\(test.table) \(test.name)" && $0.column == test.column }
            #expect(asFound.filter { !$0.isAsFound } == [], "seed \(seed)")
        }
    }

    @Test("all of it comes back after deletion, clearing, and in an empty database, over a restart", arguments: 1...40)
    func deletion(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        var agent = PlanningAgent(database: Self.host(&random, Self.cases.filter { _ in random.chance(2) }))
        try agent.settle()
        let found = Self.standing(agent.database)
        if random.chance(2) { try agent.restart() }
        switch seed % 6 {
        case 0: agent.database.remove("Bridge", "br0")
        case 1: agent.database.remove("Port", "br0-up")
        case 2: for name in agent.database.names("Bridge") { agent.database.remove("Bridge", name) }
        case 3: agent.database.remove("Interface", "eth0")
        case 4:
            // Somebody's script made a bare one.
            agent.database.remove("Bridge", "br0")
            agent.database.addBridge("bridge br0\n port br0\n port eth0")
        default:
            for (table, name) in Self.rows {
                for column in ConfigurationColumns.of(table: table)
                where ConfigurationColumns.isOwnedByDefault(column) || column.name == "external_ids" {
                    if PlanSchema.followed.tables[table]?.position(of: column) == nil || column == Bridge.datapathType {
                        continue
                    }
                    agent.database.set(table, name, "\(column.name)=")
                }
            }
            agent.database.set("Interface", "br0", "type=internal")
        }
        try agent.settle()
        var expected = found
        if seed % 6 == 4 {
            // A bridge that others made anew keeps its datapath: another would destroy it under the host.
            expected["Bridge br0 datapath_type"] = agent.database["Bridge", "br0", "datapath_type"]
        }
        #expect(Self.standing(agent.database) == expected)
        // What stood there before the agent is released, and not deleted, even where its rows were made again.
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(agent.database.children("Bridge", "br0") == ["br0", "br0-up"])
        #expect(agent.database.children("Port", "br0-up") == ["eth0", "eth1"])
        #expect(Self.standing(agent.database) == expected)
        #expect(agent.provenance.found["Port", "br0-up"] == nil)
        for (table, name) in Self.rows {
            #expect(agent.database[table, name, "external_ids"] ?? "{}" == "{}", "\(table) \(name)")
        }
    }

    @Test(
        "other people's keys and columns stay free",
        arguments: [
            ("Bridge", "br0", "other_config:mac-aging-time=60"), ("Bridge", "br0", "external_ids:by=me"),
            ("Port", "br0", "other_config:x=1"), ("Port", "br0-up", "external_ids:y=2"),
            ("Interface", "eth0", "ingress_policing_rate=5"), ("Interface", "eth1", "lldp:enable=true"),
            ("Interface", "eth0", "options:n_rxq=4"),
        ]
    )
    func free(table: String, name: String, assignment: String) throws {
        var random = Seeded(state: 7)
        var agent = PlanningAgent(database: Self.host(&random, Self.cases))
        try agent.settle()
        agent.database.set(table, name, assignment)
        let plan = try agent.settle()
        #expect(plan.changes == [])
    }

    @Test("what the layout comes to state wins, and what it no longer states is as found")
    func stated() throws {
        var agent = PlanningAgent(
            database: PlanDatabase(
                """
                bridge br0
                  port br0 tag=100
                  port br0-up lacp=active bond_mode=balance-tcp bond_updelay=200 other_config:lacp-time=slow
                    interface eth0 mtu_request=9000
                    interface eth1
                """
            )
        )
        agent.layout.virtualSwitches[0].hostVlan = 7
        agent.layout.virtualSwitches[0].mtu = 1500
        agent.layout.virtualSwitches[0].uplink?.lacp = .passive
        agent.layout.virtualSwitches[0].uplink?.lacpRate = .fast
        let stated = agent.layout
        try agent.settle()
        func values() -> [String?] {
            [
                agent.database["Port", "br0", "tag"], agent.database["Interface", "eth0", "mtu_request"],
                agent.database["Interface", "eth1", "mtu_request"], agent.database["Port", "br0-up", "lacp"],
                agent.database["Port", "br0-up", "other_config:lacp-time"],
                agent.database["Port", "br0-up", "bond_mode"], agent.database["Port", "br0-up", "bond_updelay"],
            ]
        }
        #expect(values() == ["7", "1500", "1500", "passive", "fast", "balance-tcp", "200"])
        try agent.restart()
        agent.layout = .small
        try agent.settle()
        #expect(values() == ["100", "9000", nil, "active", "slow", "balance-tcp", "200"])
        agent.layout = stated
        try agent.settle()
        #expect(values() == ["7", "1500", "1500", "passive", "fast", "balance-tcp", "200"])
        // What was overwritten is given back.
        agent.layout = Layout(virtualSwitches: [.on(3, ["eth3"])])
        try agent.settle(removal: .allowed)
        #expect(values() == ["100", "9000", nil, "active", "slow", "balance-tcp", "200"])
        // And what stands when it is taken again is found anew.
        agent.database.set("Port", "br0", "tag=8")
        agent.layout = .small
        try agent.settle()
        agent.database.set("Port", "br0", "tag=9")
        try agent.settle()
        #expect(agent.database["Port", "br0", "tag"] == "8")
    }

    @Test("a file of what was found is read as it was written, and nothing else is")
    func file() throws {
        var random = Seeded(state: 5)
        var agent = PlanningAgent(database: Self.host(&random, Self.cases))
        try agent.settle()
        let bytes = agent.provenance.found.bytes
        #expect(FoundValues(kept: bytes) == agent.provenance.found)
        #expect(FoundValues(kept: []) == FoundValues())
        for length in stride(from: 1, to: bytes.count - 1, by: 7) {
            #expect(FoundValues(kept: Array(bytes.prefix(length))) == nil)
        }
        #expect(FoundValues(kept: Array("{\"version\":2,\"rows\":[]}".utf8)) == nil)
        #expect(FoundValues(kept: Array("junk".utf8)) == nil)
    }
}

extension FoundValues {
    subscript(_ table: String, _ name: String) -> FoundRow? {
        DesiredRow.Table(name: table).flatMap { self[$0, name] }
    }
}
