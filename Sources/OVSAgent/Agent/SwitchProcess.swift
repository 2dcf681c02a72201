/// A process that was ovs-vswitchd: by its number and by when it began, since numbers come again.
struct SwitchProcess: Hashable, Sendable {
    var pid: Int32
    /// In the kernel's ticks since the host began (proc_pid_stat(5), `starttime`); `nil` where that can't be read.
    var start: UInt64?

    init(pid: Int32, start: UInt64?) { (self.pid, self.start) = (pid, start) }

    /// The one that runs under this number.
    init(running pid: Int32) {
        let status = try? BoundedFile.text(of: "/proc/\(pid)/stat", limit: 4096)
        self.init(pid: pid, start: status.flatMap(Self.start))
    }

    /// The name stands in brackets before what is looked for, and may have any in it.
    static func start(in status: String) -> UInt64? {
        guard let end = status.lastIndex(of: ")") else { return nil }
        let fields = status[status.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }
}
