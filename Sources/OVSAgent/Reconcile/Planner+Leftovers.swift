import JSONRPC
import OVSDB

// What an earlier layout left: deleted where we made it, released (our marks removed) where we found it. A row counts
// only with our role under a name that we derive, and nothing goes before the operator allows it.

extension Planner {
    /// Lanes that the layout has not, of which a bridge stands that bears our role. One glance at each bridge's name.
    mutating func findLeftoverLanes() {
        for bridge in bridges.rows {
            let name = bridge.name
            guard name.hasPrefix("br") else { continue }
            if let lane = Lane(uplinkBridge: name) {
                if !desired.lanes.contains(lane), Self.isMarked(bridge, as: .uplinkBridge) {
                    leftoverLanes.insert(lane)
                }
            } else if let lane = Lane(localBridge: name) {
                if !desired.lanes.contains(lane), Self.isMarked(bridge, as: .localBridge) {
                    leftoverLanes.insert(lane)
                }
            }
        }
    }

    mutating func handleLeftoverLanes() {
        for lane in leftoverLanes.sorted() {
            let local = bridges[name: lane.localBridge].flatMap { Self.isMarked($0, as: .localBridge) ? $0 : nil }
            let uplink = bridges[name: lane.uplinkBridge].flatMap { Self.isMarked($0, as: .uplinkBridge) ? $0 : nil }
            guard removal.allows(lane) else {
                plan.obstacles.append(leftover(lane, [local, uplink].compactMap { $0 }))
                continue
            }
            if let local { takeAway(local, .localBridge) }
            if let uplink { takeAway(uplink, .uplinkBridge) }
        }
    }

    /// Follows an uplink's name through the layout: notes the one that stands, and takes away a former one.
    mutating func settleUplink(of bridge: DesiredBridge, standing row: Row, formed: Set<String>) {
        switch bridge.uplink {
        case .asFound: return
        case .port(let name):
            guard formed.contains(name), row[Bridge.externalIDs][Mark.uplink] != name else { return }
            if let former = formerUplink(of: row), former.name != name, isMade(former, as: .uplink) {
                unhook(former, fromBridge: row.uuid)
            }
            setKeys(row, .bridge, Bridge.externalIDs, [Mark.uplink: name])
        case .none:
            guard let former = formerUplink(of: row) else {
                setKeys(row, .bridge, Bridge.externalIDs, [Mark.uplink: nil])
                return
            }
            guard Lane(uplinkBridge: row.name).map(removal.allows) == true else {
                plan.obstacles.append(
                    Obstacle(
                        object: "Port \(former.name)",
                        reason: """
                            was \(isMade(former, as: .uplink) ? "made" : "adopted") as the uplink of \
                            \(row.name), and the layout no longer has one: run ovs-agentctl reload --allow-removal
                            """
                    )
                )
                return
            }
            if fate(ofUplink: former) == .goes { unhook(former, fromBridge: row.uuid) } else { release(former) }
            setKeys(row, .bridge, Bridge.externalIDs, [Mark.uplink: nil])
        }
    }

    /// The port of a brN that bears our role as its uplink, under the name that we noted or else the default one.
    func formerUplink(of bridge: Row) -> Row? {
        let name = bridge[Bridge.externalIDs][Mark.uplink] ?? "\(bridge.name)-up"
        guard let port = ports[name: name], ports(of: bridge).contains(.uuid(port.uuid)),
            Self.isMarked(port, as: .uplink)
        else { return nil }
        return port
    }

    // MARK: Taking away

    private enum Fate {
        /// With the bridge, or before it.
        case goes
        /// It stands on without our marks.
        case isReleased
        /// It is none of ours.
        case isForeign
    }

