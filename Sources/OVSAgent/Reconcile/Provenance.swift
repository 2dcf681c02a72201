import OVSDB

/// What the agent saw of its own rows when all was last as wanted: which of them it made, and what it keeps of each brN.
///
/// The marks in `external_ids` say the same and outlive the agent, but anybody can edit them. A plan that believed an
/// edited mark would take an adopted bridge for one of its own and destroy it; so while the agent runs, what it saw
/// counts, and a mark that says otherwise is put back like any other drift. A row that it has not seen is what its marks
/// say.
struct Provenance: Hashable, Sendable {
    private var isMade: [UUID: Bool] = [:]
    private var uplinkBridges: [UUID: UplinkBridge] = [:]
    private var givenTags: [UUID: GivenTag] = [:]

    /// What is kept of a brN that stands.
    struct UplinkBridge: Hashable, Sendable {
        /// The address that it is pinned to; `nil` while it has none.
        var hardwareAddress: String?
        /// Whether somebody else had pinned it before the agent did.
        var wasPinned: Bool
        /// `Bridge.datapath_type`.
        var datapathType: String
    }

    /// Whether the agent made the row; `nil` for one that it has not seen.
    func isMade(_ row: UUID) -> Bool? { isMade[row] }

    /// What was seen of a brN; `nil` for one that was not.
    func uplinkBridge(_ row: UUID) -> UplinkBridge? { uplinkBridges[row] }

    /// What was seen of a VM port that has a network; `nil` for one that was not.
    func givenTag(_ port: UUID) -> GivenTag? { givenTags[port] }

    /// Takes what a plan saw of VM ports; `areAll`: there are no others.
    mutating func record(_ seen: Plan, areAll: Bool) {
        if areAll {
            givenTags = givenTags.filter { seen.openTags.contains($0.key) || seen.settledTags[$0.key] != nil }
        }
        for (port, tag) in seen.settledTags { givenTags[port] = tag }
    }

    /// Takes the marks of the desired rows in a scope for what they are: to be called when nothing differs there. Where
    /// that is all, what is no longer desired or no longer there is forgotten.
    mutating func record(_ desired: DesiredState, _ scope: PlanScope, in replica: Replica) {
        if scope == .all {
            isMade.removeAll(keepingCapacity: true)
            uplinkBridges.removeAll(keepingCapacity: true)
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
        for row in rows {
            isMade[row] = nil
            uplinkBridges[row] = nil
        }
    }

    private mutating func record(_ bridge: DesiredBridge, in replica: Replica) {
        if let row = record(bridge.row, in: replica), bridge.row.role == .uplinkBridge {
            let marks = row["external_ids"]
            uplinkBridges[row.uuid] = UplinkBridge(
                hardwareAddress: marks[Mark.hardwareAddress],
                wasPinned: marks[Mark.foundHardwareAddress] == "true",
                datapathType: row["datapath_type"].string ?? ""
            )
        }
        for port in bridge.ports { record(port, in: replica) }
    }

    private mutating func record(_ port: DesiredPort, in replica: Replica) {
        _ = record(port.row, in: replica)
        for interface in port.interfaces { _ = record(interface.row, in: replica) }
    }

    private mutating func record(_ desired: DesiredRow, in replica: Replica) -> Row? {
        guard let row = replica[desired.table.rawValue][name: desired.name],
            row["external_ids"][Mark.role] == desired.role.rawValue
        else { return nil }
        isMade[row.uuid] = row["external_ids"][Mark.made] == "true"
        return row
    }
}
