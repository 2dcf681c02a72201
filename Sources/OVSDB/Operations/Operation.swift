import JSONRPC

/// One operation of a `transact` request (RFC 7047, 5.2).
public enum Operation: Hashable, Sendable {
    /// Adds a row; columns left out take their defaults. `name` lets the same transaction refer to the row (5.2.1).
    case insert(table: String, row: [String: Datum], name: String? = nil)
    /// Reads the rows that match (5.2.2).
    case select(table: String, where: [Condition], columns: [String]? = nil)
    /// Sets columns of the rows that match (5.2.3).
    case update(table: String, where: [Condition], row: [String: Datum])
    /// Changes columns of the rows that match in place (5.2.4).
    case mutate(table: String, where: [Condition], mutations: [Mutation])
    /// Deletes the rows that match (5.2.5).
    case delete(table: String, where: [Condition])
    /// Fails the transaction unless the rows that match have (or, with `equal: false`, have not) these values. With
    /// a timeout of 0 the server does not wait for it to become so (5.2.6). Milliseconds; `nil` waits for ever.
    case wait(
        table: String,
        where: [Condition],
        columns: [String],
        equal: Bool = true,
        rows: [[String: Datum]],
        timeout: Int? = 0
    )
    /// Makes the server write the transaction to disk before it answers (5.2.7).
    case commit(durable: Bool)
    /// Undoes the transaction (5.2.8).
    case abort
    /// A note for the database's log (5.2.9).
    case comment(String)
    /// Fails the transaction unless this session holds the lock (5.2.10).
    case assert(lock: String)
}

/// One clause of a `where` (RFC 7047, 5.1 `<condition>`); all clauses must hold.
public struct Condition: Hashable, Sendable {
    /// How a column is compared (RFC 7047, 5.1 `<function>`).
    public enum Function: String, Hashable, Sendable {
        case less = "<"
        case lessOrEqual = "<="
        case equal = "=="
        case notEqual = "!="
        case greaterOrEqual = ">="
        case greater = ">"
        case includes, excludes
    }

    public var column: String
    public var function: Function
    public var value: Datum

    public init(_ column: String, _ function: Function, _ value: Datum) {
        self.column = column
        self.function = function
        self.value = value
    }

    public init(_ column: Column, _ function: Function, _ value: Datum) {
        self.init(column.name, function, value)
    }

    /// The row of this identity. The server finds it without a scan of the table.
    public static func row(_ uuid: UUID) -> Condition { row(.uuid(uuid)) }

    /// The same of a row that the transaction itself inserts, by its ``Atom/namedUUID(_:)``.
    public static func row(_ atom: Atom) -> Condition { Condition("_uuid", .equal, Datum(atom)) }
}

/// One change of a column in place (RFC 7047, 5.1 `<mutation>`).
public struct Mutation: Hashable, Sendable {
    /// What is done to the column (RFC 7047, 5.1 `<mutator>`).
    public enum Mutator: String, Hashable, Sendable {
        case add = "+="
        case subtract = "-="
        case multiply = "*="
        case divide = "/="
        case modulo = "%="
        case insert, delete
    }

    public var column: String
    public var mutator: Mutator
    public var value: Datum

    public init(_ column: String, _ mutator: Mutator, _ value: Datum) {
        self.column = column
        self.mutator = mutator
        self.value = value
    }

    public init(_ column: Column, _ mutator: Mutator, _ value: Datum) {
        self.init(column.name, mutator, value)
    }
}
