import JSONRPC
import OVSDB

// Interfaces: which of those wanted are to be had, where they stand now, and what a port inherits with them.

/// The interfaces that a port gets.
struct Members {
    /// Those that are in it.
    var kept: [UUID] = []
    /// Those that come: made, or moved by reference from another port.
    var joining: [Atom] = []
    /// What a port that is made inherits from the port its first interface stood alone in, so that the wire keeps its
    /// VLANs, and others their keys.
    var carried: [String: Datum] = [:]
    /// Ports of the same bridge that go because their interfaces came from there.
    var formers: [UUID] = []

    var isEmpty: Bool { kept.isEmpty && joining.isEmpty }
}

extension Planner {
    /// Finds, takes or makes a port's interfaces; those that may not be taken become obstacles.
    mutating func gather(
        _ port: DesiredPort,
        standing row: Row?,
        of bridge: DesiredBridge,
        bridgeRow: Row?,
        quietly: Bool
    ) -> Members {
        var members = Members()
        for wanted in port.interfaces {
            guard let found = interfaces[name: wanted.row.name] else {
                members.joining.append(insert(wanted.row))
                continue
            }
            let isHere = row.map { interfaces(of: $0).contains(.uuid(found.uuid)) } ?? false
            if !isHere || replica.referrerCount(of: found.uuid) > 1 {
                let places = holders(of: found.uuid).filter { $0.row != row?.uuid }
                if mayTake(wanted, from: places, for: bridge, bridgeRow) {
                    for place in places.compactMap({ ports[$0.row] }) {
                        if port.row.role == .uplink {
                            if let row {
                                noteLoss(of: place, than: "\(row.name), which its NIC joins") { row[$0] }
                            } else {
                                inherit(from: place, for: port, into: &members)
                            }
                        }
                        if standsAlone(place, on: bridgeRow) || isFormerUplink(place, of: bridgeRow)
                            || isEmptied(place, by: port, on: bridgeRow),
                            !members.formers.contains(place.uuid)
                        {
                            members.formers.append(place.uuid)
                        }
                        editMembers(of: place, leaving: [.uuid(found.uuid)])
                    }
                } else {
                    // ovs-vswitchd gives it to one of the ports that have it, and nobody knows which.
                    plan.obstacles.append(refusal(ofInterface: found, in: bridge, heldBy: places))
                    if !isHere { continue }
                }
            }
            compare(found, with: wanted.row, quietly: quietly || !isHere)
            if isHere { members.kept.append(found.uuid) } else { members.joining.append(.uuid(found.uuid)) }
        }
        return members
    }

    /// The names of the interfaces, sorted, as `a, b`.
    func memberNames(_ members: Datum) -> String {
        members.atoms.map { member in
            switch member {
            case .uuid(let uuid): interfaces[uuid]?.name ?? "\(uuid)"
            case .namedUUID(let symbol):
                plan.inserts.first { $0.symbol == symbol }?.values[Interface.name]?.string ?? symbol
            default: "\(member)"
            }
        }.sortedNaturally().joined(separator: ", ")
    }

    /// DESIGN's rule 5.
    private func mayTake(
        _ wanted: DesiredInterface,
        from places: [Reference],
        for bridge: DesiredBridge,
        _ bridgeRow: Row?
    ) -> Bool {
        switch wanted.claim {
        case .byForce, .adopted: true
        case .refused: false
        case .ifAlone:
            places.lazy.compactMap { ports[$0.row] }.allSatisfy { port in
                standsAlone(port, on: bridgeRow) || isFormerUplink(port, of: bridgeRow)
                    || isGivenUp(wanted.row.name, by: port)
            }
        }
    }

    /// A port of the same brN that holds nothing else: `ovs-vsctl add-port br0 eth0`.
    private func standsAlone(_ port: Row, on bridge: Row?) -> Bool {
        guard let bridge, interfaces(of: port).count == 1, port.name != bridge.name else { return false }
        return replica.referrers(of: port.uuid).allSatisfy { $0.row == bridge.uuid }
    }

    /// The uplink that we formed on the same brN under the name that an earlier layout gave it.
    private func isFormerUplink(_ port: Row, of bridge: Row?) -> Bool {
        guard let bridge else { return false }
        return formerUplink(of: bridge)?.uuid == port.uuid && isMade(port, as: .uplink)
    }

    /// Whether a port of the same brN loses all its interfaces to this one.
    private func isEmptied(_ former: Row, by port: DesiredPort, on bridge: Row?) -> Bool {
        guard let bridge, replica.referrers(of: former.uuid).allSatisfy({ $0.row == bridge.uuid }) else { return false }
        return replica.interfaces(of: former).allSatisfy { row in port.interfaces.contains { $0.row.name == row.name } }
    }

