import NIOCore

/// Why something asked of a database server did not happen.
public enum OVSDBError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text names no server that can be reached: what was found and what is wanted.
    case invalidRemote(String, reason: String)
    /// No connection: there is none now, it could not be made, or it went while an answer was waited for.
    case disconnected(reason: String)
    /// The server said what RFC 7047 does not allow, or speaks of what its schema does not have.
    case protocolViolation(String)
    /// The server answered a request with an error (RFC 7047, 4).
    case refused(method: String, error: String)
    /// The server undid a transaction (RFC 7047, 4.1.3).
    case transaction(TransactionError)
    /// The caller's deadline passed first. Whether a transaction was made is not known.
    case timedOut(method: String, limit: TimeAmount)

    public var description: String {
        switch self {
        case .invalidRemote(let remote, let reason): "\(remote): \(reason)"
        case .disconnected(let reason): reason
        case .protocolViolation(let reason): "the server broke the protocol: \(reason)"
        case .refused(let method, let error): "the server refused \(method): \(error)"
        case .transaction(let error): "\(error)"
        case .timedOut(let method, let limit): "no answer to \(method) within \(Double(limit.nanoseconds) / 1e9) s"
        }
    }
}

/// Why a transaction was undone, and by which of its operations.
public struct TransactionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the operation that failed; `nil` when all succeeded and the commit failed, as for a constraint
    /// that only the whole transaction can break.
    public var operation: Int?
    /// The server's short name of the error, such as `timed out`, `constraint violation` or `not owner`.
    public var name: String
    /// The server's own words.
    public var details: String?

    public init(operation: Int?, name: String, details: String? = nil) {
        self.operation = operation
        self.name = name
        self.details = details
    }

    /// Whether a `wait` with a timeout found something else than it was told to expect.
    public var isStaleGuard: Bool { name == "timed out" }

    /// Whether an `assert` found the lock with somebody else.
    public var isNotOwner: Bool { name == "not owner" }

    public var description: String {
        let place = operation.map { "operation \($0)" } ?? "commit"
        return details.map { "\(name) (\(place)): \($0)" } ?? "\(name) (\(place))"
    }
}
