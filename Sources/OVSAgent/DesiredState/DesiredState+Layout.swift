import OVSDB

// From a layout to rows: what DATAPLANE's topology means in columns. Each method makes one kind of row.

extension DesiredState {
    /// Compiles a layout for a server's schema (the part of it that the replica follows).
    init(layout: Layout, found: Found, schema: DatabaseSchema) {
        let compiler = Compiler(layout: layout, found: found, schema: schema)
        lanes = Set(layout.virtualSwitches.map(\.lane))
        networks = Networks(layout)
        bridges = ChainBridge.allCases.map(compiler.chainBridge)
        for virtualSwitch in layout.virtualSwitches {
            obstacles += compiler.datapathObstacles(virtualSwitch)
            bridges.append(compiler.localBridge(virtualSwitch.lane))
            let bridge = compiler.uplinkBridge(virtualSwitch, obstacles: &obstacles)
            hostVLANs[virtualSwitch.lane] = bridge.hostVLAN
            bridges.append(bridge)
        }
    }
}

extension DesiredBridge {
    fileprivate var hostVLAN: Int64? {
        guard let host = ports.first(where: { $0.row.role == .hostPort })?.row, host.exact(Port.vlanMode) != "trunk"
        else {
            return nil
        }
        return host.exact(Port.tag)?.integer
    }
}

private struct Compiler {
    let layout: Layout
    let found: Found
    let schema: DatabaseSchema
    /// Of the chain and of every bridge that we make: patch ports join bridges of one datapath type only, so where a
    /// brN stood before us, those that stand decide.
    let datapathType: String
    /// Whether a brN that stands keeps its type even where we made it: neither one that joins it from outside nor a
    /// layout that is silent is a reason to destroy it under the host.
    private let keepsStanding: Bool

    init(layout: Layout, found: Found, schema: DatabaseSchema) {
        self.layout = layout
        self.found = found
        self.schema = schema
        // One that is to be made again is as it was, unless the layout says what it is.
        let standing = layout.virtualSwitches.compactMap { found.uplinkBridges[$0.lane] }
            .filter { $0.isPresent || layout.datapath == nil }
        let types = standing.map { Self.canonical($0.datapathType) }
        let stated = layout.datapath?.columnValue
        let isOursToSay = standing.allSatisfy(\.isMade) || stated.map(types.contains) == true
        // Where the layout does not say it, or no longer, no brN is destroyed for that.
        datapathType = (isOursToSay ? stated : nil) ?? types.first ?? ""
        keepsStanding = !isOursToSay || stated == nil
    }

    func chainBridge(_ bridge: ChainBridge) -> DesiredBridge {
        let lanePorts = layout.virtualSwitches.flatMap { virtualSwitch in
            LanePort.all(of: virtualSwitch.lane).filter { $0.bridge == bridge.name }
        }
        return DesiredBridge(
            row: secureBridge(bridge.name, Role(bridge)),
            ports: [ownPort(of: bridge.name)] + lanePorts.map(lanePort),
            removesUnknownPorts: true
        )
    }

    func localBridge(_ lane: Lane) -> DesiredBridge {
        DesiredBridge(
            row: secureBridge(lane.localBridge, .localBridge),
            ports: [ownPort(of: lane.localBridge), lanePort(LanePort(.local, of: lane))]
        )
    }

    func uplinkBridge(_ virtualSwitch: Layout.VirtualSwitch, obstacles: inout [Obstacle]) -> DesiredBridge {
        let lane = virtualSwitch.lane
        let known = found.uplinkBridges[lane]
        var row = builder(.bridge, lane.uplinkBridge, .uplinkBridge)
        row.exact(Bridge.failMode, "standalone")
        row.exact(Bridge.controller, .emptySet)
        let isAdopted = known?.isMade == false
        row.exact(Bridge.datapathType, Datum(.string(ownDatapathType(of: known))), isAsFound: isAdopted)
        if let spoken = known?.protocols, !spoken.isEmpty {
            // The operator's choice stays otherwise.
            let all = spoken.union(OpenFlowVersions.needed).map { Atom.string($0) }
            row.exact(Bridge.protocols, Datum(set: all), isAsFound: isAdopted)
        }
        if let known, let address = known.hardwareAddress {
            row.entries(
                Bridge.otherConfig,
                ["hwaddr": address],
                followingStatus: known.isNewAddress,
                isAsFound: known.wasPinned
            )
            row.entries(
                Bridge.externalIDs,
                [Mark.hardwareAddress: address, Mark.foundHardwareAddress: known.wasPinned ? "true" : nil],
                followingStatus: known.isNewAddress
            )
        }
        var bridge = DesiredBridge(
            row: row.partial(asFound: found.values),
            ports: [hostPort(virtualSwitch), lanePort(LanePort(.uplink, of: lane))]
        )
        guard let uplink = virtualSwitch.uplink else { return bridge }
        switch members(of: uplink) {
        case .failure(let obstacle):
            obstacles.append(obstacle)
            bridge.uplink = .asFound
        case .success(let nics):
            bridge.ports.append(uplinkPort(uplink, nics, mtu: virtualSwitch.mtu))
            bridge.uplink = .port(name: uplink.name)
        }
        return bridge
    }

