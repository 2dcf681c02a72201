import Glibc
import JSONRPC
import OVSDB
import TestSupport
import Testing

@testable import OVSAgent

/// What stock tools do to rows that the agent owns, and what it does about it.
@Suite("Foreign edits", .enabled(if: PrivateSwitch.reasonToSkip == nil), .timeLimit(.minutes(5)))
struct ForeignEditTests {
    /// A command of `ovs-vsctl`, and the difference that the journal must tell.
    struct Edit: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var object: String
        var column: String

        init(_ command: String, _ object: String, _ column: String) {
            arguments = command.split(separator: " ").map(String.init)
            (self.object, self.column) = (object, column)
        }

        var testDescription: String { arguments.joined(separator: " ") }
    }

    /// Edits that one agent undoes one after another.
    struct List: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var edits: [Edit]
    }

    static let structure = [
        Edit("del-br br.mx", "Bridge br.mx", "bridges"),
        Edit("del-br br0.local", "Bridge br0.local", "bridges"),
        Edit("del-port br.nf br0.nf.s", "Bridge br.nf", "ports"),
        Edit("del-port br0 br0.dmx", "Bridge br0", "ports"),
        Edit("del-port br0 br0-up", "Bridge br0", "ports"),
        Edit("add-port br.microseg vnet9", "Bridge br.microseg", "ports"),
        Edit("add-br br.mx.fake br.mx 100", "Bridge br.mx", "ports"),
        Edit("del-bond-iface br0-up eth1", "Port br0-up", "interfaces"),
        Edit("add-bond-iface br0-up eth9", "Port br0-up", "interfaces"),
        Edit("-- --id=@p get port br.nf -- remove bridge br.nf ports @p", "Bridge br.nf", "ports"),
        Edit("del-port br.dmx br0.dmx.n -- add-br thief -- add-port thief br0.dmx.n", "Bridge br.dmx", "ports"),
        Edit("del-port br0 br0.dmx -- add-br br0.dmx", "Bridge br0.dmx", "bridges"),
        Edit("del-br br0.local -- add-br br0.local br0 100", "Bridge br0.local", "bridges"),
    ]

    static let columns = [
        Edit("set interface br0.ms.n options:peer=x", "Interface br0.ms.n", "options:peer"),
        Edit("set interface br0.ms.n options:x=y", "Interface br0.ms.n", "options:x"),
        Edit("set-fail-mode br.nf standalone", "Bridge br.nf", "fail_mode"),
        Edit("del-fail-mode br0", "Bridge br0", "fail_mode"),
        Edit("set port br0.mx.s tag=5", "Port br0.mx.s", "tag"),
        Edit("clear port br0.mx.s tag", "Port br0.mx.s", "tag"),
        Edit("set port br0 tag=9", "Port br0", "tag"),
        Edit("set port br0-up bond_mode=balance-slb", "Port br0-up", "bond_mode"),
        Edit("set port br0-up lacp=active", "Port br0-up", "lacp"),
        Edit("set-controller br.nf tcp:127.0.0.1:9", "Bridge br.nf", "controller"),
        Edit("set-controller br0 tcp:127.0.0.1:9", "Bridge br0", "controller"),
        Edit("-- --id=@m create mirror name=m -- set bridge br.dmx mirrors=@m", "Bridge br.dmx", "mirrors"),
        Edit("-- --id=@s create sflow targets=\"127.0.0.1\" -- set bridge br.dmx sflow=@s", "Bridge br.dmx", "sflow"),
        Edit(
            "-- --id=@s create netflow targets=\"127.0.0.1:9\" -- set bridge br.nf netflow=@s",
            "Bridge br.nf",
            "netflow"
        ),
        Edit("-- --id=@i create ipfix targets=\"127.0.0.1:9\" -- set bridge br.mx ipfix=@i", "Bridge br.mx", "ipfix"),
        Edit("-- --id=@q create qos type=linux-htb -- set port br0.nf.n qos=@q", "Port br0.nf.n", "qos"),
        Edit("remove port br0-up external_ids ovs-agent-made", "Port br0-up", "external_ids:ovs-agent-made"),
        Edit(
            "set bridge br0 external_ids:ovs-agent-hwaddr=02:00:00:00:00:09",
            "Bridge br0",
            "external_ids:ovs-agent-hwaddr"
        ),
        Edit("set bridge br.mx stp_enable=true", "Bridge br.mx", "stp_enable"),
        Edit("set bridge br.mx rstp_enable=true", "Bridge br.mx", "rstp_enable"),
        Edit("set bridge br.mx protocols=OpenFlow10", "Bridge br.mx", "protocols"),
        Edit("set bridge br.mx other_config:disable-in-band=true", "Bridge br.mx", "other_config:disable-in-band"),
        Edit("set bridge br.mx mcast_snooping_enable=true", "Bridge br.mx", "mcast_snooping_enable"),
        Edit("set bridge br.mx flood_vlans=7", "Bridge br.mx", "flood_vlans"),
        Edit("set port br0.nf.n vlan_mode=trunk", "Port br0.nf.n", "vlan_mode"),
        Edit("set port br0.nf.n trunks=1,2", "Port br0.nf.n", "trunks"),
        Edit("set port br0.nf.n protected=true", "Port br0.nf.n", "protected"),
        Edit("set interface br0.nf.n ofport_request=17", "Interface br0.nf.n", "ofport_request"),
        Edit("set interface br0.nf.n mtu_request=900", "Interface br0.nf.n", "mtu_request"),
        Edit("set interface br0.nf.n ingress_policing_rate=9", "Interface br0.nf.n", "ingress_policing_rate"),
        Edit("set interface br0.nf.n bfd:enable=true", "Interface br0.nf.n", "bfd:enable"),
        Edit("set interface br0.nf.n lldp:enable=true", "Interface br0.nf.n", "lldp:enable"),
        Edit("set interface br0.nf.n type=internal", "Interface br0.nf.n", "type"),
        Edit("set interface br0 type=gre", "Interface br0", "type"),
        Edit("set bridge br0 other_config:hwaddr=02:00:00:00:00:09", "Bridge br0", "other_config:hwaddr"),
        Edit(
            "remove bridge br.microseg external_ids ovs-agent-role",
            "Bridge br.microseg",
            "external_ids:ovs-agent-role"
        ),
        Edit(
            "set port br0-up external_ids:ovs-agent-role=lane",
            "Port br0-up",
            "external_ids:ovs-agent-role"
        ),
        Edit(
            "remove interface br0.ms.s external_ids ovs-agent-role",
            "Interface br0.ms.s",
            "external_ids:ovs-agent-role"
        ),
        Edit("clear bridge br.mx external_ids", "Bridge br.mx", "external_ids:ovs-agent-role"),
    ]

    @Test(
        "each is journalled with object and column and undone, and nothing foreign moves",
        arguments: [List(testDescription: "rows", edits: structure), List(testDescription: "columns", edits: columns)]
    )
    func undone(list: List) async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            try await ovs.addForeignRows()
            let foreign = try await ovs.foreignRows()
            let identities = try await ovs.rowIdentities(of: ["br.microseg", "br0.ms.s", "br0"])
            for edit in list.edits {
                let last = try await agent.lastEvent()
                let result = try await ovs.run(
                    "ovs-vsctl",
                    ["--db=\(ovs.databaseRemote)", "--no-wait"] + edit.arguments
                )
                #expect(result.exitCode == 0, "\(edit.arguments): \(result.errorOutput)")
                let drift = try await agent.waitForEvent(after: last, "drift", object: edit.object, column: edit.column)
                let repaired = try await agent.waitForEvent(
                    after: drift.id,
                    "repaired",
                    object: edit.object,
                    column: edit.column
                )
                #expect((repaired.found, repaired.wanted) == (drift.found, drift.wanted), "\(edit.arguments)")
                #expect(repaired.latency.map { $0 > 0 } == true)
                try await agent.waitForEvent(after: repaired.id, "applied")
                #expect(try await agent.ask("plan")["text"]?.string == "nothing to change", "\(edit.arguments)")
            }
            try await agent.waitForState("in-sync")
            #expect(try await ovs.foreignRows() == foreign)
            #expect(try await ovs.rowIdentities(of: ["br.microseg", "br0.ms.s", "br0"]) == identities)
            #expect(try await ovs.ownTransactionsTouchNone(of: foreign))
            for port in LanePort.all(of: try #require(Lane(uplinkBridge: "br0"))) {
                #expect(try await ovs.vsctl("get", "interface", port.name, "ofport") == "\(port.portRequest)")
            }
        }
    }

    @Test("all of them at once, from many hands, are undone as well")
    func together() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            try await ovs.addForeignRows()
            let foreign = try await ovs.foreignRows()
            await withTaskGroup(of: Void.self) { group in
                for edit in Self.columns + Self.structure {
                    // Some find their row gone by another's hand, and fail.
                    let command = ["--db=\(ovs.databaseRemote)", "--no-wait"] + edit.arguments
                    group.addTask { _ = try? await ovs.run("ovs-vsctl", command) }
                }
            }
            // Notifications come in the order of commits: what follows this repair has seen all that was before.
            let last = try await agent.lastEvent()
            try await ovs.vsctl("set", "port", "br0.ms.n", "tag=77", wait: false)
            let repaired = try await agent.waitForEvent(after: last, "repaired", object: "Port br0.ms.n", column: "tag")
            try await agent.waitForEvent(after: repaired.id, "applied")
            try await agent.waitForState("in-sync")
            #expect(try await agent.ask("plan")["text"]?.string == "nothing to change")
            #expect(try await ovs.foreignRows() == foreign)
            #expect(try await ovs.ownTransactionsTouchNone(of: foreign))
        }
    }

    @Test(
        "what is destroyed all at once comes back by itself",
        arguments: [
            ("ovs-vsctl", ["emer-reset"]),
            (
                "ovsdb-client",
                [
                    "transact",
                    #"["Open_vSwitch", {"op": "update", "table": "Open_vSwitch", "where": [], "row": {"bridges": ["set", []]}}]"#,
                ]
            ),
            ("ovs-vsctl", ["--all", "destroy", "Open_vSwitch"]),
        ]
    )
    func destroyed(tool: String, arguments: [String]) async throws {
        try await RunningAgent.inSync { agent in
            let last = try await agent.lastEvent()
            let address =
                tool == "ovs-vsctl"
                ? ["--db=\(agent.ovs.databaseRemote)", "--no-wait"] + arguments
                : [arguments[0], agent.ovs.databaseRemote] + arguments.dropFirst()
            let result = try await agent.ovs.run(tool, address)
            #expect(result.exitCode == 0, "\(result.errorOutput)")
            try await agent.waitForEvent(after: last, "repaired")
            try await agent.waitForEvent(after: last, "applied")
            try await agent.waitForState("in-sync")
            #expect(try await agent.ovs.vsctl("list-br").split(separator: "\n").count == 6)
            #expect(try await agent.ovs.vsctl("get-fail-mode", "br.microseg") == "secure")
            #expect(try await agent.ask("plan")["changes"]?.array?.isEmpty == true)
        }
    }

    @Test("an old backup that somebody restores ends in the layout's state, with the foreign rows that it holds")
    func restored() async throws {
        try await RunningAgent.inSync { agent in
            let ovs = agent.ovs
            func shell(_ command: String) async throws {
                try await ovs.check("sh", "-c", "cd \(ovs.runFolder) && ovsdb-client \(command)")
            }
            try await ovs.edit("add-br ovs1 -- set bridge ovs1 datapath_type=dummy -- add-port ovs1 vnet1 tag=7")
            try await agent.ask("pause", "3600", "a backup of what is not as it should be")
            try await ovs.edit("del-br br.nf -- set port br0.mx.s tag=5")
            try await shell("backup \(ovs.databaseRemote) > backup")
            try await agent.ask("resume")
            try await agent.waitForState("in-sync")
            try await ovs.edit("del-br ovs1")
            let last = try await agent.lastEvent()
            try await shell("restore \(ovs.databaseRemote) < backup")
            try await agent.waitForEvent(after: last, "repaired")
            try await ovs.settled()
            try await agent.waitForState("in-sync")
            #expect(try await agent.ask("plan")["changes"] == [])
            #expect(try await ovs.vsctl("get", "port", "br0.mx.s", "tag") == "1001")
            #expect(try await ovs.vsctl("list-ports", "ovs1") == "vnet1")
            #expect(try await ovs.vsctl("list-br").split(separator: "\n").count == 7)
        }
    }
}

