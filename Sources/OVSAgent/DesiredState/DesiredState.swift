import OVSDB

/// The rows that a layout asks for: bridges with their ports with their interfaces, and what is wanted of each.
///
/// A pure value, compiled from a ``Layout`` for one schema by ``init(layout:found:schema:)``; ``Plan`` compares it with
/// a replica of that schema. It holds the rows to be there; what is no longer asked for is recognised by its marks.
struct DesiredState: Hashable, Sendable {
    /// The shared chain first, then each virtual switch's brN.local and brN, in the order of the layout.
    var bridges: [DesiredBridge] = []
    /// The lanes that the layout has.
    var lanes: Set<Lane> = []
    /// The VLAN that the host's port carries without a tag, where it has one: the controller VM's, too.
    var hostVLANs: [Lane: Int64] = [:]
    /// What VM ports may ask for.
    var networks = Networks()
    /// What the layout asks for and cannot have, as far as it shows without looking at single rows.
    var obstacles: [Obstacle] = []
}

extension DesiredRow {
    /// The whole value that is wanted of a column.
    func exact(_ column: Column) -> Datum? {
        columns.lazy.compactMap { wanted in
            if wanted.name == column.name, case .exact(let value) = wanted.value { value } else { nil }
        }.first
    }
}

/// A bridge with its ports.
struct DesiredBridge: Hashable, Sendable {
    var row: DesiredRow
    var ports: [DesiredPort]
    /// Whether ports that nobody asked for are removed (the shared chain) or stay.
    var removesUnknownPorts = false
    /// The way out of a brN.
    var uplink = UplinkIntent.none

    /// What the layout says of a bridge's way out.
    enum UplinkIntent: Hashable, Sendable {
        /// There is none; one that the agent formed before is taken away where that is allowed.
        case none
        /// It is the port of this name, which is among the bridge's ports.
        case port(name: String)
        /// It cannot be told what it should be: whatever stands is left.
        case asFound
    }
}

/// A port with its interfaces.
struct DesiredPort: Hashable, Sendable {
    var row: DesiredRow
    var interfaces: [DesiredInterface]
    /// Whether interfaces that nobody asked for leave the port. An uplink has exactly the layout's NICs.
    var removesOtherInterfaces = true
    var claim: Claim
}

/// An interface.
struct DesiredInterface: Hashable, Sendable {
    var row: DesiredRow
    var claim: Claim
}

/// How far the agent goes to have a name that stands in another place.
enum Claim: Hashable, Sendable {
    /// It takes it: nobody else has business with a name of the chain or its lanes.
    case byForce
    /// It takes it, because the layout says `adopt: true`.
    case adopted
    /// It takes a NIC that stands alone in a port of the same bridge; anything else is refused.
    case ifAlone
    /// It does not.
    case refused
}

/// What is wanted of one row.
struct DesiredRow: Hashable, Sendable {
    var table: Table
    var name: String
    var role: Role
    var memory: Memory
    let columns: [DesiredColumn]
    let glance: Glance

    init(table: Table, name: String, role: Role, memory: Memory = .none, columns: [DesiredColumn]) {
        self.table = table
        self.name = name
        self.role = role
        self.memory = memory
        self.columns = columns
        glance = Glance(columns)
    }

    /// What is known of how the row was found.
    enum Memory: Hashable, Sendable {
        /// Nothing is to be: the row is owned whole.
        case none
        /// Nothing yet: what stands there is to be noted.
        case firstSight
        /// ``FoundValues`` has it.
        case kept(isAdopted: Bool)
    }

    /// The columns again, split so that what differs in a row, which is nothing in nearly every one at nearly every time,
    /// is found in one pass over flat arrays.
    struct Glance: Hashable, Sendable {
        private var positions: [Int] = []
        private var values: [Datum] = []
        /// Where each of them stands among the columns.
        private var places: [Int] = []
        private var others: [Int] = []
        private var otherColumns: [DesiredColumn] = []

        fileprivate init(_ columns: [DesiredColumn]) {
            for (place, column) in columns.enumerated() {
                if case .exact(let value) = column.value {
                    positions.append(column.position)
                    values.append(value)
                    places.append(place)
                } else {
                    others.append(place)
                    otherColumns.append(column)
                }
            }
        }

        /// The places in ``DesiredRow/columns`` of those of which the row has not the value wanted, be it wanted of made
        /// rows only.
        func differences(in row: Row) -> [Int] {
            var found: [Int] = []
            for index in positions.indices where row.values[positions[index]] != values[index] {
                found.append(places[index])
            }
            for (place, column) in zip(others, otherColumns) {
                if !column.value.isHeld(by: row.values[column.position]) { found.append(place) }
            }
            return found.sorted()
        }
    }

    /// The tables whose rows the agent owns.
    enum Table: Hashable, Sendable {
        case bridge, port, interface

        /// `nil` for any other table.
        init?(name: String) {
            switch name {
            case Bridge.table.name: self = .bridge
            case Port.table.name: self = .port
            case Interface.table.name: self = .interface
            default: return nil
            }
        }

        /// As the database names it.
        var name: String { vocabulary.name }

        var vocabulary: OVSDB.Table {
            switch self {
            case .bridge: Bridge.table
            case .port: Port.table
            case .interface: Interface.table
            }
        }
    }
}

/// What is wanted of one column.
struct DesiredColumn: Hashable, Sendable {
    var name: String
    /// Where the column's value stands in a row of the schema that the state was compiled for.
    var position: Int
    var value: Value
    /// A documented default: the row is given it when the agent makes it, and kept at it; a row that stood there
    /// before keeps what it has.
    var isOnlyForMadeRows = false
    /// The value was first heard from ovs-vswitchd: where it is missing, nobody took it away.
    var followsStatus = false
    /// The layout does not state it: it is what was found.
    var isAsFound = false

    enum Value: Hashable, Sendable {
        /// The whole value.
        case exact(Datum)
        /// These keys of a map, and no others of it; sorted by key.
        case entries([Entry])

        /// Whether a found value satisfies this.
        func isHeld(by found: Datum) -> Bool {
            switch self {
            case .exact(let value): found == value
            case .entries(let entries): entries.allSatisfy { found[$0.key] == $0.value }
            }
        }
    }

    /// One owned key of a map.
    struct Entry: Hashable, Sendable {
        var key: String
        /// `nil`: the key is to be absent.
        var value: String?
    }
}

/// Something that the layout asks for and that is not done, because it would take from others or cannot work.
/// The agent is `degraded` while there is one.
package struct Obstacle: Hashable, Sendable, CustomStringConvertible {
    /// What it is about, as in `Port br0-up`.
    package var object: String
    /// What was found, and what to do.
    package var reason: String

    package var description: String { "\(object): \(reason)" }
}
