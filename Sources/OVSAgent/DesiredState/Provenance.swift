import JSONRPC
import OVSDB

/// What the agent saw of its own rows when all was last as wanted: which of them it made, and what it keeps of each brN.
///
/// The marks in `external_ids` say the same and outlive the agent, but anybody can edit them. A plan that believed an
/// edited mark would take an adopted bridge for one of its own and destroy it; so while the agent runs, what it saw
/// counts, and a mark that says otherwise is put back like any other drift. A row that it has not seen is what it remembers
/// of the row's name, else what the marks say.
struct Provenance: Hashable, Sendable {
    /// What is remembered by name, over restarts.
    private(set) var found: FoundValues
    private var isMade: [UUID: Bool] = [:]
    private var givenTags: [UUID: GivenTag] = [:]

    init(found: FoundValues = FoundValues()) { self.found = found }

    /// Whether the agent made the row; `nil` for one that it has not seen.
    func isMade(_ row: UUID) -> Bool? { isMade[row] }

    /// Whether the agent made the row: as it has seen, else as it remembers, else as the row's marks of this role say.
    func isMade(_ row: Row, as role: Role) -> Bool {
        if let isMade = isMade[row.uuid] { return isMade }
        if let table = DesiredRow.Table(name: row.schema.name), found.isAdopted(table, row.name) { return false }
        let marks = row[.externalIDs]
        return marks[Mark.made] == "true" && marks[Mark.role] == role.rawValue
    }

    /// What was seen of a VM port that has a network; `nil` for one that was not.
    func givenTag(_ port: UUID) -> GivenTag? { givenTags[port] }

    /// Takes what a plan saw of VM ports.
    ///
    /// - Parameters:
    ///   - settled: the tags of those that are as they should be; `nil` where a port is given none.
    ///   - open: those that are not.
    ///   - areAll: there are no others.
    mutating func record(settled: [UUID: GivenTag?], open: Set<UUID>, areAll: Bool) {
        if areAll { givenTags = givenTags.filter { open.contains($0.key) || settled[$0.key] != nil } }
        for (port, tag) in settled { givenTags[port] = tag }
    }

    /// Takes what a plan found on rows that are not remembered; gives whether it did.
    mutating func note(_ seen: [FoundValues.Object: FoundRow]) -> Bool {
        if seen.isEmpty { return false }
        found.note(seen)
        return true
    }

    /// Takes what an operator wants to be as found on an object.
    mutating func adopt(_ row: FoundRow, for object: FoundValues.Object) { found.set(row, for: object) }

    /// Takes what another agent has kept for what is remembered.
    mutating func replace(found: FoundValues) { self.found = found }

    /// Takes the marks of the desired rows in a scope for what they are: to be called when nothing differs there. Where
    /// that is all, what is no longer desired or no longer there is forgotten.
    mutating func record(_ desired: DesiredState, _ scope: PlanScope, in replica: Replica) {
        if scope == .all {
            isMade.removeAll(keepingCapacity: true)
            forgetReleased(desired, in: replica)
        }
        for (index, bridge) in desired.bridges.enumerated() {
            switch scope[index] {
            case nil: continue
            case .ports(let ports): for port in ports { record(bridge.ports[port], in: replica) }
            case .whole: record(bridge, in: replica)
            }
        }
    }

    /// Forgets rows that are no longer there.
    mutating func forget(_ rows: Set<UUID>) {
        for row in rows { isMade[row] = nil }
    }

    /// What left the layout is remembered until it is released: it may have to wait for the operator's word. A NIC that left
    /// its bond has no row any more, and what it had comes back with it.
    private mutating func forgetReleased(_ desired: DesiredState, in replica: Replica) {
        guard !found.rows.isEmpty else { return }
        let ports = desired.bridges.flatMap(\.ports)
        let rows = desired.bridges.map(\.row) + ports.map(\.row) + ports.flatMap(\.interfaces).map(\.row)
        let wanted = Set(rows.map { FoundValues.Object(table: $0.table, name: $0.name) })
        let found = found
        self.found.forget { object in
            if wanted.contains(object) { return false }
            guard let row = replica[object.table.vocabulary][name: object.name] else {
                return object.table != .interface || !found.isAdopted(.interface, object.name)
            }
            return row[.externalIDs][Mark.role] == nil
        }
    }

    private mutating func record(_ bridge: DesiredBridge, in replica: Replica) {
        if let row = record(bridge.row, in: replica), bridge.row.role == .uplinkBridge {
            let marks = row[.externalIDs]
            let standing = FoundRow.Standing(
                row: row.uuid,
                datapathType: row[Bridge.datapathType].string ?? "",
                hardwareAddress: marks[Mark.hardwareAddress],
                wasPinned: marks[Mark.foundHardwareAddress] == "true"
            )
            found.settle(row.name, standing)
        }
        for port in bridge.ports { record(port, in: replica) }
    }

    private mutating func record(_ port: DesiredPort, in replica: Replica) {
        _ = record(port.row, in: replica)
        for interface in port.interfaces { _ = record(interface.row, in: replica) }
    }

    private mutating func record(_ desired: DesiredRow, in replica: Replica) -> Row? {
        guard let row = replica[desired.table.vocabulary][name: desired.name],
            row[.externalIDs][Mark.role] == desired.role.rawValue
        else { return nil }
        isMade[row.uuid] = row[.externalIDs][Mark.made] == "true"
        return row
    }
}
