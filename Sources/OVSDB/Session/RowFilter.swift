import JSONRPC

/// Which rows of a followed table a client wants to know of (ovsdb-server(7), Monitor_cond).
///
/// Of a server that knows only the monitors of RFC 7047 it gets all of them.
public enum RowFilter: Hashable, Sendable {
    case all
    case nothing
    /// Rows for which any of these holds; with an empty list none does.
    case any([Condition])

    /// The wire form of a `where`.
    var json: JSON {
        switch self {
        case .all: [true]
        case .nothing: [false]
        case .any(let conditions): conditions.isEmpty ? [false] : .array(conditions.map(\.json))
        }
    }
}

/// What a server must be for a client to stay with it, as its database `_Server` tells (ovsdb-server(5)).
public enum ServerRole: Hashable, Sendable {
    /// Any server will do, and `_Server` is not asked.
    case any
    /// A server on its own, or one that is in contact with its cluster and not behind what we have seen of it, or a
    /// relay that is in contact with what it relays.
    case connected
    /// The same, but of a cluster its leader, and no relay.
    case leader
}
