/// Where a database server listens (ovsdb(7), Connection Methods).
public enum Remote: Hashable, Sendable, CustomStringConvertible {
    /// A unix domain socket's path.
    case unix(path: String)
    /// A host's name or address, without brackets, and a port.
    case tcp(host: String, port: Int)

    /// The port of a remote that names none, assigned by IANA (RFC 7047, 4).
    public static let defaultPort = 6640

    /// Reads `unix:PATH` or `tcp:HOST[:PORT]`, an IPv6 address in brackets.
    ///
    /// Throws ``OVSDBError/invalidRemote(_:reason:)`` for anything else, `ssl:` included.
    public init(_ text: some StringProtocol) throws(OVSDBError) {
        let text = String(text)
        func refuse(_ reason: String) -> OVSDBError { .invalidRemote(text, reason: reason) }
        guard let colon = text.firstIndex(of: ":") else {
            throw refuse("a remote is unix:PATH or tcp:HOST:PORT")
        }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "unix":
            guard !rest.isEmpty else { throw refuse("the path of the socket is missing") }
            guard rest.utf8.count <= 107 else { throw refuse("a unix socket's path has at most 107 bytes") }
            self = .unix(path: String(rest))
        case "tcp":
            guard let (host, port) = Self.hostAndPort(rest) else {
                throw refuse("wanted tcp:HOST:PORT, such as tcp:127.0.0.1:6640 or tcp:[::1]:6640")
            }
            self = .tcp(host: host, port: port)
        case "ssl":
            throw refuse("TLS is not built in yet; use unix:PATH, or tcp:HOST:PORT through a tunnel of your own")
        default:
            throw refuse("a remote is unix:PATH or tcp:HOST:PORT")
        }
    }

    /// Reads several remotes separated by commas, to be tried in turn.
    public static func list(_ text: String) throws(OVSDBError) -> [Remote] {
        var remotes: [Remote] = []
        for part in text.split(separator: ",") { remotes.append(try Remote(part)) }
        guard !remotes.isEmpty else { throw .invalidRemote(text, reason: "no remote is named") }
        return remotes
    }

    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
    }

    private static func hostAndPort(_ text: Substring) -> (String, Int)? {
        let host: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            host = text.prefix { $0 != ":" }
            rest = text.dropFirst(host.count)
        }
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return (String(host), defaultPort) }
        // `Int` would take a sign.
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(rest.dropFirst()), (1...65535).contains(port)
        else { return nil }
        return (String(host), port)
    }
}
