import OVSDB

// What the texts for people and the JSON for scripts have in common: columns, clean text, and optional values.

extension String {
    /// In place of what the rows of the database would tell.
    static let rowsUnknown = "not known yet: the database has not told its rows"
    /// Above what they told last.
    static let rowsOld = "as the database told last: there is no connection to it now"

    /// With blanks for control characters. What stands in a database or a file is anybody's text: it must not break a line
    /// that stands for one thing, nor look like another one.
    var onOneLine: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? " " : $0 }))
    }

    /// With blanks for control characters other than line ends: what a text quotes reaches no terminal as a command.
    var onLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).onOneLine }.joined(separator: "\n")
    }

    /// Filled up with blanks on the right, never cut.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    var trimmingTrailingBlanks: String {
        var text = self
        while text.utf8.last == UInt8(ascii: " ") { text.unicodeScalars.removeLast() }
        return text
    }

    /// `1 drift`, `2 drifts`.
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}

extension Unicode.Scalar {
    /// Of the general category Cc, which has no others (The Unicode Standard, 23.1): told without a look at the tables,
    /// since every line of the log is asked.
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

extension [[String]] {
    /// Rows of cells set in columns two blanks apart, each row on one line.
    var aligned: [String] {
        let rows = map { $0.map(\.onOneLine) }
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = Swift.max(widths[column], cell.count)
            }
        }
        return rows.map { row in
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
