/// What the operator allows to be taken away of what earlier layouts left in the database (DESIGN, rule 8).
enum Removal: Hashable, Sendable {
    /// Nothing: it stays as it is and is reported.
    case refused
    /// What belongs to these lanes, whose virtual switches had no uplink.
    case lanes(Set<Lane>)
    /// Everything: `ovs-agentctl reload --allow-removal`.
    case allowed

    func allows(_ lane: Lane) -> Bool {
        switch self {
        case .refused: false
        case .lanes(let lanes): lanes.contains(lane)
        case .allowed: true
        }
    }
}
