import JSONRPC
import OpenFlow

/// Which VM ports have spoken with the address that they declare, and in which order they came and spoke: a pure value,
/// kept over restarts of the agent and of ovs-vswitchd.
///
/// A port whose link, device or row is gone has no claim; when it comes again, it is the last of those that are expected.
struct Claims: Hashable, Sendable {
    /// By the rows of their interfaces.
    private(set) var claims: [UUID: Entry] = [:]
    /// Rises with every change.
    private(set) var version = 0
    private var last = 0

    struct Entry: Hashable, Sendable {
        /// What it declares; `nil` for a port that learns.
        var address: EthernetAddress?
        var presence: Presence
    }

    init() {}

    /// - Parameter claims: what an earlier run left behind.
    init(_ claims: [UUID: Entry]) {
        self.claims = claims
        last = claims.values.map(\.presence.since).max() ?? 0
    }

    /// What ports declare that can be served.
    var addresses: [(UUID, EthernetAddress)] {
        claims.compactMap { port, entry in entry.address.map { (port, $0) } }
    }

    subscript(port: UUID) -> Presence? { claims[port]?.presence }

    /// A port can be served. One that declares another address than before is another VM's.
    mutating func came(_ port: UUID, address: EthernetAddress?) -> Presence {
        if let entry = claims[port], entry.address == address { return entry.presence }
        return set(port, Entry(address: address, presence: .expected(since: next())))
    }

    /// A port can't be served. Says whether it could.
    @discardableResult
    mutating func went(_ port: UUID) -> Bool {
        guard claims.removeValue(forKey: port) != nil else { return false }
        version += 1
        return true
    }

    /// A port has spoken with its address. Says whether that is news.
    mutating func spoke(_ port: UUID) -> Bool {
        guard let entry = claims[port], entry.address != nil, !entry.presence.isPresent else { return false }
        set(port, Entry(address: entry.address, presence: .present(since: next())))
        return true
    }

    /// A present port's address has spoken elsewhere. Says whether that is news.
    mutating func moved(_ port: UUID) -> Bool {
        guard let entry = claims[port], entry.presence.isPresent else { return false }
        set(port, Entry(address: entry.address, presence: .expected(since: next())))
        return true
    }

    @discardableResult
    private mutating func set(_ port: UUID, _ entry: Entry) -> Presence {
        claims[port] = entry
        version += 1
        return entry.presence
    }

    private mutating func next() -> Int {
        last += 1
        return last
    }
}
