import OVSDB

/// The few facts about what already stands that a layout's meaning depends on, read from the replica before compiling,
/// so that the compile step itself is a function of two values.
struct Found: Hashable, Sendable {
    /// The uplink bridges of the layout that exist, or did when all was last as wanted.
    var uplinkBridges: [Lane: UplinkBridge] = [:]
    /// What is remembered of rows of which the layout does not say all.
    var values = FoundValues()

    /// What is known of a brN.
    struct UplinkBridge: Hashable, Sendable {
        /// Whether it exists; else it is told as it was.
        var isPresent = true
        /// Whether the agent inserted it.
        var isMade: Bool
        /// `Bridge.datapath_type`, of a bridge that the agent has seen as it was when all was as wanted.
        var datapathType: String
        /// `Bridge.protocols`: the OpenFlow versions that it speaks; empty for ovs-vswitchd's own choice.
        var protocols: Set<String> = []
        /// What its hardware address is to be pinned to: what the agent saw or noted before, else what
        /// `other_config:hwaddr` says, else the address that it has, or comes to have where it is new; `nil` while that
        /// can't be told yet.
        var hardwareAddress: String?
        /// Whether somebody else had pinned it before the agent did.
        var wasPinned: Bool
        /// Whether nobody has pinned it yet.
        var isNewAddress = false
    }
}

extension Found {
    init(for layout: Layout, in replica: Replica, provenance: Provenance) {
        let bridges = replica[Bridge.table]
        values = provenance.found
        for lane in layout.virtualSwitches.lazy.map(\.lane) {
            let remembered = values[.bridge, lane.uplinkBridge]
            if let bridge = bridges[name: lane.uplinkBridge] {
                uplinkBridges[lane] = UplinkBridge(bridge, remembered, in: replica, provenance: provenance)
            } else if let remembered, let standing = remembered.standing {
                uplinkBridges[lane] = UplinkBridge(remembered, standing)
            }
        }
    }
}

extension Found.UplinkBridge {
    /// One that is not there.
    fileprivate init(_ remembered: FoundRow, _ standing: FoundRow.Standing) {
        isPresent = false
        isMade = !remembered.isAdopted
        datapathType = standing.datapathType
        protocols = Self.names(remembered.columns[Bridge.protocols] ?? .emptySet)
        hardwareAddress = standing.hardwareAddress
        wasPinned = standing.wasPinned
    }

    fileprivate init(_ bridge: Row, _ remembered: FoundRow?, in replica: Replica, provenance: Provenance) {
        let marks = bridge[Bridge.externalIDs]
        let seen = remembered?.standing
        isMade = provenance.isMade(bridge, as: .uplinkBridge)
        let found = bridge[Bridge.datapathType].string ?? ""
        datapathType = seen?.row == bridge.uuid ? seen?.datapathType ?? found : found
        protocols = Self.names(remembered?.columns[Bridge.protocols] ?? bridge[Bridge.protocols])
        let configured = bridge[Bridge.otherConfig]["hwaddr"]
        if let seen, let address = seen.hardwareAddress, Self.isUsable(address) {
            hardwareAddress = address
            wasPinned = seen.wasPinned
        } else if let noted = marks[Mark.hardwareAddress], Self.isUsable(noted) {
            hardwareAddress = noted
            wasPinned = marks[Mark.foundHardwareAddress] == "true"
        } else if let configured, Self.isUsable(configured) {
            hardwareAddress = configured
            wasPinned = true
        } else {
            hardwareAddress = Self.settledAddress(of: bridge, isMade: isMade, in: replica)
            wasPinned = false
            isNewAddress = true
        }
    }

    private static func names(_ protocols: Datum) -> Set<String> {
        Set(protocols.atoms.compactMap { if case .string(let name) = $0 { name } else { nil } })
    }

    /// The address that a bridge keeps if nobody pins it.
    ///
    /// The device of a new bridge is born with a random address, and ovs-vswitchd tells of that one before it gives it
    /// the lowest universal one among the bridge's ports, each counted by its first interface
    /// (ovs-vswitchd.conf.db(5), Interface Table, `mac`; bridge.c, find_local_hw_addr). That is foretold here, once
    /// ovs-vswitchd has told of every NIC that it can open. A bridge that others made has been up, and has what it has.
    private static func settledAddress(of bridge: Row, isMade: Bool, in replica: Replica) -> String? {
        let inUse = replica.interface(named: bridge.name)?[Interface.macInUse].string.flatMap {
            isUsable($0) ? $0 : nil
        }
        guard isMade, let inUse else { return inUse }
        var lowest: String?
        for port in replica.ports(of: bridge) where port.name != bridge.name {
            let members = replica.interfaces(of: port)
            let isUplink = port[Port.externalIDs][Mark.role] == Role.uplink.rawValue
            guard !isUplink || members.allSatisfy(isTold) else { return nil }
            let first = members.min { $0.name < $1.name }
            let address = port[Port.mac].string ?? first?[Interface.macInUse].string
            guard let address = address?.lowercased(), isUsable(address), isUniversal(address) else { continue }
            lowest = lowest.map { min($0, address) } ?? address
        }
        return lowest ?? inUse
    }

    /// Whether ovs-vswitchd has opened the interface or can't.
    private static func isTold(_ interface: Row) -> Bool {
        !interface[Interface.macInUse].isEmpty || interface[Interface.ofport].integer == -1
            || !interface[Interface.error].isEmpty
    }

    /// Whether its maker gave it, and no administrator or random generator (IEEE 802, the U/L bit).
    private static func isUniversal(_ address: String) -> Bool {
        let octet = UInt8(address.prefix(2), radix: 16) ?? 2
        return octet & 2 == 0
    }

    /// Whether ovs-vswitchd would take the text as `other_config:hwaddr`: six octets, neither zero nor multicast.
    private static func isUsable(_ text: String) -> Bool {
        let octets = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { octet in octet.count == 2 ? UInt8(Substring(octet), radix: 16) : nil }
        guard octets.count == 6, octets.allSatisfy({ $0 != nil }), let first = octets[0] else { return false }
        return first & 1 == 0 && octets.contains { $0 != 0 }
    }
}
