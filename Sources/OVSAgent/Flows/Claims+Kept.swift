import JSONRPC
import OpenFlow

/// How claims are kept for a restart: the row of an interface, its address or `-`, `expected` or `present`, and its place
/// in their order, a line each.
extension Claims {
    var bytes: [UInt8] {
        let lines = claims.sorted { $0.value.presence.since < $1.value.presence.since }.map { port, entry in
            let address = entry.address.map { "\($0)" } ?? "-"
            return "\(port) \(address) \(entry.presence.isPresent ? "present" : "expected") \(entry.presence.since)\n"
        }
        return Array(lines.joined().utf8)
    }

    /// `nil` for what ``bytes`` does not write.
    init?(bytes: [UInt8]) {
        guard bytes.isEmpty || bytes.last == UInt8(ascii: "\n") else { return nil }
        var claims: [UUID: Entry] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
            guard words.count == 4, let port = UUID(words[0]), let since = Int(words[3]), since >= 0,
                words[1] == "-" || EthernetAddress(words[1]) != nil, ["present", "expected"].contains(words[2])
            else { return nil }
            claims[port] = Entry(
                address: EthernetAddress(words[1]),
                presence: words[2] == "present" ? .present(since: since) : .expected(since: since)
            )
        }
        self.init(claims)
    }
}