    /// A layout's datapath that an existing brN does not have, or two brN that no patch port can join.
    func datapathObstacles(_ virtualSwitch: Layout.VirtualSwitch) -> [Obstacle] {
        let name = virtualSwitch.lane.uplinkBridge
        guard let bridge = found.uplinkBridges[virtualSwitch.lane], bridge.isPresent, !bridge.isMade || keepsStanding
        else { return [] }
        let type = Self.canonical(bridge.datapathType)
        if !bridge.isMade, let stated = layout.datapath, stated.columnValue != type {
            return [
                Obstacle(
                    object: "Bridge \(name)",
                    reason: """
                        stands with datapath \(Self.readable(type)) and the layout says \(stated.rawValue): changing \
                        it would destroy the bridge under the host. Write datapath: \(Self.readable(type)), or \
                        remove the bridge first
                        """
                )
            ]
        }
        if type != datapathType {
            return [
                Obstacle(
                    object: "Bridge \(name)",
                    reason: """
                        stands with datapath \(Self.readable(type)) and the chain with \
                        \(Self.readable(datapathType)): patch ports join bridges of one datapath only, so nothing \
                        passes lane \(virtualSwitch.lane). Rebuild one of the bridges
                        """
                )
            ]
        }
        return []
    }

    // MARK: Ports

    private func ownPort(of bridge: String) -> DesiredPort {
        var interface = builder(.interface, bridge, .bridgePort)
        interface.exact(Interface.type, "internal")
        return DesiredPort(
            row: builder(.port, bridge, .bridgePort).exclusive(),
            interfaces: [DesiredInterface(row: interface.exclusive(), claim: .byForce)],
            claim: .byForce
        )
    }

    private func lanePort(_ lanePort: LanePort) -> DesiredPort {
        var port = builder(.port, lanePort.name, .lane)
        if let tag = lanePort.accessTag {
            port.exact(Port.vlanMode, "access")
            port.exact(Port.tag, Datum(.integer(tag)))
        }
        if let trunks = lanePort.trunks {
            port.exact(Port.vlanMode, "trunk")
            port.exact(Port.trunks, Datum(set: trunks.map { .integer($0) }))
        }
        var interface = builder(.interface, lanePort.name, .lane)
        interface.exact(Interface.type, "patch")
        interface.exact(Interface.options, Datum(map: ["peer": lanePort.peer.name]))
        interface.exact(Interface.ofportRequest, Datum(.integer(lanePort.portRequest)))
        return DesiredPort(
            row: port.exclusive(),
            interfaces: [DesiredInterface(row: interface.exclusive(), claim: .byForce)],
            claim: .byForce
        )
    }

    private func hostPort(_ virtualSwitch: Layout.VirtualSwitch) -> DesiredPort {
        let name = virtualSwitch.lane.uplinkBridge
        let claim: Claim = virtualSwitch.uplink?.adopt == true ? .adopted : .refused
        var port = builder(.port, name, .hostPort)
        port.exact(Port.tag, virtualSwitch.hostVlan.map { Datum(.integer(Int64($0))) }, otherwiseWhereMade: 0)
        // A host port that we made is never a trunk, which would get every VM's VLAN; one that stood here before may
        // carry the host's own VLAN devices, beside a stated VLAN as its native one. As a mere trunk it would have none, and
        // as a tunnel it would hide whatever VLAN the host's frames name inside of it.
        let columns = found.values[.port, name]?.columns
        let hidesVLAN = ["trunk", "dot1q-tunnel"].contains(columns?[Port.vlanMode]?.string)
        let stated = virtualSwitch.hostVlan != nil && hidesVLAN ? Datum.emptySet : nil
        port.exact(Port.vlanMode, stated, otherwiseWhereMade: .emptySet)
        // Of VLAN 0 a native port has only what its list says (ovs-vswitchd.conf.db(5), `trunks`).
        if virtualSwitch.hostVlan == 0, let trunks = columns?[Port.trunks]?.atoms, !trunks.isEmpty {
            port.exact(Port.trunks, Datum(set: Set(trunks).union([.integer(0)])))
        }
        var interface = builder(.interface, name, .hostPort)
        interface.exact(Interface.type, "internal")
        if let mtu = virtualSwitch.mtu { interface.exact(Interface.mtuRequest, Datum(.integer(Int64(mtu)))) }
        return DesiredPort(
            row: port.partial(asFound: found.values),
            interfaces: [DesiredInterface(row: interface.partial(asFound: found.values), claim: claim)],
            removesOtherInterfaces: false,
            claim: claim
        )
    }

