import JSONRPC
import Logging

/// The daemon's log on standard error: one line an event, for people or as JSON.
package struct StandardErrorLog: LogHandler {
    /// How a line reads.
    package enum Format: String, Sendable, CaseIterable {
        /// `2026-03-09T14:05:07.000123Z warning: text key=value`
        case text
        /// One object with `time`, `level`, `message` and what belongs to it.
        case json
    }

    package var metadata = Logger.Metadata()

    private let level: LogLevel
    private let format: Format
    private let writer: LogWriter

    package init(level: LogLevel, format: Format, writer: LogWriter) {
        self.level = level
        self.format = format
        self.writer = writer
    }

    package var logLevel: Logger.Level {
        get { level.current }
        // The level is the whole daemon's: see ``LogLevel``.
        set { level.current = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let line: String
        switch format {
        case .text:
            let pairs = metadata.map { " \($0.key)=\($0.value)" }.joined()
            line = "\(Timestamp.now()) \(event.level): \(event.message)\(pairs)"
        case .json:
            let members: [JSON.Member] = [
                .init("time", .string("\(Timestamp.now())")), .init("level", .string(event.level.rawValue)),
                .init("message", .string("\(event.message)".onOneLine)),
            ]
            line = JSON.object(members + metadata.map { .init($0.key, .string("\($0.value)".onOneLine)) }).text()
        }
        var bytes = Array(line.onOneLine.utf8)
        bytes.append(UInt8(ascii: "\n"))
        writer.append(bytes)
    }
}
