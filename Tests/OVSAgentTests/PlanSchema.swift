import OVSDB

@testable import OVSAgent

// The schema of Open vSwitch 3.1 for the tables that the agent follows, as a compact literal: planner tests need no
// server and no JSON.

enum PlanSchema {
    /// The part that the agent follows.
    static let followed = whole.selecting(ReplicaColumns.followed)

    /// All columns, those of a newer server that we do not know included.
    static let whole = DatabaseSchema(
        name: "Open_vSwitch",
        version: "8.3.1",
        tables: [
            "Open_vSwitch": table(
                "Open_vSwitch",
                isRoot: true,
                "bridges Bridge*, next_cfg int, cur_cfg int, external_ids map, other_config map, ovs_version string?",
                "db_version string?, datapath_types string*, iface_types string*, system_type string?",
                "system_version string?, manager_options Manager*, ssl SSL?, statistics map"
            ),
            "Bridge": table(
                "Bridge",
                indexes: [["name"]],
                "name string, ports Port*, controller Controller*, fail_mode string?, datapath_type string",
                "protocols string*, mirrors Mirror*, netflow NetFlow?, sflow sFlow?, ipfix IPFIX?, flood_vlans int*",
                "flow_tables map, auto_attach AutoAttach?, mcast_snooping_enable bool, stp_enable bool",
                "rstp_enable bool, other_config map, external_ids map, datapath_id string?, datapath_version string",
                "status map, new_feature int"
            ),
            "Port": table(
                "Port",
                indexes: [["name"]],
                "name string, interfaces Interface+, vlan_mode string?, tag int?, trunks int*, cvlans int*",
                "bond_mode string?, bond_updelay int, bond_downdelay int, bond_fake_iface bool, lacp string?, qos QoS?",
                "mac string?, fake_bridge bool, protected bool, other_config map, external_ids map",
                "bond_active_slave string?, statistics map"
            ),
            "Interface": table(
                "Interface",
                indexes: [["name"]],
                "name string, type string, options map, ofport_request int?, mtu_request int?, mac string?",
                "ingress_policing_rate int, ingress_policing_burst int, ingress_policing_kpkts_rate int",
                "ingress_policing_kpkts_burst int, bfd map, cfm_mpid int?, lldp map, other_config map",
                "external_ids map, ofport int?, error string?, ifindex int?, mac_in_use string?, link_state string?, link_speed int?",
                "admin_state string?, lacp_current bool?, mtu int?, bfd_status map, cfm_fault bool?, statistics map"
            ),
            "Controller": table("Controller", "target string, external_ids map, other_config map, is_connected bool"),
        ]
    )

    private static func table(
        _ name: String,
        indexes: [[String]] = [],
        isRoot: Bool = false,
        _ columns: String...
    ) -> TableSchema {
        let columns = columns.flatMap { $0.split(separator: ",") }.map { column in
            let words = column.split(separator: " ")
            return ColumnSchema(String(words[0]), type(String(words[1])))
        }
        return TableSchema(name: name, columns: columns, indexes: indexes, isRoot: isRoot)
    }

    private static func type(_ text: String) -> ColumnType {
        if text == "map" {
            return ColumnType(key: BaseType(.string), value: BaseType(.string), minimum: 0, maximum: .max)
        }
        let bare = text.filter { !"?*+".contains($0) }
        let base: BaseType =
            switch bare {
            case "int": BaseType(.integer)
            case "bool": BaseType(.boolean)
            case "string": BaseType(.string)
            default: BaseType(.uuid, reference: .strong(table: bare))
            }
        return switch text.last {
        case "?": ColumnType(key: base, minimum: 0)
        case "*": ColumnType(key: base, minimum: 0, maximum: .max)
        case "+": ColumnType(key: base, maximum: .max)
        default: ColumnType(key: base)
        }
    }
}
