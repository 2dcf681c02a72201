import JSONRPC

/// The type of a column: what its atoms are, and how many there may be (RFC 7047, 3.2 `<type>`).
public struct ColumnType: Hashable, Sendable {
    /// The type of the elements, or of a map's keys.
    public var key: BaseType
    /// The type of a map's values; `nil` when the column is no map.
    public var value: BaseType?
    /// 0 or 1.
    public var minimum: Int
    /// At least 1; `Int.max` for `"unlimited"`.
    public var maximum: Int

    public init(key: BaseType, value: BaseType? = nil, minimum: Int = 1, maximum: Int = 1) {
        self.key = key
        self.value = value
        self.minimum = minimum
        self.maximum = maximum
    }

    /// Whether the column is a map.
    public var isMap: Bool { value != nil }

    /// Whether a `modify` carries the whole new value rather than a difference: at most one element or entry
    /// (ovsdb-server(7), Update2 Notification; `ovsdb_datum_diff` in OVS).
    public var isReplacedWhole: Bool { maximum == 1 }

    /// The value of a column that an insert leaves out (RFC 7047, 5.2.1).
    public var defaultValue: Datum {
        if minimum == 0 { return isMap ? .emptyMap : .emptySet }
        if let value { return Datum(map: [Datum.Entry(key.defaultAtom, value.defaultAtom)]) }
        return Datum(key.defaultAtom)
    }
}

/// As much of a ``ColumnType`` as every value needs.
struct ColumnShape: Hashable, Sendable {
    let key: BaseType.Kind
    let value: BaseType.Kind?
    let isReplacedWhole: Bool
    let isStrongReference: Bool

    init(_ type: ColumnType) {
        key = type.key.kind
        value = type.value?.kind
        isReplacedWhole = type.isReplacedWhole
        isStrongReference = type.isStrongReference
    }
}

extension ColumnType {
    /// Whether the column keeps the rows that it refers to alive.
    var isStrongReference: Bool {
        [key.reference, value?.reference].contains { reference in
            if case .strong = reference { true } else { false }
        }
    }
}

/// The type of an atom, with what restricts it (RFC 7047, 3.2 `<base-type>`).
public struct BaseType: Hashable, Sendable {
    /// What an atom may be (RFC 7047, 3.2 `<atomic-type>`).
    public enum Kind: String, Hashable, Sendable {
        case integer, real, boolean, string, uuid
    }

    /// Whether a reference keeps the row it names alive (RFC 7047, 3.2 `refType`).
    public enum Reference: Hashable, Sendable {
        case strong(table: String)
        case weak(table: String)
    }

    public var kind: Kind
    /// The only values allowed, where the schema lists them.
    public var allowed: Datum?
    /// What a `uuid` refers to, where it refers to a row.
    public var reference: Reference?

    public init(_ kind: Kind, allowed: Datum? = nil, reference: Reference? = nil) {
        self.kind = kind
        self.allowed = allowed
        self.reference = reference
    }

    /// The atom of a column without a value: 0, 0.0, false, "", the zero UUID, whatever values are allowed (RFC 7047,
    /// 5.2.1). A server leaves exactly this out of what it reports.
    public var defaultAtom: Atom {
        switch kind {
        case .integer: .integer(0)
        case .real: .real(0)
        case .boolean: .boolean(false)
        case .string: .string("")
        case .uuid: .uuid(.zero)
        }
    }
}
