import OVSDB

@testable import OVSAgent

/// What the agent owns in a database, row by row under its name, without what may differ between two databases that are
/// alike: row identities, foreign ports and foreign keys.
struct OwnedState: Equatable {
    /// By `Bridge br.mx` and the like, each column as text.
    private(set) var rows: [String: [String: String]] = [:]

    init(_ replica: Replica, _ layout: SiegeLayout) {
        for table in ["Bridge", "Port", "Interface"] {
            for row in replica[table].rows where Self.isOurs(row.name, layout.names) {
                rows["\(table) \(row.name)"] = Self.columns(of: row, table, in: replica, layout)
            }
        }
        rows["Open_vSwitch"] = [
            "bridges": replica["Bridge"].rows.map(\.name).filter { Self.isOurs($0, layout.names) }.sorted()
                .joined(separator: " ")
        ]
    }

    /// `names` are the layout's own, of uplinks and NICs.
    static func isOurs(_ name: String, _ names: Set<String>) -> Bool {
        DerivedName(name) != nil || names.contains(name)
    }

    private static func columns(
        of row: Row,
        _ table: String,
        in replica: Replica,
        _ layout: SiegeLayout
    ) -> [String: String] {
        // brN and what is on it but the lane are the operator's, apart from what the layout states.
        let isInPart = Lane(uplinkBridge: row.name) != nil || layout.names.contains(row.name)
        var columns: [String: String] = [:]
        for column in ConfigurationColumns.of(table: table).map(\.name) {
            let value = row[column]
            switch column {
            case "ports", "interfaces":
                let child = replica[column == "ports" ? "Port" : "Interface"]
                let names = value.uuids.compactMap { child[$0]?.name }
                columns[column] = names.filter {
                    isOurs($0, layout.names) || !isInPart && Lane(localBridge: row.name) == nil
                }
                .sorted().joined(separator: " ")
            case "external_ids":
                // Who made a row is what its mark says to an agent that was not there when somebody changed the mark.
                columns[column] = value.entries.filter { $0.key.description.contains("ovs-agent-role") }
                    .map { "\($0.key)=\($0.value)" }.sorted()
                    .joined(separator: " ")
            default:
                if !isInPart || table == "Bridge" && statedOfUplinkBridges.contains(column)
                    || layout.stated.contains("\(table) \(row.name) \(column)")
                {
                    columns[column] = "\(value)"
                }
            }
        }
        return columns
    }

    /// What is ours of every brN.
    private static let statedOfUplinkBridges: Set<String> = ["fail_mode", "controller"]

    /// The first few differences, for people.
    func differences(from other: OwnedState) -> [String] {
        var lines: [String] = []
        for name in Set(rows.keys).union(other.rows.keys).sorted() {
            guard let mine = rows[name], let theirs = other.rows[name] else {
                lines.append("\(name) is only in \(rows[name] == nil ? "the former" : "the latter")")
                continue
            }
            for column in Set(mine.keys).union(theirs.keys).sorted() where mine[column] != theirs[column] {
                lines.append("\(name) \(column): \(theirs[column] ?? "-") -> \(mine[column] ?? "-")")
            }
        }
        return Array(lines.prefix(10))
    }
}
