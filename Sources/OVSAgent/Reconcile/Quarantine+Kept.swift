import OVSDB

/// How a quarantine's ``Quarantine/vmInterfaces`` are kept for a restart: a UUID a line.
extension Quarantine {
    static func bytes(of vmInterfaces: Set<UUID>) -> [UInt8] { vmInterfaces.sorted().flatMap { "\($0)\n".utf8 } }

    /// What of a file is what ``bytes(of:)`` writes; none of one that is damaged or missing.
    static func vmInterfaces(in bytes: [UInt8]?) -> Set<UUID> {
        Set((bytes ?? []).split(separator: UInt8(ascii: "\n")).compactMap { UUID(String(decoding: $0, as: UTF8.self)) })
    }
}
