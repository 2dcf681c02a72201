import OVSDB

/// The columns by which an operator configures Open vSwitch, table by table: a hand-kept list, because the schema does
/// not say it. ovs-vswitchd also writes columns that are not marked ephemeral (`ofport`, `error`, `datapath_id`,
/// `datapath_version`, `bond_active_slave`, `cfm_flap_count`); enforcing one of those would fight the switch.
///
/// Source: ovs-vswitchd.conf.db(5) of Open vSwitch 2.17 to 3.6 and main, which have the same; what a server lacks is
/// skipped. A row that is
/// owned exclusively has every one of these at the wanted value or else at the schema's default.
enum ConfigurationColumns {
    /// Bridge Table.
    static let bridge = [
        "name", "ports",
        "fail_mode", "controller", "datapath_type", "protocols",
        "mirrors", "netflow", "sflow", "ipfix",
        "flood_vlans", "flow_tables", "auto_attach",
        "mcast_snooping_enable", "stp_enable", "rstp_enable",
        "other_config", "external_ids",
    ]

    /// Port Table.
    static let port = [
        "name", "interfaces",
        "vlan_mode", "tag", "trunks", "cvlans",
        "bond_mode", "bond_updelay", "bond_downdelay", "bond_fake_iface", "lacp",
        "qos", "mac", "fake_bridge", "protected",
        "other_config", "external_ids",
    ]

    /// Interface Table.
    static let interface = [
        "name", "type", "options", "ofport_request", "mtu_request", "mac",
        "ingress_policing_rate", "ingress_policing_burst",
        "ingress_policing_kpkts_rate", "ingress_policing_kpkts_burst",
        "bfd", "cfm_mpid", "lldp",
        "other_config", "external_ids",
    ]

    /// Controller Table.
    static let controller = [
        "target", "type", "connection_mode", "local_ip", "local_netmask", "local_gateway",
        "max_backoff", "inactivity_probe", "enable_async_messages", "controller_queue_size",
        "controller_rate_limit", "controller_burst_limit",
        "other_config", "external_ids",
    ]

    /// Open_vSwitch Table. Nothing here is owned; it is followed so that one monitor carries all configuration.
    static let openVSwitch = [
        "bridges", "next_cfg", "manager_options", "ssl", "system_type", "system_version",
        "other_config", "external_ids",
    ]

    /// The table's list; none for a table that the agent does not know.
    static func of(table: String) -> [String] { byTable[table] ?? [] }

    /// Columns of the tables above that neither these lists nor ``StatusColumns`` know: a newer server's. They are
    /// reported once, in the order of their names, and not enforced.
    static func unknown(in schema: DatabaseSchema) -> [(table: String, columns: [String])] {
        ReplicaColumns.tables.compactMap { name in
            guard let table = schema.tables[name] else { return nil }
            let known = Set(of(table: name) + StatusColumns.of(table: name))
            let unknown = table.columns.map(\.name).filter { !known.contains($0) && !$0.hasPrefix("_") }
            return unknown.isEmpty ? nil : (name, unknown.sorted())
        }
    }

    /// What `external_ids` and references are owned by another rule than "wanted value or default".
    static func isOwnedByDefault(_ column: String) -> Bool { !apart.contains(column) }

    private static let apart: Set<String> = ["name", "ports", "interfaces", "external_ids"]

    private static let byTable = [
        "Open_vSwitch": openVSwitch, "Bridge": bridge, "Port": port, "Interface": interface, "Controller": controller,
    ]
}

/// The columns that ovs-vswitchd and ovs-ctl write: never enforced (ovs-vswitchd.conf.db(5)).
enum StatusColumns {
    /// The table's list; none for a table that the agent does not know.
    static func of(table: String) -> [String] { byTable[table] ?? [] }

    private static let byTable = [
        "Open_vSwitch": [
            "cur_cfg", "ovs_version", "db_version", "datapath_types", "iface_types", "datapaths",
            "dpdk_initialized", "dpdk_version", "statistics",
        ],
        "Bridge": ["datapath_id", "datapath_version", "status", "rstp_status"],
        "Port": ["bond_active_slave", "statistics", "status", "rstp_statistics", "rstp_status"],
        "Interface": [
            "ofport", "error", "mac_in_use", "ifindex", "admin_state", "link_state", "link_resets", "link_speed",
            "duplex", "mtu", "lacp_current", "statistics", "status", "bfd_status", "cfm_fault", "cfm_fault_status",
            "cfm_flap_count", "cfm_health", "cfm_remote_mpids", "cfm_remote_opstate",
        ],
        "Controller": ["is_connected", "role", "status"],
    ]
}

/// What the agent's one monitor follows: every configuration column and the few status columns that it shows. Not
/// `statistics` and `status`, which change every few seconds.
package enum ReplicaColumns {
    package static let tables = ["Open_vSwitch", "Bridge", "Port", "Interface", "Controller"]

    /// For ``DatabaseSchema/selecting(_:)``.
    package static let followed: [FollowedTable] =
        tables.map { table in
            FollowedTable(table, columns: ConfigurationColumns.of(table: table) + (shown[table] ?? []))
        } + [mirrors]

    /// Nothing of an operator's mirrors is owned, but what one sends to carries nothing else.
    private static let mirrors = FollowedTable("Mirror", columns: ["name", "output_port"])

    /// Whether a change of these columns can only be ovs-vswitchd's word, which no plan follows from. `mac_in_use` is
    /// ovs-vswitchd's, too, but a bridge's address is pinned to it.
    static func isStatus(_ column: String, of table: String) -> Bool {
        column == "next_cfg" || shown[table]?.contains(column) == true
    }

    private static let shown = [
        "Open_vSwitch": ["cur_cfg", "ovs_version", "db_version", "datapath_types", "iface_types"],
        "Port": ["bond_active_slave"],
        "Interface": [
            "ofport", "error", "ifindex", "mac_in_use", "link_state", "link_speed", "admin_state", "lacp_current",
            "mtu", "bfd_status", "cfm_fault",
        ],
    ]
}
