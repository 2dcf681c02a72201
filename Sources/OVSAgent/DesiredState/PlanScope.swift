import OVSDB

/// Which part of a desired state a plan looks at: all of it, or what notifications touched since a plan found nothing to
/// do. So a repair's cost follows the edit, not the layout.
enum PlanScope: Hashable, Sendable {
    case all
    /// By the bridges' places in ``DesiredState/bridges``.
    case some([Int: Part])

    static let nothing = PlanScope.some([:])

    /// How much of a bridge.
    enum Part: Hashable, Sendable {
        /// Its row, all its ports, and what else is on it.
        case whole
        /// These places in ``DesiredBridge/ports``.
        case ports(Set<Int>)
    }

    /// What is looked at of a bridge; `nil` for nothing.
    subscript(bridge: Int) -> Part? {
        switch self {
        case .all: .whole
        case .some(let parts): parts[bridge]
        }
    }

    fileprivate mutating func insert(_ place: DesiredPlaces.Place) {
        guard case .some(var parts) = self else { return }
        self = .nothing
        if let port = place.port {
            switch parts[place.bridge] {
            case .whole: break
            case .ports(let others): parts[place.bridge] = .ports(others.union([port]))
            case nil: parts[place.bridge] = .ports([port])
            }
        } else {
            parts[place.bridge] = .whole
        }
        self = .some(parts)
    }
}

/// Where in a desired state each name stands that it has something to say of.
struct DesiredPlaces: Sendable {
    struct Place: Hashable, Sendable {
        /// In ``DesiredState/bridges``.
        var bridge: Int
        /// In ``DesiredBridge/ports``; `nil` for the bridge as a whole.
        var port: Int?
    }

    private var places: [String: [Place]] = [:]
    private let lanes: Set<Lane>

    init(_ desired: DesiredState) {
        lanes = desired.lanes
        for (bridgeIndex, bridge) in desired.bridges.enumerated() {
            let whole = Place(bridge: bridgeIndex)
            places[bridge.row.name, default: []].append(whole)
            // What a brN has for a way out follows from several ports together.
            let isUplinkBridge = bridge.row.role == .uplinkBridge
            if isUplinkBridge { places["\(bridge.row.name)-up", default: []].append(whole) }
            for (portIndex, port) in bridge.ports.enumerated() {
                let place = isUplinkBridge ? whole : Place(bridge: bridgeIndex, port: portIndex)
                for name in Set([port.row.name] + port.interfaces.map(\.row.name)) {
                    places[name, default: []].append(place)
                }
            }
        }
    }

    /// Widens a scope by what changes concern; `replica` is the one right after them.
    ///
    /// A plan finds everything by name, and whether a row stands where it should by who refers to it. So a change concerns
    /// what bears the row's own name and the names of those that joined or left it.
    func widen(_ scope: inout PlanScope, by changes: [RowChange], in replica: Replica) {
        for change in changes where scope != .all {
            switch change.table {
            case Bridge.table.name: widen(&scope, by: change, children: (Bridge.ports, Port.table), in: replica)
            case Port.table.name: widen(&scope, by: change, children: (Port.interfaces, Interface.table), in: replica)
            case Interface.table.name: widen(&scope, by: change, children: nil, in: replica)
            case OpenVSwitch.table.name:
                // That bridges come and go, their own rows tell.
                if case .modified = change.kind { continue }
                scope = .all
            default: continue
            }
        }
    }

    private func widen(
        _ scope: inout PlanScope,
        by change: RowChange,
        children: (column: Column, table: Table)?,
        in replica: Replica
    ) {
        let table = replica[change.table]
        guard let position = table.schema.position(of: .rowName) else { return }
        let name: String? =
            if case .deleted(let old) = change.kind { old[position].string } else { table[change.uuid]?.name }
        if let name {
            if change.table == Bridge.table.name, isLeftover(name) { scope = .all }
            for place in places[name] ?? [] { scope.insert(place) }
        }
        guard let children else { return }
        let rows = replica[children.table]
        for child in change.joinedOrLeft(children.column, in: replica) {
            guard let name = rows[child]?.name else { continue }
            for place in places[name] ?? [] { scope.insert(place) }
        }
    }

    /// Whether a bridge's name is that of a lane that the layout has not, and may be left of an earlier one.
    private func isLeftover(_ name: String) -> Bool {
        guard let lane = Lane(uplinkBridge: name) ?? Lane(localBridge: name) else { return false }
        return !lanes.contains(lane)
    }
}