extension PrivateSwitch {
    /// A bridge with a port; a port, one end of a patch and a mirror on br0; keys on rows of the agent's: all somebody
    /// else's.
    fileprivate func addForeignRows() async throws {
        let commands = """
            add-br ovs1 -- set bridge ovs1 datapath_type=dummy external_ids:site=x \
            -- add-port ovs1 vnet1 tag=7 -- set interface vnet1 external_ids:iface-id=vm1 \
            -- add-port br0 vnet2 tag=8 -- add-port br0 patch2 tag=8 \
            -- set interface patch2 type=patch options:peer=nowhere \
            -- --id=@m create mirror name=span -- set bridge br0 mirrors=@m -- set bridge br.microseg external_ids:site=x \
            -- set bridge br0 external_ids:site=x other_config:mac-aging-time=60 \
            -- set port br0.ms.s external_ids:site=x -- set Open_vSwitch . external_ids:site=x
            """
        let result = try await run(
            "ovs-vsctl",
            ["--db=\(databaseRemote)"] + commands.split(separator: " ").map(String.init)
        )
        #expect(result.exitCode == 0, "\(result.errorOutput)")
    }

    /// The configuration of what ``addForeignRows()`` added, with the rows' identities.
    fileprivate func foreignRows() async throws -> [String] {
        let bridge = ConfigurationColumns.bridge.map(\.name).filter { $0 != "ports" }.joined(separator: ",")
        let port = ConfigurationColumns.port.map(\.name).joined(separator: ",")
        let interface = ConfigurationColumns.interface.map(\.name).joined(separator: ",")
        return [
            try await vsctl("--columns=_uuid,\(bridge)", "list", "bridge", "ovs1", wait: false),
            try await vsctl("list-ports", "ovs1", wait: false),
            try await vsctl("--columns=_uuid,\(port)", "list", "port", "ovs1", "vnet1", "vnet2", "patch2", wait: false),
            try await vsctl(
                "--columns=_uuid,\(interface)",
                "list",
                "interface",
                "ovs1",
                "vnet1",
                "vnet2",
                "patch2",
                wait: false
            ),
            try await vsctl("get", "bridge", "br.microseg", "external_ids:site", wait: false),
            try await vsctl("get", "bridge", "br0", "mirrors", wait: false),
            try await vsctl("get", "bridge", "br0", "external_ids:site", "other_config:mac-aging-time", wait: false),
            try await vsctl("get", "port", "br0.ms.s", "external_ids:site", wait: false),
            try await vsctl("get", "Open_vSwitch", ".", "external_ids:site", wait: false),
        ]
    }

