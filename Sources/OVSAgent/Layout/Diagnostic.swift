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
/// At most ``limit`` of them are kept: a file of garbage must cost neither memory nor the operator's patience.
struct Diagnostics {
    static let limit = 50

    let file: String
    private(set) var hasErrors = false
    private var kept: [(position: SourcePosition, severity: Diagnostic.Severity, message: String)] = []
    private var dropped = 0

    init(file: String) {
        self.file = file
    }

    mutating func error(at position: SourcePosition, _ message: @autoclosure () -> String) {
        hasErrors = true
        add(.error, at: position, message)
    }

    mutating func warning(at position: SourcePosition, _ message: @autoclosure () -> String) {
        add(.warning, at: position, message)
    }

    /// All findings in the order of the file.
    var all: [Diagnostic] {
        var result = kept.sorted { $0.position < $1.position }.map {
            Diagnostic(
                severity: $0.severity,
                file: file,
                line: $0.position.line,
                column: $0.position.column,
                message: $0.message
            )
        }
        if dropped > 0, let last = result.last {
            result.append(
                Diagnostic(
                    severity: hasErrors ? .error : .warning,
                    file: file,
                    line: last.line,
                    column: last.column,
                    message: "\(dropped) more findings are not shown: correct these \(Self.limit) first"
                )
            )
        }
        return result
    }

    private mutating func add(_ severity: Diagnostic.Severity, at position: SourcePosition, _ message: () -> String) {
        if kept.count < Self.limit {
            kept.append((position, severity, message()))
        } else {
            dropped += 1
        }
    }
}

/// `text` in double quotes, on one line, safe for a terminal and short: what it names came from the file.
func quoted(_ text: String) -> String {
    let longest = 60
    var result = "\""
    for scalar in text.unicodeScalars.prefix(longest) {
        let isPrintable =
            !(scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format)
        result += scalar == "\"" || scalar == "\\" || !isPrintable ? scalar.escaped(asASCII: false) : String(scalar)
    }
    return result + (text.unicodeScalars.count > longest ? "...\"" : "\"")
}
