/// Why a command was not done, in words for the caller.
struct CommandFailure: Error, ReadableText, Hashable, Sendable {
    var lines: [String]

    init(lines: [String]) { self.lines = lines }

    /// On one line.
    init(_ line: String) { lines = [line] }
}
