import OVSDB

/// The few facts about what already stands that a layout's meaning depends on, read from the replica before compiling,
/// so that the compile step itself is a function of two values.
struct Found: Hashable, Sendable {
    /// The uplink bridges of the layout that exist.
    var uplinkBridges: [Lane: UplinkBridge] = [:]

    /// What is known of an existing brN.
    struct UplinkBridge: Hashable, Sendable {
        /// Whether the agent inserted it.
        var isMade: Bool
        /// `Bridge.datapath_type`, of a bridge that the agent made as it was when all was as wanted.
        var datapathType: String
        /// `Bridge.protocols`: the OpenFlow versions that it speaks; empty for ovs-vswitchd's own choice.
        var protocols: Set<String> = []
        /// What its hardware address is to be pinned to: what the agent saw or noted before, else what
        /// `other_config:hwaddr` says, else the address that it has; `nil` while it has none yet.
        var hardwareAddress: String?
        /// Whether somebody else had pinned it before the agent did.
        var wasPinned: Bool
        /// Whether nobody has pinned it yet.
        var isNewAddress = false
    }
}

extension Found {
    init(for layout: Layout, in replica: Replica, provenance: Provenance) {
        let bridges = replica["Bridge"]
        for lane in layout.virtualSwitches.lazy.map(\.lane) {
            guard let bridge = bridges[name: lane.uplinkBridge] else { continue }
            uplinkBridges[lane] = UplinkBridge(bridge, interfaces: replica["Interface"], provenance: provenance)
        }
    }
}

extension Found.UplinkBridge {
    fileprivate init(_ bridge: Row, interfaces: TableReplica, provenance: Provenance) {
        let marks = bridge["external_ids"]
        let seen = provenance.uplinkBridge(bridge.uuid)
        isMade =
            provenance.isMade(bridge.uuid)
            ?? (marks[Mark.made] == "true" && marks[Mark.role] == Role.uplinkBridge.rawValue)
        let found = bridge["datapath_type"].string ?? ""
        datapathType = isMade ? seen?.datapathType ?? found : found
        protocols = Set(bridge["protocols"].atoms.compactMap { if case .string(let name) = $0 { name } else { nil } })
        let configured = bridge["other_config"]["hwaddr"]
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
            let inUse = interfaces[name: bridge.name]?["mac_in_use"].string
            hardwareAddress = inUse.flatMap { Self.isUsable($0) ? $0 : nil }
            wasPinned = false
            isNewAddress = true
        }
    }

    /// Whether ovs-vswitchd would take the text as `other_config:hwaddr`: six octets, neither zero nor multicast.
    private static func isUsable(_ text: String) -> Bool {
        let octets = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { octet in octet.count == 2 ? UInt8(Substring(octet), radix: 16) : nil }
        guard octets.count == 6, octets.allSatisfy({ $0 != nil }), let first = octets[0] else { return false }
        return first & 1 == 0 && octets.contains { $0 != 0 }
    }
}
