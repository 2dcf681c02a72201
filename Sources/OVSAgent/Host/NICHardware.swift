import Glibc

/// What a physical NIC is, as the kernel's sysfs tells it and the database does not: `Interface.status` would, and
/// ovs-vswitchd rewrites that every few seconds.
struct NICHardware: Hashable, Sendable {
    /// Where the kernel shows its network devices.
    static let folder = "/sys/class/net"

    /// The driver's name, such as `ixgbe`; `nil` for what has no device below it, such as a veth.
    var driver: String?
    /// The ID of the device's vendor, such as `0x8086`; `nil` where its bus knows none.
    var vendor: String?

    init(driver: String? = nil, vendor: String? = nil) {
        self.driver = driver
        self.vendor = vendor
    }

    /// Reads what stands below a folder in the shape of ``folder``; what can't be read is not known.
    init(of name: String, in folder: String = NICHardware.folder) {
        let device = "\(folder)/\(name)/device"
        driver = Self.target("\(device)/driver").flatMap { $0.split(separator: "/").last }.map(String.init)
        let vendor = try? BoundedFile.text(of: "\(device)/vendor", limit: 4096)
        self.vendor = vendor?.split(whereSeparator: \.isWhitespace).first.map(String.init)
    }

    /// Whether the host has a device of this name. No device has a name that leads out of the folder.
    static func exists(_ name: String, in folder: String) -> Bool {
        !name.contains("/") && access("\(folder)/\(name)", F_OK) == 0
    }

    /// The NICs that a layout names.
    static func of(_ layout: Layout, in folder: String) -> [String: NICHardware] {
        var hardware: [String: NICHardware] = [:]
        for case .list(let names)? in layout.virtualSwitches.map(\.uplink?.nics) {
            for name in names { hardware[name] = NICHardware(of: name, in: folder) }
        }
        return hardware
    }

    /// Where a symbolic link leads.
    private static func target(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
        }
        return count > 0 ? String(validating: bytes[..<count], as: UTF8.self) : nil
    }
}