    private func uplinkPort(_ uplink: Layout.Uplink, _ nics: [String], mtu: Int?) -> DesiredPort {
        var port = builder(.port, uplink.name, .uplink)
        port.exact(Port.bondMode, uplink.mode.map { Datum(.string($0.rawValue)) }, otherwiseWhereMade: "active-backup")
        port.exact(Port.lacp, uplink.lacp.map { Datum(.string($0.rawValue)) }, otherwiseWhereMade: "off")
        port.exact(Port.bondUpdelay, uplink.upDelay.map { Datum(.integer(Int64($0))) }, otherwiseWhereMade: 0)
        port.exact(Port.bondDowndelay, uplink.downDelay.map { Datum(.integer(Int64($0))) }, otherwiseWhereMade: 0)
        port.entry(Port.otherConfig, "lacp-time", uplink.lacpRate?.rawValue, otherwiseWhereMade: "fast")
        port.entry(
            Port.otherConfig,
            "lacp-fallback-ab",
            uplink.lacpFallback.map { "\($0)" },
            otherwiseWhereMade: "true"
        )
        port.entry(Port.otherConfig, "bond-primary", uplink.primary, otherwiseWhereMade: nil)
        let interfaces = nics.map { name in
            var interface = builder(.interface, name, .uplinkMember)
            if let mtu { interface.exact(Interface.mtuRequest, Datum(.integer(Int64(mtu)))) }
            let row = interface.partial(asFound: found.values)
            return DesiredInterface(row: row, claim: uplink.adopt ? .adopted : .ifAlone)
        }
        let row = port.partial(asFound: found.values)
        return DesiredPort(row: row, interfaces: interfaces, claim: uplink.adopt ? .adopted : .refused)
    }

    /// The NICs that an uplink is to have, or why there are none to name.
    private func members(of uplink: Layout.Uplink) -> UplinkMembers {
        let object = "Port \(uplink.name)"
        if DerivedName(uplink.name) != nil {
            return .failure(
                Obstacle(object: object, reason: "the name belongs to a bridge or lane port: name the uplink otherwise")
            )
        }
        guard case .list(let nics) = uplink.nics else {
            return .failure(
                Obstacle(
                    object: object,
                    reason: """
                        the layout leaves the NICs to be discovered, which this version does not do: list them, as \
                        in nics: [eth0, eth1]
                        """
                )
            )
        }
        if let name = nics.first(where: { DerivedName($0) != nil }) {
            return .failure(Obstacle(object: object, reason: "\(name) is a name of the chain and no NIC: take it out"))
        }
        guard !nics.isEmpty else {
            return .failure(Obstacle(object: object, reason: "no NIC is listed: list one, or leave the uplink out"))
        }
        return .success(nics)
    }

    private enum UplinkMembers {
        case success([String])
        case failure(Obstacle)
    }

    // MARK: Rows

    private func secureBridge(_ name: String, _ role: Role) -> DesiredRow {
        var row = builder(.bridge, name, role)
        row.exact(Bridge.failMode, "secure")
        row.exact(Bridge.datapathType, Datum(.string(datapathType)))
        return row.exclusive()
    }

    private func builder(_ table: DesiredRow.Table, _ name: String, _ role: Role) -> DesiredRowBuilder {
        DesiredRowBuilder(table, name, role, schema: schema)
    }

    /// Of a brN: its own where others made it, since another would destroy it.
    private func ownDatapathType(of bridge: Found.UplinkBridge?) -> String {
        guard let bridge else { return datapathType }
        if !bridge.isPresent, layout.datapath != nil { return datapathType }
        return keepsStanding || !bridge.isMade ? bridge.datapathType : datapathType
    }

    /// ovs-vswitchd takes `system` for the empty string (ofproto_normalize_type).
    private static func canonical(_ datapathType: String) -> String { datapathType == "system" ? "" : datapathType }

    private static func readable(_ datapathType: String) -> String { datapathType.isEmpty ? "system" : datapathType }
}
