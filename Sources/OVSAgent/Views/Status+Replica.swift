import OVSDB

/// The parts of the status that the database tells: pure functions of the replica and the layout.
extension Status.VirtualSwitch {
    /// - Parameter flows: what is known of each bridge's, by bridge.
    init(_ declared: Layout.VirtualSwitch, in replica: Replica, flows: [String: FlowCounts] = [:]) {
        name = declared.name
        bridges = [declared.lane.localBridge, declared.lane.uplinkBridge].map { bridge in
            Status.ChainBridge(bridge, in: replica, flows: flows)
        }
        bridge = declared.lane.uplinkBridge
        uplink = declared.uplink.map { Status.Uplink($0, on: declared.lane.uplinkBridge, in: replica) }
    }
}

extension Status.Uplink {
    /// The port of the uplink's name, where it stands on its bridge. What the database says counts, not what is wanted.
    init(_ declared: Layout.Uplink, on bridge: String, in replica: Replica) {
        name = declared.name
        lacp = "off"
        lacpStatus = .off
        members = []
        isPresent = false
        guard let port = replica.port(named: declared.name),
            replica.bridge(named: bridge)?[Bridge.ports].contains(.uuid(port.uuid)) == true
        else { return }
        isPresent = true
        mode = port[Port.bondMode].string
        lacp = port[Port.lacp].string ?? "off"
        let fallsBack = port[Port.otherConfig]["lacp-fallback-ab"] == "true"
        let rows = replica.interfaces(of: port).sortedNaturally(by: \.name)
        members = rows.map {
            Status.Member($0, needsPartner: lacp != "off" && !fallsBack, isInBond: rows.count > 1)
        }
        // The bond's own `lacp_status` can read "negotiated" seconds after the partner died.
        let hasPartner = rows.contains {
            $0[Interface.linkState].string == "up" && $0[Interface.lacpCurrent].boolean == true
        }
        lacpStatus = lacp == "off" ? .off : hasPartner ? .negotiated : .configured
        // ovs-vswitchd names the active member by its MAC, and only that of an active-backup bond means anything.
        if let active = port[Port.bondActiveSlave].string {
            let named = rows.filter { $0[Interface.macInUse].string == active }
            activeMember = named.count == 1 ? named.first?.name : nil
        }
    }
}

extension Status.Member {
    fileprivate init(_ interface: Row, needsPartner: Bool, isInBond: Bool) {
        name = interface.name
        linkUp = interface[Interface.linkState].string == "up"
        // bit/s in the database; 0 is a virtual NIC's way to say that it has none.
        speedMbps = interface[Interface.linkSpeed].integer.flatMap { $0 > 0 ? Int($0 / 1_000_000) : nil }
        enabled =
            linkUp && (!needsPartner || interface[Interface.lacpCurrent].boolean == true)
            && !(isInBond && interface.isUnheard)
    }
}

extension Status.ChainBridge {
    /// The chain's bridges from the VMs to the wire; `flows` holds what is known of each, by bridge.
    static func all(in replica: Replica, flows: [String: FlowCounts] = [:]) -> [Status.ChainBridge] {
        ChainBridge.allCases.map { Status.ChainBridge($0.name, in: replica, flows: flows) }
    }

    fileprivate init(_ bridge: String, in replica: Replica, flows: [String: FlowCounts]) {
        self.init(bridge: bridge, present: replica.bridge(named: bridge) != nil, flows: flows[bridge])
    }
}
