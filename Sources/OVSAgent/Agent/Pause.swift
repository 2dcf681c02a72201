import NIOCore

/// The operator's word that enforcement stands still for a while: nothing is written, whatever anybody edits. It ends by
/// itself and survives a restart.
struct Pause: Hashable, Sendable {
    /// A pause that nobody ends must not outlast a shift that forgot it.
    static let longest = 86_400

    /// Why, in the operator's words, on one line.
    let reason: String
    /// How long it was to last.
    let seconds: Int
    /// When it ends.
    let until: Timestamp

    /// Throws what is wrong with the words, for the caller.
    init(seconds: Int, reason: String, now: Timestamp) throws(CommandFailure) {
        guard (1...Self.longest).contains(seconds) else {
            throw CommandFailure("pause: \(seconds) seconds: choose 1 to \(Self.longest)")
        }
        let reason = reason.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard !reason.isEmpty, reason.utf8.count <= 500 else {
            throw CommandFailure("pause: give a reason, of at most 500 bytes: the next one on duty will ask")
        }
        self.reason = reason
        self.seconds = seconds
        until = Timestamp(microseconds: now.microseconds + Int64(seconds) * 1_000_000)
    }

    /// How much of it is left; `nil` when it is over. A wall clock that was set back makes it no longer than it was to
    /// last.
    func remaining(now: Timestamp) -> TimeAmount? {
        let left = min(until.microseconds - now.microseconds, Int64(seconds) * 1_000_000)
        return left > 0 ? .microseconds(left) : nil
    }
}

/// As it is kept for a restart: the end and the length on one line, the reason on the next.
extension Pause {
    var bytes: [UInt8] { Array("\(until.microseconds) \(seconds)\n\(reason)\n".utf8) }

    /// `nil` for what was not written by ``bytes``.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, !lines[1].isEmpty, lines[2].isEmpty else { return nil }
        let numbers = lines[0].split(separator: " ", omittingEmptySubsequences: false).map { Int64($0) }
        guard numbers.count == 2, let end = numbers[0], let length = numbers[1], (0...Self.lastEnd).contains(end),
            (1...Int64(Self.longest)).contains(length)
        else { return nil }
        until = Timestamp(microseconds: end)
        seconds = Int(length)
        reason = String(lines[1])
    }

    /// The year 9999's, in microseconds.
    private static let lastEnd: Int64 = 253_402_300_799_000_000

    /// In place of one whose file is damaged: it goes on for as long as any pause may that was written down when the file
    /// was written last; where that can't be told, a moment ago.
    init(_ damage: StateFile.Damage, now: Timestamp) {
        let begin = max(0, min(damage.writtenAt?.microseconds ?? now.microseconds, now.microseconds))
        until = Timestamp(microseconds: begin + Int64(Self.longest) * 1_000_000)
        seconds = Self.longest
        reason = "a pause whose file is damaged, so that its own end and reason are lost (\(damage))".onOneLine
    }
}