    /// Whether the port loses the interface to this same plan: another uplink of the layout that no longer has it, a
    /// leftover that may be removed, a port that nobody may put on the chain.
    private func isGivenUp(_ interface: String, by port: Row) -> Bool {
        let places = replica.bridges(ofPort: port.uuid)
        return places.allSatisfy { place in
            if ChainBridge(name: place.name) != nil { return LanePort(name: port.name) == nil }
            guard let lane = Lane(uplinkBridge: place.name), Self.isMarked(port, as: .uplink) else { return false }
            guard desired.lanes.contains(lane) else { return removal.allows(lane) && leftoverLanes.contains(lane) }
            guard let other = desired.bridges.first(where: { $0.row.name == place.name }),
                let uplink = other.ports.first(where: { $0.row.name == port.name })
            else { return false }
            return !uplink.interfaces.contains { $0.row.name == interface }
        }
    }

    /// What the first port that gives up its NIC has of VLANs, and of bonding and LACP where it is a bond, is the new
    /// one's, so that the wire finds what it knows; where another differs it is said. Somebody else's bond goes on under
    /// the layout's name, and is adopted like one that has it already.
    private mutating func inherit(from port: Row, for uplink: DesiredPort, into members: inout Members) {
        let isOurs = isMade(port, as: .uplink)
        guard interfaces(of: port).count == 1 || isOurs || uplink.claim == .adopted else { return }
        guard members.carried.isEmpty else {
            let carried = members.carried
            return noteLoss(of: port, than: "the port that the uplink inherits them from") { carried[$0] ?? .emptySet }
        }
        for column in [Port.qos, Port.otherConfig, Port.externalIDs] where port.has(column) {
            members.carried[column] = port[column]
        }
        let marks = Set(Mark.all.map(Atom.string))
        let keys = port[Port.externalIDs].entries.filter { !marks.contains($0.key) }
        members.carried[Port.externalIDs] = Datum(map: keys)
        for column in Self.vlanColumns { members.carried[column] = port[column] }
        guard uplink.row.memory == .firstSight else { return }
        var found = isOurs ? FoundRow(made: port, nil) : FoundRow(adopted: port, as: .uplink)
        if interfaces(of: port).count == 1 {
            found.isAdopted = false
            found.leaveOutDefaults(of: port.schema, exceptFor: Self.vlanColumns)
        }
        plan.noted[FoundValues.Object(table: .port, name: uplink.row.name)] = found
    }

    /// Says what a port had that gives up its NIC, where it goes with the port.
    private mutating func noteLoss(of port: Row, than other: String, _ value: (Column) -> Datum) {
        let lost = (Self.vlanColumns + [Port.qos]).filter { port.has($0) && port[$0] != value($0) }
        guard !lost.isEmpty else { return }
        let values = lost.map { column in
            port[column].isEmpty
                ? "no \(column.name)" : column == Port.qos ? column.name : "\(column.name) \(port[column])"
        }
        let note = """
            Port \(port.name) had other VLANs or QoS than \(other): \(values.joined(separator: ", ")); they are dropped.
            """
        if !plan.notes.contains(note) { plan.notes.append(note) }
    }

    private static let vlanColumns = [Port.tag, Port.trunks, Port.vlanMode, Port.cvlans]

    // MARK: Refusals

    /// Why a port of this name cannot be had.
    func refusal(of port: Row, in bridge: DesiredBridge) -> Obstacle {
        let places = replica.bridges(ofPort: port.uuid).map(\.name).sorted()
        return Obstacle(
            object: "Port \(port.name)",
            reason: """
                wanted on bridge \(bridge.row.name), stands on bridge \(places.joined(separator: ", ")): remove it \
                there, or write adopt: true in the layout's uplink to take it
                """
        )
    }

    /// Why an interface cannot be had, or not alone, that other ports hold.
    func refusal(ofInterface interface: Row, in bridge: DesiredBridge, heldBy holders: [Reference]) -> Obstacle {
        let places = holders.compactMap { ports[$0.row] }.map { port in
            let standing = replica.bridges(ofPort: port.uuid).map(\.name).sorted()
            return "port \(port.name) of bridge \(standing.joined(separator: ", "))"
        }
        return Obstacle(
            object: "Interface \(interface.name)",
            reason: """
                wanted on bridge \(bridge.row.name), in use in \(places.sorted().joined(separator: " and ")): free it \
                there, or write adopt: true in the layout's uplink to take it
                """
        )
    }
}
