import Glibc
import JSONRPC
import OVSDB

/// What the kernel says of this process's memory and time, to be printed.
enum Memory {
    static func now() -> [JSON.Member] {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let microseconds = [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + $1.tv_sec * 1_000_000 + Int($1.tv_usec) }
        return [.init("cpu_ms", .real(Double(microseconds) / 1e3))] + residentKiB()
    }

    /// RssAnon is ours alone; RssFile is the binary and the libraries; VmHWM is the most that both ever were.
    private static func residentKiB() -> [JSON.Member] {
        guard let file = fopen("/proc/self/status", "r") else { return [] }
        defer { fclose(file) }
        var found: [JSON.Member] = []
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split { " \t:\n".contains($0) }
            guard let name = words.first, ["RssAnon", "RssFile", "VmHWM"].contains(name), let kib = Int64(words[1])
            else { continue }
            found.append(.init("\(name)_kib", .integer(kib)))
        }
        return found
    }
}