    /// Deletes a bridge that we made and that holds nothing but what we made; else releases what it is.
    private mutating func takeAway(_ bridge: Row, _ role: Role) {
        let former = formerUplink(of: bridge)?.uuid
        var going: [Row] = []
        var released: [Row] = []
        var others: [String] = []
        var own: Row?
        for uuid in ports(of: bridge).uuids {
            guard let port = ports[uuid], !isLeaving(uuid, bridge: bridge.uuid) else { continue }
            if port.name == bridge.name {
                own = port
                continue
            }
            switch fate(of: port, on: bridge, uplink: former) {
            case .goes: going.append(port)
            case .isReleased:
                released.append(port)
                others.append(port.name)
            case .isForeign:
                let isGiven = GivenTag(port[Port.externalIDs])?.given != nil
                if role == .localBridge || isGiven { restoreTag(of: port, why: "its virtual switch is taken away") }
                others.append(port.name)
            }
        }
        if isMade(bridge, as: role), others.isEmpty, let root = plan.root {
            // Nobody may have plugged anything in since.
            edit(Bridge.table, bridge.uuid) { $0.assumed[Bridge.ports] = bridge[Bridge.ports] }
            edit(OpenVSwitch.table, root) { $0.leaving.append(.uuid(bridge.uuid)) }
            plan.changes.append(Change(.remove, "Bridge \(bridge.name)", OpenVSwitch.bridges.name, found: bridge.name))
            return
        }
        for port in going { unhook(port, fromBridge: bridge.uuid) }
        for port in released { release(port) }
        if let own { release(own) }
        giveBack(bridge, .bridge)
        unpin(bridge)
        setKeys(bridge, .bridge, Bridge.externalIDs, Self.noMarks)
        if isMade(bridge, as: role) {
            plan.notes.append(
                """
                Bridge \(bridge.name) was made for a virtual switch the layout no longer has; it stays, without our \
                marks, because it holds what we did not make: \(others.sortedNaturally().joined(separator: ", ")).
                """
            )
        }
    }

    private func fate(of port: Row, on bridge: Row, uplink: UUID?) -> Fate {
        if port.uuid == uplink { return fate(ofUplink: port) }
        guard let lanePort = LanePort(name: port.name), lanePort.bridge == bridge.name,
            Self.isMarked(port, as: .lane)
        else { return .isForeign }
        return isMade(port, as: .lane) ? .goes : .isReleased
    }

    /// A port with an interface that we did not make is never deleted: it is the host's way to the wire.
    private func fate(ofUplink port: Row) -> Fate {
        guard isMade(port, as: .uplink) else { return .isReleased }
        let taken = edit(of: port.uuid)?.leaving ?? []
        let remaining = interfaces(of: port).uuids.filter { !taken.contains(.uuid($0)) }
        let areOurs = remaining.allSatisfy { uuid in
            interfaces[uuid].map { isMade($0, as: .uplinkMember) } ?? true
        }
        return areOurs ? .goes : .isReleased
    }

    /// Removes our marks from a port and its interfaces.
    private mutating func release(_ port: Row) {
        for uuid in interfaces(of: port).uuids {
            guard let interface = interfaces[uuid], edit(of: port.uuid)?.leaving.contains(.uuid(uuid)) != true else {
                continue
            }
            giveBack(interface, .interface)
            setKeys(interface, .interface, Interface.externalIDs, Self.noMarks)
        }
        giveBack(port, .port)
        setKeys(port, .port, Port.externalIDs, Self.noMarks)
    }

    /// Takes back the pinned hardware address where nobody else had pinned it before us.
    private mutating func unpin(_ bridge: Row) {
        let marks = bridge[Bridge.externalIDs]
        guard let pinned = marks[Mark.hardwareAddress], marks[Mark.foundHardwareAddress] != "true",
            bridge[Bridge.otherConfig]["hwaddr"] == pinned
        else { return }
        setKeys(bridge, .bridge, Bridge.otherConfig, ["hwaddr": nil])
    }

    private func leftover(_ lane: Lane, _ rows: [Row]) -> Obstacle {
        let names = rows.map { row in
            let isMade = row[.externalIDs][Mark.made] == "true"
            return "\(row.name) was \(isMade ? "made" : "adopted")"
        }
        return Obstacle(
            object: "Bridge \(lane.uplinkBridge)",
            reason: """
                \(names.joined(separator: " and ")) for a virtual switch the layout no longer has: run ovs-agentctl \
                reload --allow-removal
                """
        )
    }

    private static let noMarks = Dictionary(uniqueKeysWithValues: Mark.all.map { ($0, String?.none) })
}
