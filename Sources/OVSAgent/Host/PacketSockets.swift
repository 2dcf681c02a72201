import Glibc

/// The devices that ovs-vswitchd listens to by packet sockets (packet(7)), as its userspace datapath does.
///
/// Such a socket stays with the device that it was opened for. When that is deleted the kernel tells -1 of it, also when a
/// device of the same name is there again. Others listen to the same devices: a daemon of LLDP, a DHCP client, tcpdump.
enum PacketSockets {
    /// The kernel's numbers of the devices that this ovs-vswitchd listens to; where its sockets can't be told from others',
    /// also of those that others do. `nil` where nothing can be read, or the process is none that this one sees.
    static func devices(of process: Int32) -> Set<Int64>? {
        let folder = "/proc/\(process)"
        guard let name = try? BoundedFile.text(of: "\(folder)/comm", limit: 64), name.trimmingBlanks == "ovs-vswitchd",
            let table = try? BoundedFile.text(of: "\(folder)/net/packet", limit: 16 << 20)
        else { return nil }
        return devices(in: table, of: sockets(of: process))
    }

    /// Those of these sockets, by their inodes, or (`nil`) of all; `nil` for another table than the kernel's.
    static func devices(in table: String, of sockets: Set<UInt64>?) -> Set<Int64>? {
        let lines = table.split(separator: "\n").map { $0.split(separator: " ") }
        guard let device = lines.first?.firstIndex(of: "Iface"), let inode = lines.first?.firstIndex(of: "Inode") else {
            return nil
        }
        return Set(
            lines.dropFirst().compactMap { line -> Int64? in
                guard line.count > max(device, inode), let socket = UInt64(line[inode]),
                    sockets?.contains(socket) ?? true
                else { return nil }
                return Int64(line[device]).flatMap { $0 > 0 ? $0 : nil }
            }
        )
    }

    /// The inodes of a process's sockets (proc_pid_fd(5)); `nil` where it may not be looked into, for which root alone does
    /// not do (ptrace(2), PTRACE_MODE_READ_FSCREDS).
    static func sockets(of process: Int32) -> Set<UInt64>? {
        let path = "/proc/\(process)/fd"
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var inodes: Set<UInt64> = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var target = [CChar](repeating: 0, count: 64)
            let length = readlink("\(path)/\(name)", &target, target.count)
            // A descriptor that was closed meanwhile is missed by nobody.
            if length < 0, errno == EACCES || errno == EPERM { return nil }
            let text = String(decoding: target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix("socket:["), let inode = UInt64(text.dropFirst(8).dropLast()) else { continue }
            inodes.insert(inode)
        }
        return inodes
    }
}
