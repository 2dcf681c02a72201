import OVSDB

// The tables and columns of the database Open_vSwitch that the agent knows (ovs-vswitchd.conf.db(5)): all of the first
// five tables, and of a mirror what concerns its ports. A test compares them with the schema that is installed.
//
// The numbers of a table's columns count from 0. Bridges, ports and interfaces have the first two in common, so that they
// can be read of a row without knowing which it is.

enum OpenVSwitch {
    static let table = Table("Open_vSwitch", ConfigurationColumns.openVSwitch + StatusColumns.openVSwitch)

    static let externalIDs = Column("Open_vSwitch", 0, "external_ids")
    static let bridges = Column("Open_vSwitch", 1, "bridges")
    static let nextCfg = Column("Open_vSwitch", 2, "next_cfg")
    static let managerOptions = Column("Open_vSwitch", 3, "manager_options")
    static let ssl = Column("Open_vSwitch", 4, "ssl")
    static let systemType = Column("Open_vSwitch", 5, "system_type")
    static let systemVersion = Column("Open_vSwitch", 6, "system_version")
    static let otherConfig = Column("Open_vSwitch", 7, "other_config")
    static let curCfg = Column("Open_vSwitch", 8, "cur_cfg")
    static let ovsVersion = Column("Open_vSwitch", 9, "ovs_version")
    static let dbVersion = Column("Open_vSwitch", 10, "db_version")
    static let datapathTypes = Column("Open_vSwitch", 11, "datapath_types")
    static let ifaceTypes = Column("Open_vSwitch", 12, "iface_types")
    static let datapaths = Column("Open_vSwitch", 13, "datapaths")
    static let dpdkInitialized = Column("Open_vSwitch", 14, "dpdk_initialized")
    static let dpdkVersion = Column("Open_vSwitch", 15, "dpdk_version")
    static let statistics = Column("Open_vSwitch", 16, "statistics")
}

enum Bridge {
    static let table = Table("Bridge", ConfigurationColumns.bridge + StatusColumns.bridge)

    static let externalIDs = Column("Bridge", 0, "external_ids")
    static let name = Column("Bridge", 1, "name")
    static let ports = Column("Bridge", 2, "ports")
    static let failMode = Column("Bridge", 3, "fail_mode")
    static let controller = Column("Bridge", 4, "controller")
    static let datapathType = Column("Bridge", 5, "datapath_type")
    static let protocols = Column("Bridge", 6, "protocols")
    static let mirrors = Column("Bridge", 7, "mirrors")
    static let netflow = Column("Bridge", 8, "netflow")
    static let sflow = Column("Bridge", 9, "sflow")
    static let ipfix = Column("Bridge", 10, "ipfix")
    static let floodVLANs = Column("Bridge", 11, "flood_vlans")
    static let flowTables = Column("Bridge", 12, "flow_tables")
    static let autoAttach = Column("Bridge", 13, "auto_attach")
    static let mcastSnoopingEnable = Column("Bridge", 14, "mcast_snooping_enable")
    static let stpEnable = Column("Bridge", 15, "stp_enable")
    static let rstpEnable = Column("Bridge", 16, "rstp_enable")
    static let otherConfig = Column("Bridge", 17, "other_config")
    static let datapathID = Column("Bridge", 18, "datapath_id")
    static let datapathVersion = Column("Bridge", 19, "datapath_version")
    static let status = Column("Bridge", 20, "status")
    static let rstpStatus = Column("Bridge", 21, "rstp_status")
}

enum Port {
    static let table = Table("Port", ConfigurationColumns.port + StatusColumns.port)

    static let externalIDs = Column("Port", 0, "external_ids")
    static let name = Column("Port", 1, "name")
    static let interfaces = Column("Port", 2, "interfaces")
    static let vlanMode = Column("Port", 3, "vlan_mode")
    static let tag = Column("Port", 4, "tag")
    static let trunks = Column("Port", 5, "trunks")
    static let cvlans = Column("Port", 6, "cvlans")
    static let bondMode = Column("Port", 7, "bond_mode")
    static let bondUpdelay = Column("Port", 8, "bond_updelay")
    static let bondDowndelay = Column("Port", 9, "bond_downdelay")
    static let bondFakeIface = Column("Port", 10, "bond_fake_iface")
    static let lacp = Column("Port", 11, "lacp")
    static let qos = Column("Port", 12, "qos")
    static let mac = Column("Port", 13, "mac")
    static let fakeBridge = Column("Port", 14, "fake_bridge")
    static let protected = Column("Port", 15, "protected")
    static let otherConfig = Column("Port", 16, "other_config")
    static let bondActiveSlave = Column("Port", 17, "bond_active_slave")
    static let statistics = Column("Port", 18, "statistics")
    static let status = Column("Port", 19, "status")
    static let rstpStatistics = Column("Port", 20, "rstp_statistics")
    static let rstpStatus = Column("Port", 21, "rstp_status")
}

