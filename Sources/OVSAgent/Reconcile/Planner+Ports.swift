import JSONRPC
import OVSDB

// Ports and interfaces: found where they stand, taken where DESIGN's rule 5 allows it, made where there are none.

/// What came of a wanted port.
enum PortOutcome {
    /// It stands on its bridge.
    case stands(UUID)
    /// It has to be hooked into its bridge.
    case joins(Atom)
    /// It is not to be had; what stands on the bridge under its name, if anything, stays as it is.
    case left(UUID?)
}

extension Planner {
    mutating func reconcile(_ port: DesiredPort, of bridge: DesiredBridge, standing bridgeRow: Row?) -> PortOutcome {
        if let standing = findInPlace(port, on: bridgeRow) {
            for (found, wanted) in zip(standing.interfaces, port.interfaces) { compare(found, with: wanted.row) }
            compare(standing.port, with: port.row)
            return .stands(standing.port.uuid)
        }
        if port.row.role == .lane, let impostor = bridges[name: port.row.name] { evict(impostor) }
        let row = ports[name: port.row.name]
        var isHere = false
        if let row {
            isHere = bridgeRow.map { ports(of: $0).contains(.uuid(row.uuid)) } ?? false
            if !isHere || replica.referrerCount(of: row.uuid) > 1 {
                let takes = port.claim == .byForce || port.claim == .adopted
                if takes {
                    for place in holders(of: row.uuid) where place.row != bridgeRow?.uuid {
                        unhook(row, fromBridge: place.row)
                    }
                } else if !isHere {
                    plan.obstacles.append(refusal(of: row, in: bridge))
                    return .left(nil)
                }
            }
        }
        let members = gather(port, standing: row, of: bridge, bridgeRow: bridgeRow, quietly: !isHere)
        if members.isEmpty { return .left(isHere ? row?.uuid : nil) }
        guard let row else {
            let extra = members.carried.merging([Port.interfaces.name: Datum(set: members.joining)]) { $1 }
            let made = insert(port.row, extra: extra)
            plan.successions += members.formers.map { Succession(former: $0, port: made) }
            return .joins(made)
        }
        plan.successions += members.formers.map { Succession(former: $0, port: .uuid(row.uuid)) }
        var leaving: [Atom] = []
        if port.removesOtherInterfaces, interfaces(of: row).count > members.kept.count {
            leaving = interfaces(of: row).uuids.filter { !members.kept.contains($0) }.map(Atom.uuid)
        }
        if !members.joining.isEmpty || !leaving.isEmpty {
            editMembers(of: row, joining: members.joining, leaving: leaving)
        }
        compare(row, with: port.row, quietly: !isHere)
        if isHere { return .stands(row.uuid) }
        moving.insert(row.uuid)
        return .joins(.uuid(row.uuid))
    }

    /// The usual case: the port stands on its bridge and nowhere else, and has its interfaces, which stand nowhere else.
    /// What is left to look at is their columns.
    private func findInPlace(_ port: DesiredPort, on bridge: Row?) -> (port: Row, interfaces: [Row])? {
        guard let bridge, let row = ports[name: port.row.name], ports(of: bridge).contains(.uuid(row.uuid)),
            replica.referrerCount(of: row.uuid) == 1,
            !(port.row.role == .lane && bridges[name: port.row.name] != nil)
        else { return nil }
        let members = interfaces(of: row)
        guard members.count == port.interfaces.count || !port.removesOtherInterfaces else { return nil }
        var found: [Row] = []
        found.reserveCapacity(port.interfaces.count)
        for interface in port.interfaces {
            guard let row = interfaces[name: interface.row.name], members.contains(.uuid(row.uuid)),
                replica.referrerCount(of: row.uuid) == 1
            else { return nil }
            found.append(row)
        }
        return (row, found)
    }

    /// Whose children a row is, by name: the same database gives the same plan, in the same order.
    func holders(of row: UUID) -> [Reference] {
        let holders = replica.referrers(of: row)
        if holders.count < 2 { return holders }
        return holders.map { (name: replica[$0.table][$0.row]?.name ?? "", holder: $0) }
            .sortedNaturally(by: \.name).map(\.holder)
    }

    /// Hooks a port into a bridge that stands.
    mutating func join(_ port: Atom, named name: String, to bridge: Row) {
        edit(Bridge.table, bridge.uuid) { edit in
            edit.assumed[Bridge.name] = bridge[Bridge.name]
            edit.joining.append(port)
        }
        plan.changes.append(Change(.add, "Bridge \(bridge.name)", Bridge.ports.name, wanted: name))
    }

    /// Takes a port off a bridge; with nothing else that refers to it, its row goes.
    mutating func unhook(_ port: Row, fromBridge uuid: UUID) {
        guard let bridge = bridges[uuid], !isLeaving(port.uuid, bridge: uuid) else { return }
        edit(Bridge.table, uuid) { edit in
            edit.assumed[Bridge.name] = bridge[Bridge.name]
            edit.leaving.append(.uuid(port.uuid))
        }
        plan.changes.append(Change(.remove, "Bridge \(bridge.name)", Bridge.ports.name, found: port.name))
    }

