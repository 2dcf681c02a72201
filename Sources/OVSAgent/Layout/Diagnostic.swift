// What a layout's reader has to say about a file: one line for each finding, with a position that an editor can jump
// to. Everything that reads a layout, from bytes to contradictions, reports here, so that one pass gives all of them.

/// A place in a text: line and column from 1, columns in Unicode scalars.
struct SourcePosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    var line: Int
    var column: Int

    static let start = SourcePosition(line: 1, column: 1)

    var description: String { "\(line):\(column)" }

    static func < (a: SourcePosition, b: SourcePosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// One finding in a layout. Its text says what was found, what was wanted and what to do, on one line.
struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
    enum Severity: String, Hashable, Sendable {
        /// The layout is refused.
        case error
        /// The layout is accepted, and probably not what the operator wants.
        case warning
    }

    var severity: Severity
    var file: String
    var line: Int
    var column: Int
    var message: String

    /// `FILE:LINE:COLUMN: error: text`, the form that compilers print and editors understand.
    var description: String { "\(file):\(line):\(column): \(severity): \(message)" }
}

/// Gathers the findings of one pass over one file.
///
/// At most ``limit`` errors and as many warnings are kept: a file of garbage must cost neither memory nor the
/// operator's patience, and warnings must not crowd out the error that refuses the file.
struct Diagnostics {
    static let limit = 50

    let file: String
    private var errors = Findings()
    private var warnings = Findings()

    private struct Findings {
        var kept: [(position: SourcePosition, message: String)] = []
        var dropped = 0

        mutating func add(_ position: SourcePosition, _ message: () -> String) {
            if kept.count < Diagnostics.limit {
                kept.append((position, message()))
            } else {
                dropped += 1
            }
        }
    }

    init(file: String) {
        self.file = file
    }

    var hasErrors: Bool { !errors.kept.isEmpty }

    /// The message is made only if it is kept.
    mutating func error(at position: SourcePosition, _ message: @autoclosure () -> String) {
        errors.add(position, message)
    }

    mutating func warning(at position: SourcePosition, _ message: @autoclosure () -> String) {
        warnings.add(position, message)
    }

    /// All findings in the order of the file, and at its end how many more there are.
    var all: [Diagnostic] {
        let kinds: [(Diagnostic.Severity, Findings)] = [(.error, errors), (.warning, warnings)]
        var result = kinds.flatMap { severity, findings in
            findings.kept.map { diagnostic(severity, at: $0.position, $0.message) }
        }
        result.sort { ($0.line, $0.column) < ($1.line, $1.column) }
        let last = result.last.map { SourcePosition(line: $0.line, column: $0.column) } ?? .start
        for (severity, findings) in kinds where findings.dropped > 0 {
            let message = "\(findings.dropped) more of these are not shown: correct the first \(Self.limit)"
            result.append(diagnostic(severity, at: last, message))
        }
        return result
    }

    private func diagnostic(
        _ severity: Diagnostic.Severity,
        at position: SourcePosition,
        _ message: String
    ) -> Diagnostic {
        Diagnostic(severity: severity, file: file, line: position.line, column: position.column, message: message)
    }
}

/// `text` in double quotes, on one line, safe for a terminal and short: what it names came from the file.
func quoted(_ text: String) -> String {
    let longest = 60
    let scalars = text.unicodeScalars
    let shown = scalars.prefix(longest).map { scalar in
        scalar.isInvisible || scalar == "\"" || scalar == "\\" ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return "\"" + shown.joined() + (scalars.count > longest ? "...\"" : "\"")
}
