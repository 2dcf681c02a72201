import Glibc
import JSONRPC

/// One scalar of a column (RFC 7047, 5.1 `<atom>`).
public enum Atom: Hashable, Sendable {
    case integer(Int64)
    case real(Double)
    case boolean(Bool)
    case string(String)
    case uuid(UUID)
    /// A row that the same transaction inserts under this name (RFC 7047, 5.1 `<named-uuid>`): only in what is sent.
    case namedUUID(String)
}

extension Atom {
    /// Strings are equal by their bytes, as ovsdb-server compares them, not by Unicode equivalence.
    public static func == (a: Atom, b: Atom) -> Bool {
        switch (a, b) {
        case (.integer(let a), .integer(let b)): a == b
        case (.real(let a), .real(let b)): a == b
        case (.boolean(let a), .boolean(let b)): a == b
        case (.string(let a), .string(let b)), (.namedUUID(let a), .namedUUID(let b)):
            a.utf8.count == b.utf8.count && a.compareBytes(b) == 0
        case (.uuid(let a), .uuid(let b)): a == b
        default: false
        }
    }
}

extension Atom: Comparable {
    /// An order within one type, so that sets and maps have one form; between types the order of the cases.
    public static func < (a: Atom, b: Atom) -> Bool {
        switch (a, b) {
        case (.integer(let a), .integer(let b)): a < b
        case (.real(let a), .real(let b)): a < b
        case (.boolean(let a), .boolean(let b)): !a && b
        case (.string(let a), .string(let b)), (.namedUUID(let a), .namedUUID(let b)):
            a.compareBytes(b) < 0
        case (.uuid(let a), .uuid(let b)): a < b
        default: a.rank < b.rank
        }
    }

    private var rank: Int {
        switch self {
        case .integer: 0
        case .real: 1
        case .boolean: 2
        case .string: 3
        case .uuid: 4
        case .namedUUID: 5
        }
    }
}

extension String {
    /// Less than, equal to or greater than 0, as `memcmp`; a string that is the other's beginning comes first.
    ///
    /// Replicas are compared with what is wanted at every notification: a byte at a time is too slow for that.
    fileprivate func compareBytes(_ other: String) -> Int {
        let order = utf8.withContiguousStorageIfAvailable { a in
            other.utf8.withContiguousStorageIfAvailable { b in
                guard let first = a.baseAddress, let second = b.baseAddress else { return a.count - b.count }
                let order = memcmp(first, second, min(a.count, b.count))
                return order == 0 ? a.count - b.count : Int(order)
            }
        }
        if let order = order ?? nil { return order }
        if utf8.elementsEqual(other.utf8) { return 0 }
        return utf8.lexicographicallyPrecedes(other.utf8) ? -1 : 1
    }
}

extension Atom: CustomStringConvertible {
    /// As `ovs-vsctl` prints it, without quotes.
    public var description: String {
        switch self {
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .boolean(let value): "\(value)"
        case .string(let value): value
        case .uuid(let value): "\(value)"
        case .namedUUID(let name): "@\(name)"
        }
    }
}

extension Atom: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
