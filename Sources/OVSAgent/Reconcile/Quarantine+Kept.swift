import JSONRPC

/// How a quarantine's ``Quarantine/vmInterfaces`` are kept for a restart: a UUID a line.
extension Quarantine {
    static func bytes(of vmInterfaces: Set<UUID>) -> [UInt8] { vmInterfaces.sorted().flatMap { "\($0)\n".utf8 } }

    /// `nil` for what ``bytes(of:)`` does not write.
    static func vmInterfaces(in bytes: [UInt8]) -> Set<UUID>? {
        var interfaces: Set<UUID> = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let interface = UUID(String(decoding: line, as: UTF8.self)) else { return nil }
            interfaces.insert(interface)
        }
        return bytes.last.map { $0 == UInt8(ascii: "\n") } ?? true ? interfaces : nil
    }
}