    /// A bridge of a lane port's name stands in that port's way: ovs-vswitchd gives every bridge a device of its name,
    /// listed or not. It goes if it holds nothing else.
    private mutating func evict(_ bridge: Row) {
        let others = replica.ports(of: bridge).map(\.name).filter { LanePort(name: $0) == nil }
            .sortedNaturally()
        guard others.isEmpty, let root = plan.root else {
            plan.obstacles.append(
                Obstacle(
                    object: "Bridge \(bridge.name)",
                    reason: """
                        has the name of a lane's patch port, which cannot come up beside it, and holds \
                        \(others.joined(separator: ", ")): move that elsewhere and delete the bridge
                        """
                )
            )
            return
        }
        edit(Bridge.table, bridge.uuid) { $0.assumed[Bridge.ports] = bridge[Bridge.ports] }
        edit(OpenVSwitch.table, root) { $0.leaving.append(.uuid(bridge.uuid)) }
        plan.changes.append(Change(.remove, "Bridge \(bridge.name)", OpenVSwitch.bridges.name, found: bridge.name))
    }

    /// Nobody but the layout puts a port on the shared chain. What is left of a lane that may not be removed stays.
    mutating func removeUnknownPorts(of bridge: Row, except known: [UUID]) {
        guard ports(of: bridge).count > known.count else { return }
        let known = Set(known)
        for uuid in ports(of: bridge).uuids where !known.contains(uuid) {
            guard let port = ports[uuid], !isLeaving(uuid, bridge: bridge.uuid) else { continue }
            if let lanePort = LanePort(name: port.name), lanePort.bridge == bridge.name,
                leftoverLanes.contains(lanePort.lane), !removal.allows(lanePort.lane), Self.isMarked(port, as: .lane)
            {
                continue
            }
            noteMisplaced(port, on: bridge.name)
            unhook(port, fromBridge: bridge.uuid)
        }
    }

    private mutating func noteMisplaced(_ port: Row, on bridge: String) {
        let members = replica.interfaces(of: port)
        let asked = NetworkRequest(port: port, vmInterfaces: members.filter(\.isVMInterface))
        let lanes = asked.flatMap(desired.networks.lane(of:)).map { [$0] } ?? desired.lanes.sorted()
        plan.misplaced += members.compactMap { MisplacedVM($0, on: bridge, lanes: lanes) }
    }

    /// Takes what is no VM's off a brN.local, unless somebody makes it one in this very moment.
    mutating func expelPorts() {
        for port in expelled.compactMap({ ports[$0] }).sortedNaturally(by: \.name) {
            for place in holders(of: port.uuid) {
                guard let bridge = bridges[place.row],
                    Lane(localBridge: bridge.name).map(desired.lanes.contains) == true
                else { continue }
                for member in replica.interfaces(of: port) {
                    edit(Interface.table, member.uuid) { edit in
                        for column in [Interface.externalIDs, Interface.type] { edit.assumed[column] = member[column] }
                    }
                }
                unhook(port, fromBridge: bridge.uuid)
            }
        }
    }

    /// Settles what became of ports that interfaces joined or left: one that lost them all goes as a whole.
    mutating func settleMembers() {
        for edit in plan.edits where edit.table == Port.table && !(edit.joining.isEmpty && edit.leaving.isEmpty) {
            guard let port = ports[edit.row] else { continue }
            let before = interfaces(of: port)
            let after = Datum(set: before.atoms.filter { !edit.leaving.contains($0) } + edit.joining)
            if after.isEmpty {
                for place in holders(of: port.uuid) { unhook(port, fromBridge: place.row) }
            }
            let places = holders(of: port.uuid)
            if !moving.contains(port.uuid), places.allSatisfy({ isLeaving(port.uuid, bridge: $0.row) }) {
                self.edit(Port.table, port.uuid) { edit in
                    edit.joining = []
                    edit.leaving = []
                }
            } else {
                plan.changes.append(
                    Change(
                        .modify,
                        "Port \(port.name)",
                        Port.interfaces.name,
                        found: memberNames(before),
                        wanted: memberNames(after)
                    )
                )
            }
        }
    }

    /// Whether a port is being taken off a bridge, or the bridge goes and the port with it.
    func isLeaving(_ port: UUID, bridge: UUID) -> Bool {
        if edit(of: bridge)?.leaving.contains(.uuid(port)) == true { return true }
        guard let root = plan.root else { return false }
        return edit(of: root)?.leaving.contains(.uuid(bridge)) ?? false
    }

    mutating func editMembers(of port: Row, joining: [Atom] = [], leaving: [Atom] = []) {
        edit(Port.table, port.uuid) { edit in
            edit.assumed[Port.interfaces] = port[Port.interfaces]
            edit.joining += joining
            edit.leaving += leaving.filter { !edit.leaving.contains($0) }
        }
    }
}
