/// What is wrong with the state folder, by file: a pure value on the caller's clock.
struct StateTroubles: Hashable, Sendable {
    /// A file that was read and found damaged, and what follows from that.
    private struct Finding: Hashable, Sendable {
        var line: String
        var foundAt: Timestamp
        var savedAt: Timestamp?
    }

    /// How long a damage is told that was mended at once: a disk that loses one file will lose others.
    private static let memory: Int64 = 86_400_000_000

    private var findings: [String: Finding] = [:]
    /// What could not be saved.
    private var failures: [String: String] = [:]
    /// Files that stand there without their copy.
    private var incomplete: Set<String> = []

    /// A file is damaged. Says whether that is news.
    mutating func found(_ damage: StateFile.Damage, _ consequence: String, now: Timestamp) -> Bool {
        let line = "\(damage); \(consequence)"
        if let known = findings[damage.path], known.line == line, known.savedAt == nil { return false }
        findings[damage.path] = Finding(line: line, foundAt: now)
        return true
    }

    /// A file is sound, and has no copy.
    mutating func lacksCopy(_ file: StateFile) { incomplete.insert(file.path) }

    /// A file could not be saved. Says whether that is news.
    mutating func failed(_ file: StateFile, _ failure: String) -> Bool {
        failures.updateValue(failure, forKey: file.path) != failure
    }

    /// A file was written anew whole, or removed.
    mutating func saved(_ file: StateFile, now: Timestamp) {
        failures[file.path] = nil
        incomplete.remove(file.path)
        for path in file.paths where findings[path]?.savedAt == nil { findings[path]?.savedAt = now }
    }

    /// The file holds what it should, and was not written.
    mutating func isAsWanted(_ file: StateFile) { failures[file.path] = nil }

    /// Whether a file is damaged and was not written anew.
    func isDamaged(_ file: StateFile) -> Bool {
        file.paths.contains { path in findings[path].map { $0.savedAt == nil } ?? false }
    }

    /// Whether a file could not be saved, or removed, or lacks its copy.
    func isUnsaved(_ file: StateFile) -> Bool { failures[file.path] != nil || incomplete.contains(file.path) }

    /// A line each, by file.
    func warnings(now: Timestamp) -> [String] {
        let damaged = findings.sorted { $0.key < $1.key }.map(\.value).filter { finding in
            finding.savedAt == nil || now.microseconds - finding.foundAt.microseconds < Self.memory
        }
        return damaged.map { finding in
            let outcome = finding.savedAt.map { "written anew at \($0)" } ?? "not written anew yet"
            return "kept for a restart and damaged: \(finding.line); \(outcome)"
        } + failures.sorted { $0.key < $1.key }.map(\.value)
    }
}
