import OVSDB

/// What an operator's word `adopt` changes: values that stand now, and not what was found once, are to be kept from now on.
/// A pure value; what the layout states is no matter of it.
struct Adoption: Hashable, Sendable {
    private(set) var rows: [FoundValues.Object: FoundRow] = [:]
    /// What is to be another value than before.
    private(set) var changes: [Change] = []

    /// Why nothing can be adopted.
    enum Refusal: Error, Hashable, CustomStringConvertible {
        case unknown(String, known: [String])
        case missing(String)

        var description: String {
            switch self {
            case .unknown(let object, let known):
                "adopt: \(object) is none of the objects of which values are kept as found: \(known.joined(separator: ", "))"
            case .missing(let object):
                "adopt: \(object) is not in the database now: make it first, while the agent is paused"
            }
        }
    }

    /// `selection`: an object as events name it, or a name that may be of several; `nil` for all that there are.
    init(
        of selection: String?,
        desired: DesiredState,
        replica: Replica,
        provenance: Provenance
    ) throws(Refusal) {
        let candidates = desired.rowsAsFound
        let selected = candidates.filter { row in
            selection.map { $0 == "\(row.object)" || $0 == row.name } ?? true
        }
        if let selection, selected.isEmpty { throw .unknown(selection, known: candidates.map { "\($0.object)" }) }
        for wanted in selected {
            guard let row = replica[wanted.table.vocabulary][name: wanted.name] else {
                if selection == nil { continue }
                throw .missing("\(wanted.object)")
            }
            take(row, wanted, provenance, replica)
        }
    }

    private mutating func take(_ row: Row, _ wanted: DesiredRow, _ provenance: Provenance, _ replica: Replica) {
        let known = provenance.found[wanted.table, wanted.name]
        let isAdopted = known?.isAdopted ?? !provenance.isMade(row, as: wanted.role)
        let former = known ?? FoundRow(isAdopted: isAdopted)
        var new = former
        new.replace(with: FoundRow(adopted: row, as: wanted.role), keeping: wanted.states)
        if wanted.role == .uplinkBridge {
            // The agent's own connection speaks what it added there.
            if let spoken = former.columns[Bridge.protocols], !spoken.isEmpty,
                row[Bridge.protocols] == Datum(set: spoken.atoms + OpenFlowVersions.needed.map { .string($0) })
            {
                new.columns[Bridge.protocols] = spoken
            }
            new.standing = FoundRow.Standing(adopting: row, after: former.standing, in: replica)
        }
        rows[wanted.object] = new
        changes += former.changes(to: new, of: wanted.object)
    }
}

extension DesiredRow {
    /// As ``FoundValues`` names it.
    var object: FoundValues.Object { FoundValues.Object(table: table, name: name) }

    /// Whether the layout itself says what a column or key is to be.
    fileprivate func states(_ column: String, _ key: String?) -> Bool {
        columns.contains { wanted in
            guard wanted.name == column, !wanted.isAsFound, !wanted.isOnlyForMadeRows else { return false }
            guard case .entries(let entries) = wanted.value else { return true }
            return entries.contains { $0.key == key }
        }
    }
}

extension DesiredState {
    /// The rows of which some columns may be as found.
    var rowsAsFound: [DesiredRow] {
        bridges.filter { $0.row.memory != .none }.flatMap { bridge in
            [bridge.row] + bridge.ports.flatMap { [$0.row] + $0.interfaces.map(\.row) }
        }.filter { $0.memory != .none }
    }
}

extension FoundRow.Standing {
    fileprivate init(adopting bridge: Row, after former: Self?, in replica: Replica) {
        row = bridge.uuid
        datapathType = bridge[Bridge.datapathType].string ?? ""
        if let pinned = bridge[Bridge.otherConfig]["hwaddr"] {
            hardwareAddress = pinned
            wasPinned = pinned == former?.hardwareAddress ? former?.wasPinned == true : true
        } else {
            hardwareAddress =
                replica.interface(named: bridge.name)?[Interface.macInUse].string ?? former?.hardwareAddress
            wasPinned = false
        }
    }
}

extension FoundRow {
    fileprivate func changes(to new: FoundRow, of object: FoundValues.Object) -> [Change] {
        func changes(_ old: [String: String?], _ new: [String: String?]) -> [Change] {
            Set(old.keys).union(new.keys).sorted().compactMap { column in
                let (old, new) = (old[column] ?? nil, new[column] ?? nil)
                guard old != new else { return nil }
                let kind: Change.Kind = old == nil ? .add : new == nil ? .remove : .modify
                return Change(kind, "\(object)", column, found: old ?? "", wanted: new ?? "")
            }
        }
        return changes(told, new.told)
    }

    /// All that is remembered, by column or `column:key`, as `ovs-vsctl get` prints it; `nil` where there is no value.
    private var told: [String: String?] {
        var told: [String: String?] = [:]
        for (column, value) in columns { told[column] = .some(value.isEmpty ? nil : value.description) }
        for (column, entries) in keys { for (key, value) in entries { told["\(column):\(key)"] = .some(value) } }
        if let standing {
            told[Bridge.datapathType] = .some(standing.datapathType.isEmpty ? nil : standing.datapathType)
            told["\(Bridge.otherConfig.name):hwaddr"] = .some(standing.hardwareAddress)
        }
        return told
    }
}
