import OVSDB

/// The columns by which an operator configures Open vSwitch, table by table: a hand-kept list, because the schema does
/// not say it. ovs-vswitchd also writes columns that are not marked ephemeral (`ofport`, `error`, `datapath_id`,
/// `datapath_version`, `bond_active_slave`, `cfm_flap_count`); enforcing one of those would fight the switch.
///
/// Source: ovs-vswitchd.conf.db(5) of Open vSwitch 2.17 to 3.6 and main, which have the same; what a server lacks is
/// skipped. A row that is owned exclusively has every one of these at the wanted value or else at the schema's default.
enum ConfigurationColumns {
    /// Bridge Table.
    static let bridge = [
        Bridge.name, Bridge.ports,
        Bridge.failMode, Bridge.controller, Bridge.datapathType, Bridge.protocols,
        Bridge.mirrors, Bridge.netflow, Bridge.sflow, Bridge.ipfix,
        Bridge.floodVLANs, Bridge.flowTables, Bridge.autoAttach,
        Bridge.mcastSnoopingEnable, Bridge.stpEnable, Bridge.rstpEnable,
        Bridge.otherConfig, Bridge.externalIDs,
    ]

    /// Port Table.
    static let port = [
        Port.name, Port.interfaces,
        Port.vlanMode, Port.tag, Port.trunks, Port.cvlans,
        Port.bondMode, Port.bondUpdelay, Port.bondDowndelay, Port.bondFakeIface, Port.lacp,
        Port.qos, Port.mac, Port.fakeBridge, Port.protected,
        Port.otherConfig, Port.externalIDs,
    ]

    /// Interface Table.
    static let interface = [
        Interface.name, Interface.type, Interface.options, Interface.ofportRequest, Interface.mtuRequest,
        Interface.mac,
        Interface.ingressPolicingRate, Interface.ingressPolicingBurst,
        Interface.ingressPolicingKpktsRate, Interface.ingressPolicingKpktsBurst,
        Interface.bfd, Interface.cfmMPID, Interface.lldp,
        Interface.otherConfig, Interface.externalIDs,
    ]

    /// Controller Table.
    static let controller = [
        Controller.target, Controller.type, Controller.connectionMode, Controller.localIP, Controller.localNetmask,
        Controller.localGateway,
        Controller.maxBackoff, Controller.inactivityProbe, Controller.enableAsyncMessages,
        Controller.controllerQueueSize,
        Controller.controllerRateLimit, Controller.controllerBurstLimit,
        Controller.otherConfig, Controller.externalIDs,
    ]

    /// Open_vSwitch Table. Nothing here is owned; it is followed so that one monitor carries all configuration.
    static let openVSwitch = [
        OpenVSwitch.bridges, OpenVSwitch.nextCfg, OpenVSwitch.managerOptions, OpenVSwitch.ssl, OpenVSwitch.systemType,
        OpenVSwitch.systemVersion,
        OpenVSwitch.otherConfig, OpenVSwitch.externalIDs,
    ]

    /// The table's list; none for a table that the agent does not know.
    static func of(table: String) -> [Column] { byTable[table] ?? [] }

    /// Columns of the tables above that neither these lists nor ``StatusColumns`` know: a newer server's. They are
    /// reported once, in the order of their names, and not enforced.
    static func unknown(in schema: DatabaseSchema) -> [(table: String, columns: [String])] {
        ReplicaColumns.tables.compactMap { vocabulary in
            let name = vocabulary.name
            guard let table = schema.tables[name] else { return nil }
            let known = Set(vocabulary.columns.map(\.name))
            let unknown = table.columns.map(\.name).filter { !known.contains($0) && !$0.hasPrefix("_") }
            return unknown.isEmpty ? nil : (name, unknown.sorted())
        }
    }

    /// What `external_ids` and references are owned by another rule than "wanted value or default".
    static func isOwnedByDefault(_ column: Column) -> Bool { !apart.contains(column.name) }

    private static let apart = Set(
        [Bridge.name, Bridge.ports, Port.interfaces, Bridge.externalIDs].map(\.name)
    )

