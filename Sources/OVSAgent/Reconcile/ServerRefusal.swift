import OVSDB

/// Why a server takes no transaction of ours at all, whatever is in it.
enum ServerRefusal: Hashable, Sendable {
    /// It holds our lock to be somebody else's, though a `lock` of ours was granted here: a relay grants locks by itself
    /// and passes transactions on to its source, which knows nothing of them (ovsdb(7), Relay).
    case notOwner
    /// The remote is one that only reads are allowed on (ovsdb-server(1), `read_only`).
    case readOnly

    /// `nil` for an error that says something of what the transaction held.
    init?(_ error: TransactionError) {
        if error.isNotOwner {
            self = .notOwner
        } else if error.name == "not allowed", error.details?.contains("read only") == true {
            self = .readOnly
        } else {
            return nil
        }
    }

    /// What is wrong with a remote, and what to do about it.
    func reason(at remote: String) -> Reason {
        switch self {
        case .notOwner:
            Reason(
                "\(remote) grants the lock and then misses it: it is an ovsdb-server relay",
                remedy: "give --db the server that it relays; a relay is for those who only read"
            )
        case .readOnly:
            Reason("\(remote) allows no writes", remedy: "give --db a remote that is not read-only")
        }
    }
}
