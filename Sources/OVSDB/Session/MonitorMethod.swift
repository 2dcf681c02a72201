/// The ways to follow a database, the best first. Each server since Open vSwitch 2.5, 2.6 and 2.12 in turn knows more.
enum MonitorMethod: String, Hashable, Sendable {
    /// Differences, from a known transaction on (ovsdb-server(7), Monitor_cond_since).
    case since = "monitor_cond_since"
    /// Differences (ovsdb-server(7), Monitor_cond).
    case conditional = "monitor_cond"
    /// Old and new values (RFC 7047, 4.1.5). It slows down every writer; only for servers that know nothing better.
    case plain = "monitor"

    /// What to ask a server that does not know this one.
    var fallback: MonitorMethod? {
        switch self {
        case .since: .conditional
        case .conditional: .plain
        case .plain: nil
        }
    }

    /// The form of its updates.
    var form: TableUpdates.Form { self == .plain ? .values : .differences }

    /// The notification that carries its updates.
    var notification: String {
        switch self {
        case .since: "update3"
        case .conditional: "update2"
        case .plain: "update"
        }
    }
}
