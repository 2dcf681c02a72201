/// The value of one column of one row (RFC 7047, 5.1 `<value>`) in the one form that makes `==` mean what it says.
///
/// RFC 7047 writes a set of exactly one element as that element or as a set, and leaves elements unordered. Here a set
/// of one *is* its element, sets and maps are sorted and without repeats, and an optional column is a set of at most
/// one. Two data of a column are the same value exactly when they are equal.
public struct Datum: Hashable, Sendable {
    private enum Storage: Hashable, Sendable {
        case atom(Atom)
        /// Sorted, without repeats, never exactly one.
        case set([Atom])
        /// Sorted by key, without repeated keys.
        case map([Entry])
    }

    /// One key and value of a map.
    public struct Entry: Hashable, Sendable {
        public var key: Atom
        public var value: Atom

        public init(_ key: Atom, _ value: Atom) {
            self.key = key
            self.value = value
        }
    }

    private var storage: Storage

    /// A scalar, or a set of exactly one.
    public init(_ atom: Atom) {
        storage = .atom(atom)
    }

    /// A set; repeats count once.
    public init(set atoms: some Sequence<Atom>) {
        var sorted = atoms.sorted()
        sorted.removeRepeats(==)
        storage = sorted.count == 1 ? .atom(sorted[0]) : .set(sorted)
    }

    /// A map; of entries with the same key the last one stands.
    public init(map entries: some Sequence<Entry>) {
        var sorted: [Entry] = []
        for entry in entries {
            switch sorted.position(ofKey: entry.key) {
            case .found(let index): sorted[index] = entry
            case .missing(let index): sorted.insert(entry, at: index)
            }
        }
        storage = .map(sorted)
    }

    /// A map of strings.
    public init(map entries: [String: String]) {
        storage = .map(entries.map { Entry(.string($0), .string($1)) }.sorted { $0.key < $1.key })
    }

    /// The empty set, which is also an optional column without a value.
    public static let emptySet = Datum(set: [])

    /// The empty map.
    public static let emptyMap = Datum(map: [Entry]())
}

extension Datum {
    /// Whether this is a map.
    public var isMap: Bool { if case .map = storage { true } else { false } }

    /// The number of elements, or of entries.
    public var count: Int {
        switch storage {
        case .atom: 1
        case .set(let atoms): atoms.count
        case .map(let entries): entries.count
        }
    }

    /// Whether this is an empty set or map.
    public var isEmpty: Bool { count == 0 }

    /// The elements of a scalar or set, sorted; none for a map.
    public var atoms: [Atom] {
        switch storage {
        case .atom(let atom): [atom]
        case .set(let atoms): atoms
        case .map: []
        }
    }

    /// The entries of a map, sorted by key; none for a scalar or set.
    public var entries: [Entry] { if case .map(let entries) = storage { entries } else { [] } }

    /// The only element of a scalar or of a set of one.
    public var atom: Atom? { if case .atom(let atom) = storage { atom } else { nil } }

    /// The only element, where it is a string.
    public var string: String? { if case .string(let value) = atom { value } else { nil } }

    /// The only element, where it is an integer.
    public var integer: Int64? { if case .integer(let value) = atom { value } else { nil } }

    /// The only element, where it is a boolean.
    public var boolean: Bool? { if case .boolean(let value) = atom { value } else { nil } }

    /// The only element, where it is a row's identity.
    public var uuid: UUID? { if case .uuid(let value) = atom { value } else { nil } }

    /// The elements that are row identities, sorted.
    public var uuids: [UUID] {
        switch storage {
        case .atom(.uuid(let uuid)): [uuid]
        case .set(let atoms): atoms.compactMap { if case .uuid(let uuid) = $0 { uuid } else { nil } }
        default: []
        }
    }

    /// The text under a key of a map of strings.
    public subscript(key: String) -> String? {
        guard case .map(let entries) = storage,
            case .found(let index) = entries.position(ofKey: .string(key)),
            case .string(let value) = entries[index].value
        else { return nil }
        return value
    }

    /// Whether a scalar or set holds this element.
    public func contains(_ atom: Atom) -> Bool {
        switch storage {
        case .atom(let only): return only == atom
        case .set(let atoms):
            let index = atoms.firstPosition { $0 >= atom }
            return index < atoms.count && atoms[index] == atom
        case .map: return false
        }
    }
}

extension Datum {
    /// Applies the difference that a `modify` of `update2` or `update3` carries for a column that is not a scalar
    /// (ovsdb-server(7), Update2 Notification).
    ///
    /// An element of a set's difference leaves the set when it is in it and joins when it is not. An entry of a map's
    /// difference removes an equal entry, replaces the value of an equal key, and joins otherwise. What the difference
    /// does not name is not looked at.
    mutating func apply(difference: Datum) {
        switch (storage, difference.storage) {
        case (.map(var entries), .map(let changes)):
            storage = .map([])
            for change in changes {
                switch entries.position(ofKey: change.key) {
                case .found(let index) where entries[index].value == change.value: entries.remove(at: index)
                case .found(let index): entries[index].value = change.value
                case .missing(let index): entries.insert(change, at: index)
                }
            }
            storage = .map(entries)
        case (_, .map), (.map, _):
            self = difference
        default:
            var atoms = self.atoms
            storage = .set([])
            for change in difference.atoms {
                let index = atoms.firstPosition { $0 >= change }
                if index < atoms.count, atoms[index] == change {
                    atoms.remove(at: index)
                } else {
                    atoms.insert(change, at: index)
                }
            }
            storage = atoms.count == 1 ? .atom(atoms[0]) : .set(atoms)
        }
    }
}

extension Datum: CustomStringConvertible {
    /// As `ovs-vsctl get` prints it: `[a, b]`, `{key=value}`, a scalar bare.
    public var description: String {
        switch storage {
        case .atom(let atom): "\(atom)"
        case .set(let atoms): "[\(atoms.map(\.description).joined(separator: ", "))]"
        case .map(let entries): "{\(entries.map { "\($0.key)=\($0.value)" }.joined(separator: ", "))}"
        }
    }
}

extension Datum: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral
{
    public init(stringLiteral value: String) { self.init(.string(value)) }
    public init(integerLiteral value: Int64) { self.init(.integer(value)) }
    public init(booleanLiteral value: Bool) { self.init(.boolean(value)) }
    public init(dictionaryLiteral elements: (Atom, Atom)...) { self.init(map: elements.map { Entry($0, $1) }) }
    public init(arrayLiteral elements: Atom...) { self.init(set: elements) }
}

private enum KeyPosition {
    case found(Int)
    /// Where the key would stand.
    case missing(Int)
}

extension [Datum.Entry] {
    fileprivate func position(ofKey key: Atom) -> KeyPosition {
        let index = firstPosition { $0.key >= key }
        return index < count && self[index].key == key ? .found(index) : .missing(index)
    }
}

extension Array {
    /// Binary search: the first index whose element satisfies a predicate that holds for a suffix of the array.
    fileprivate func firstPosition(where isInSuffix: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isInSuffix(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Of neighbours that are the same the first one stays.
    fileprivate mutating func removeRepeats(_ same: (Element, Element) -> Bool) {
        guard count > 1 else { return }
        var kept = 1
        for index in 1..<count where !same(self[kept - 1], self[index]) {
            self[kept] = self[index]
            kept += 1
        }
        removeLast(count - kept)
    }
}
