import JSONRPC
import OVSDB

/// As they are kept for a restart: the process that ovs-vswitchd was on the first line, and then a bond a line.
///
///     process PID START
///     ROW BOND MEMBER
extension ActiveMembers {
    /// What is kept: `nil` while it is not known what to keep.
    func bytes(of process: SwitchProcess) -> [UInt8]? {
        guard isSettled else { return nil }
        let start = process.start.map { "\($0)" } ?? "-"
        let bonds = used.sorted { $0.key < $1.key }.map { "\($0.value.row) \($0.key) \($0.value.member)\n" }
        return Array("process \(process.pid) \(start)\n\(bonds.joined())".utf8)
    }

    /// `nil` for what was not written by ``bytes(of:)``. Nothing is remembered of its bonds before it is known whether
    /// ovs-vswitchd is the process that it was.
    init?(kept bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 2, lines.last?.isEmpty == true else { return nil }
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == "process", let pid = Int32(words[1]), pid > 0 else { return nil }
        let start = UInt64(words[2])
        guard start != nil || words[2] == "-" else { return nil }
        var used: [String: Use] = [:]
        for line in lines.dropFirst().dropLast() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard words.count == 3, let row = UUID(words[0]), !words[1].isEmpty, !words[2].isEmpty,
                used.updateValue(Use(row: row, member: words[2]), forKey: words[1]) == nil
            else { return nil }
        }
        self.init(used, by: SwitchProcess(pid: pid, start: start))
    }
}
