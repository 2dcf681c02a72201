/// The devices that somebody listens to by a packet socket (packet(7)), as ovs-vswitchd's userspace datapath does.
///
/// Such a socket stays with the device that it was opened for. When that is deleted the kernel tells -1 of it, also when a
/// device of the same name is there again.
enum PacketSockets {
    /// The kernel's numbers of the devices, in the network namespace of ovs-vswitchd. `nil` where that can't be read, or the
    /// process is none that this one sees.
    static func devices(beside process: Int32) -> Set<Int64>? {
        let folder = "/proc/\(process)"
        guard let name = try? BoundedFile.text(of: "\(folder)/comm", limit: 64), name.trimmingBlanks == "ovs-vswitchd",
            let table = try? BoundedFile.text(of: "\(folder)/net/packet", limit: 16 << 20)
        else { return nil }
        return devices(in: table)
    }

    /// `nil` for another table than the kernel's.
    static func devices(in table: String) -> Set<Int64>? {
        let lines = table.split(separator: "\n").map { $0.split(separator: " ") }
        guard let place = lines.first?.firstIndex(of: "Iface") else { return nil }
        return Set(lines.dropFirst().compactMap { $0.count > place ? Int64($0[place]) : nil }.filter { $0 > 0 })
    }
}
