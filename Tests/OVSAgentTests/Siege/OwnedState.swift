import OVSDB

@testable import OVSAgent

/// What the agent owns in a database, row by row under its name, without what may differ between two databases that are
/// alike: row identities, foreign ports and foreign keys.
struct OwnedState: Equatable {
    /// By `Bridge br.mx` and the like, each column as text.
    private(set) var rows: [String: [String: String]] = [:]

    /// - Parameter nics: the layout's own names, of uplinks and NICs.
    init(_ replica: Replica, nics: Set<String>) {
        for table in ["Bridge", "Port", "Interface"] {
            for row in replica[table].rows where Self.isOurs(row.name, nics) {
                rows["\(table) \(row.name)"] = Self.columns(of: row, table, in: replica, nics)
            }
        }
        rows["Open_vSwitch"] = [
            "bridges": replica["Bridge"].rows.map(\.name).filter { Self.isOurs($0, nics) }.sorted()
                .joined(separator: " ")
        ]
    }

    static func isOurs(_ name: String, _ nics: Set<String>) -> Bool {
        DerivedName(name) != nil || nics.contains(name)
    }

    private static func columns(
        of row: Row,
        _ table: String,
        in replica: Replica,
        _ nics: Set<String>
    ) -> [String: String] {
        // brN and what is on it but the lane are the operator's, apart from what the layout states.
        let isInPart = Lane(uplinkBridge: row.name) != nil || nics.contains(row.name)
        var columns: [String: String] = [:]
        for column in ConfigurationColumns.of(table: table) {
            let value = row[column]
            switch column {
            case "ports", "interfaces":
                let child = replica[column == "ports" ? "Port" : "Interface"]
                let names = value.uuids.compactMap { child[$0]?.name }
                columns[column] = names.filter { isOurs($0, nics) || !isInPart && Lane(localBridge: row.name) == nil }
                    .sorted().joined(separator: " ")
            case "external_ids":
                // Who made a row is what its mark says to an agent that was not there when somebody changed the mark.
                columns[column] = value.entries.filter { $0.key.description.contains("ovs-agent-role") }
                    .map { "\($0.key)=\($0.value)" }.sorted()
                    .joined(separator: " ")
            default:
                if !isInPart || statedInPart.contains("\(table).\(column)") { columns[column] = "\(value)" }
            }
        }
        return columns
    }

    /// What the layout of the siege states of the rows that are ours in part.
    private static let statedInPart: Set<String> = ["Bridge.fail_mode", "Bridge.controller"]

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