    private static let byTable = [
        OpenVSwitch.table.name: openVSwitch, Bridge.table.name: bridge, Port.table.name: port,
        Interface.table.name: interface, Controller.table.name: controller,
    ]
}

/// The columns that ovs-vswitchd and ovs-ctl write: never enforced (ovs-vswitchd.conf.db(5)).
enum StatusColumns {
    static let openVSwitch = [
        OpenVSwitch.curCfg, OpenVSwitch.ovsVersion, OpenVSwitch.dbVersion, OpenVSwitch.datapathTypes,
        OpenVSwitch.ifaceTypes, OpenVSwitch.datapaths, OpenVSwitch.dpdkInitialized, OpenVSwitch.dpdkVersion,
        OpenVSwitch.statistics,
    ]

    static let bridge = [
        Bridge.datapathID, Bridge.datapathVersion, Bridge.status, Bridge.rstpStatus,
    ]

    static let port = [
        Port.bondActiveSlave, Port.statistics, Port.status, Port.rstpStatistics, Port.rstpStatus,
    ]

    static let interface = [
        Interface.ofport, Interface.error, Interface.macInUse, Interface.ifindex, Interface.adminState,
        Interface.linkState, Interface.linkResets, Interface.linkSpeed, Interface.duplex, Interface.mtu,
        Interface.lacpCurrent, Interface.statistics, Interface.status, Interface.bfdStatus, Interface.cfmFault,
        Interface.cfmFaultStatus, Interface.cfmFlapCount, Interface.cfmHealth, Interface.cfmRemoteMPIDs,
        Interface.cfmRemoteOpstate,
    ]

    static let controller = [
        Controller.isConnected, Controller.role, Controller.status,
    ]
}

/// What the agent's one monitor follows: every configuration column and the few status columns that it shows. Not
/// `statistics` and `status`, which change every few seconds.
package enum ReplicaColumns {
    static let tables = [OpenVSwitch.table, Bridge.table, Port.table, Interface.table, Controller.table]

    /// For ``DatabaseSchema/selecting(_:)``, which finds where each column of the vocabulary stands.
    package static let followed: [FollowedTable] =
        tables.map { table in
            FollowedTable(table, columns: ConfigurationColumns.of(table: table.name) + (shown[table] ?? []))
        } + [mirrors]

    /// Of the columns that are followed, those that an older server does not have, in the order of their names.
    static func lacking(in schema: DatabaseSchema) -> [(table: String, columns: [String])] {
        followed.compactMap { followed in
            guard let table = schema.tables[followed.name] else { return nil }
            let lacking = followed.columns.filter { table.position(of: $0) == nil }
            return lacking.isEmpty ? nil : (followed.name, lacking.sorted())
        }
    }

    /// Nothing of an operator's mirrors is owned, but what one sends to carries nothing else.
    private static let mirrors = FollowedTable(Mirror.table, columns: [Mirror.name, Mirror.outputPort])

    /// Whether a change of these columns can only be ovs-vswitchd's word, which no plan follows from. `mac_in_use` is
    /// ovs-vswitchd's, too, but a bridge's address is pinned to it.
    static func isStatus(_ column: String, of table: String) -> Bool { statuses[table]?.contains(column) == true }

    private static let statuses: [String: Set<String>] = {
        var statuses = [OpenVSwitch.table.name: Set([OpenVSwitch.nextCfg.name])]
        for (table, columns) in shown { statuses[table.name, default: []].formUnion(columns.map(\.name)) }
        return statuses
    }()

    private static let shown = [
        OpenVSwitch.table: [
            OpenVSwitch.curCfg, OpenVSwitch.ovsVersion, OpenVSwitch.dbVersion, OpenVSwitch.datapathTypes,
            OpenVSwitch.ifaceTypes,
        ],
        Port.table: [Port.bondActiveSlave],
        Interface.table: [
            Interface.ofport, Interface.error, Interface.ifindex, Interface.macInUse, Interface.linkState,
            Interface.linkSpeed, Interface.adminState, Interface.lacpCurrent, Interface.mtu, Interface.bfdStatus,
            Interface.cfmFault,
        ],
    ]
}
