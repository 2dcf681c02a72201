import OVSDB

/// How a quarantine's ``Quarantine/formerVMs`` are kept for a restart: a UUID a line.
extension Quarantine {
    static func bytes(of formerVMs: Set<UUID>) -> [UInt8] {
        formerVMs.map { "\($0)\n" }.sorted().flatMap(\.utf8)
    }

    /// What of a file is what ``bytes(of:)`` writes; none of one that is damaged or missing.
    static func formerVMs(in bytes: [UInt8]?) -> Set<UUID> {
        Set((bytes ?? []).split(separator: UInt8(ascii: "\n")).compactMap { UUID(String(decoding: $0, as: UTF8.self)) })
    }
}
