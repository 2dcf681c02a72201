import OVSDB

/// What the texts for people and the JSON for scripts have in common: columns, and optional values.

extension String {
    /// Filled up with blanks on the right, never cut.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    var trimmingTrailingBlanks: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }

    /// `1 drift`, `2 drifts`.
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}

extension [[String]] {
    /// Rows of cells set in columns two blanks apart.
    var aligned: [String] {
        var widths: [Int] = []
        for row in self {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = Swift.max(widths[column], cell.count)
            }
        }
        return map { row in
            zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").trimmingTrailingBlanks
        }
    }
}

extension JSON {
    /// `null` for `nil`.
    init(_ text: String?) { self = text.map(JSON.string) ?? .null }

    /// `null` for `nil`.
    init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }

    /// `null` for `nil`.
    init(_ flag: Bool?) { self = flag.map(JSON.boolean) ?? .null }
}
