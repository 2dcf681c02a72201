import JSONRPC

// What the texts for people and the JSON for scripts have in common: lines, columns, clean text, and optional values.

/// An answer for people. Whoever gives one gives its lines, and no line can make two of itself: what stands in a database
/// or a file is anybody's text, and this is the one road by which it reaches a person.
protocol ReadableText {
    /// May name anything as it stands; ``text`` cleans each.
    var lines: [String] { get }
}

extension ReadableText {
    /// The lines, each clean, without a newline at the end.
    var text: String { lines.map(\.onOneLine).joined(separator: "\n") }
}

extension String {
    /// In place of what the rows of the database would tell.
    static let rowsUnknown = "not known yet: the database has not told its rows"
    /// Above what they told last.
    static let rowsOld = "as the database told last: there is no connection to it now"

    /// With blanks for whatever steers a terminal, a line or the direction of reading rather than showing itself. It must
    /// not break a line that stands for one thing, nor make it look like another one.
    var onOneLine: String {
        // Nearly every line is plain, and every line of the log is asked.
        guard utf8.contains(where: { !(0x20..<0x7F).contains($0) }),
            unicodeScalars.contains(where: \.isInvisible)
        else { return self }
        return String(String.UnicodeScalarView(unicodeScalars.map { $0.isInvisible ? " " : $0 }))
    }

    /// The same for a text of several lines, whose line ends stay.
    package var onLines: String {
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
    /// Whether it steers a terminal or a line rather than showing itself: control characters, line ends, marks of
    /// direction (UAX #9), and what a reader does not see at all (UAX #44, `Default_Ignorable_Code_Point`).
    var isInvisible: Bool {
        guard !(0x20..<0x7F).contains(value) else { return false }
        return [.control, .format, .lineSeparator, .paragraphSeparator].contains(properties.generalCategory)
            || properties.isDefaultIgnorableCodePoint
    }
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