    /// The identities of those rows of bridges and ports that are there.
    fileprivate func rowIdentities(of names: [String]) async throws -> [String] {
        var identities: [String] = []
        for table in ["bridge", "port", "interface"] {
            for name in names {
                identities.append(
                    try await vsctl("--if-exists", "get", table, name, "_uuid", wait: false)
                )
            }
        }
        return identities
    }

    /// Whether no transaction in the database's log that bears the agent's comment changed one of these rows.
    fileprivate func ownTransactionsTouchNone(of foreign: [String]) async throws -> Bool {
        let text = [foreign[0], foreign[2], foreign[3]].joined(separator: "\n")
        let uuids = text.split(separator: "\n").filter { $0.hasPrefix("_uuid") }.compactMap {
            $0.split(separator: " ").last.map(String.init)
        }
        #expect(uuids.count == 9)
        let log = try await RunningAgent.blocking {
            try BoundedFile.text(of: "\(self.runFolder)/conf.db", limit: 64 << 20)
        }
        var own = 0
        for line in log.split(separator: "\n") where line.hasPrefix("{") {
            let record = try JSON(parsing: line.utf8)
            guard record["_comment"]?.string?.hasPrefix("ovs-agentd: ") == true else { continue }
            own += 1
            for table in ["Bridge", "Port", "Interface"] {
                let touched = record[table]?.object?.map(\.name) ?? []
                if let row = touched.first(where: uuids.contains) {
                    Issue.record("\(table) \(row) touched by \(line.prefix(2000))")
                    return false
                }
            }
        }
        return own > 0
    }
}