enum Interface {
    static let table = Table("Interface", ConfigurationColumns.interface + StatusColumns.interface)

    static let externalIDs = Column("Interface", 0, "external_ids")
    static let name = Column("Interface", 1, "name")
    static let type = Column("Interface", 2, "type")
    static let options = Column("Interface", 3, "options")
    static let ofportRequest = Column("Interface", 4, "ofport_request")
    static let mtuRequest = Column("Interface", 5, "mtu_request")
    static let mac = Column("Interface", 6, "mac")
    static let ingressPolicingRate = Column("Interface", 7, "ingress_policing_rate")
    static let ingressPolicingBurst = Column("Interface", 8, "ingress_policing_burst")
    static let ingressPolicingKpktsRate = Column("Interface", 9, "ingress_policing_kpkts_rate")
    static let ingressPolicingKpktsBurst = Column("Interface", 10, "ingress_policing_kpkts_burst")
    static let bfd = Column("Interface", 11, "bfd")
    static let cfmMPID = Column("Interface", 12, "cfm_mpid")
    static let lldp = Column("Interface", 13, "lldp")
    static let otherConfig = Column("Interface", 14, "other_config")
    static let ofport = Column("Interface", 15, "ofport")
    static let error = Column("Interface", 16, "error")
    static let macInUse = Column("Interface", 17, "mac_in_use")
    static let ifindex = Column("Interface", 18, "ifindex")
    static let adminState = Column("Interface", 19, "admin_state")
    static let linkState = Column("Interface", 20, "link_state")
    static let linkResets = Column("Interface", 21, "link_resets")
    static let linkSpeed = Column("Interface", 22, "link_speed")
    static let duplex = Column("Interface", 23, "duplex")
    static let mtu = Column("Interface", 24, "mtu")
    static let lacpCurrent = Column("Interface", 25, "lacp_current")
    static let statistics = Column("Interface", 26, "statistics")
    static let status = Column("Interface", 27, "status")
    static let bfdStatus = Column("Interface", 28, "bfd_status")
    static let cfmFault = Column("Interface", 29, "cfm_fault")
    static let cfmFaultStatus = Column("Interface", 30, "cfm_fault_status")
    static let cfmFlapCount = Column("Interface", 31, "cfm_flap_count")
    static let cfmHealth = Column("Interface", 32, "cfm_health")
    static let cfmRemoteMPIDs = Column("Interface", 33, "cfm_remote_mpids")
    static let cfmRemoteOpstate = Column("Interface", 34, "cfm_remote_opstate")
}

enum Controller {
    static let table = Table("Controller", ConfigurationColumns.controller + StatusColumns.controller)

    static let externalIDs = Column("Controller", 0, "external_ids")
    static let target = Column("Controller", 1, "target")
    static let type = Column("Controller", 2, "type")
    static let connectionMode = Column("Controller", 3, "connection_mode")
    static let localIP = Column("Controller", 4, "local_ip")
    static let localNetmask = Column("Controller", 5, "local_netmask")
    static let localGateway = Column("Controller", 6, "local_gateway")
    static let maxBackoff = Column("Controller", 7, "max_backoff")
    static let inactivityProbe = Column("Controller", 8, "inactivity_probe")
    static let enableAsyncMessages = Column("Controller", 9, "enable_async_messages")
    static let controllerQueueSize = Column("Controller", 10, "controller_queue_size")
    static let controllerRateLimit = Column("Controller", 11, "controller_rate_limit")
    static let controllerBurstLimit = Column("Controller", 12, "controller_burst_limit")
    static let otherConfig = Column("Controller", 13, "other_config")
    static let isConnected = Column("Controller", 14, "is_connected")
    static let role = Column("Controller", 15, "role")
    static let status = Column("Controller", 16, "status")
}

enum Mirror {
    static let table = Table("Mirror", [name, outputPort, selectSrcPort, selectDstPort])

    static let name = Column("Mirror", 0, "name")
    static let outputPort = Column("Mirror", 1, "output_port")
    static let selectSrcPort = Column("Mirror", 2, "select_src_port")
    static let selectDstPort = Column("Mirror", 3, "select_dst_port")
}

/// What is asked of a row that may be a bridge, a port or an interface.
extension Column {
    static let externalIDs = Column(nil, 0, "external_ids")
    static let rowName = Column(nil, 1, "name")
}

/// What is kept by the names of columns: values to write, values to compare with.
extension Dictionary where Key == String {
    subscript(column: Column) -> Value? {
        get { self[column.name] }
        set { self[column.name] = newValue }
    }

    subscript(column: Column, default value: @autoclosure () -> Value) -> Value {
        get { self[column.name, default: value()] }
        _modify { yield &self[column.name, default: value()] }
    }
}
