import OVSDB

@testable import OVSAgent

/// The transactions of a database file, as `ovsdb-tool -mm show-log` prints them, and whether those of the agent kept
/// their hands off what is foreign.
struct TransactionLog {
    private(set) var transactions = 0
    private(set) var ofAgent = 0
    /// What the agent did to rows of others, a line each.
    private(set) var trespasses: [String] = []

    private struct Row {
        var table: String
        var name: String
        /// Whole UUIDs, as the log has written them last.
        var children: Set<Substring> = []
    }

    /// By the first eight digits of the UUID, as the log has them.
    private var rows: [Substring: Row] = [:]
    private let names: Set<String>

    init(_ text: String, names: Set<String>) {
        self.names = names
        var comment: Substring = ""
        var current: (row: Substring, isInsert: Bool)?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("record ") {
                transactions += 1
                comment = line.drop { $0 != "\"" }.dropFirst()
                if comment.hasPrefix("ovs-agentd: ") { ofAgent += 1 }
                current = nil
            } else if line.hasPrefix("  table ") {
                current = begin(line)
            } else if line.hasPrefix("    "), let current {
                change(line.dropFirst(4), of: current.row, current.isInsert, comment)
            }
        }
    }

    /// `  table Port insert row "p0" (65aab8be):` or `  table Port row "p0" (65aab8be) diff:`
    private mutating func begin(_ line: Substring) -> (Substring, Bool)? {
        let words = line.split(separator: " ")
        guard let open = line.lastIndex(of: "("), words.count > 2 else { return nil }
        let uuid = line[line.index(after: open)...].prefix(8)
        let isInsert = words[2] == "insert"
        if isInsert {
            let name = words.count > 4 ? words[4].filter { $0 != "\"" } : ""
            rows[uuid] = Row(table: String(words[1]), name: name)
        }
        return (uuid, isInsert)
    }

    private mutating func change(_ text: Substring, of uuid: Substring, _ isInsert: Bool, _ comment: Substring) {
        guard var row = rows[uuid] else { return }
        let column = text.prefix { $0 != "=" }
        if isInsert, column == "name" { row.name = text.drop { $0 != "=" }.dropFirst().filter { $0 != "\"" } }
        let children: Set<Substring> = Set(
            text.drop { $0 != "=" }.dropFirst().split { "[], ".contains($0) }.map { $0.prefix(8) }
        )
        if column == "ports" || column == "interfaces" { row.children.formSymmetricDifference(children) }
        rows[uuid] = row
        guard !isInsert, comment.hasPrefix("ovs-agentd: "), isForeign(row) else { return }
        switch (row.table, column) {
        case ("Bridge", "ports"), ("Port", "interfaces"):
            // It gives back what bears a name of ours.
            for child in children where !(rows[child].map(isOursOrHoldsOurs) ?? true) {
                trespasses.append("\(row.name) \(column): \(rows[child]?.name ?? "?") in \(comment)")
            }
        case ("Port", "delete row"), ("Interface", "delete row"), ("Controller", "delete row"), ("Mirror", _),
            ("sFlow", _), ("NetFlow", _), ("IPFIX", _), ("QoS", _), ("Open_vSwitch", _):
            // Nothing that has a parent of others' can go; what plugs into the chain goes with it.
            break
        default:
            trespasses.append("\(row.table) \(row.name) \(text) in \(comment)")
        }
    }

    private func isForeign(_ row: Row) -> Bool { !OwnedState.isOurs(row.name, names) }

    private func isOursOrHoldsOurs(_ row: Row) -> Bool {
        !isForeign(row) || row.table == "Port" && row.children.contains { rows[$0].map { !isForeign($0) } ?? false }
    }
}
