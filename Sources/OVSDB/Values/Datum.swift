import JSONRPC

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
        var sorted = Array(atoms)
        // A server sends them sorted, and nearly all sets are empty or short.
        if !zip(sorted, sorted.dropFirst()).allSatisfy({ $0 < $1 }) {
            sorted.sort()
            sorted.removeRepeats(==)
        }
        storage = sorted.count == 1 ? .atom(sorted[0]) : .set(sorted)
    }

    /// A map; of entries with the same key the last one stands.
    public init(map entries: some Sequence<Entry>) {
        let entries = Array(entries)
        // A server sends them sorted.
        if zip(entries, entries.dropFirst()).allSatisfy({ $0.key < $1.key }) {
            storage = .map(entries)
            return
        }
        let order = entries.indices.sorted { a, b in
            entries[a].key == entries[b].key ? a < b : entries[a].key < entries[b].key
        }
        var sorted: [Entry] = []
        sorted.reserveCapacity(entries.count)
        for index in order {
            if sorted.last?.key == entries[index].key { sorted.removeLast() }
            sorted.append(entries[index])
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
    /// does not name is at most moved.
    mutating func apply(difference: Datum) {
        if case .map(let changes) = difference.storage {
            guard case .map(var entries) = storage else { return self = difference }
            // The entries are ours alone now, and change where they lie.
            storage = .map([])
            if changes.count > Self.fewChanges {
                entries = entries.merged(changes, by: { $0.key < $1.key }) { $0.value == $1.value ? nil : $1 }
            } else {
                for change in changes {
                    switch entries.position(ofKey: change.key) {
                    case .found(let index) where entries[index].value == change.value: entries.remove(at: index)
                    case .found(let index): entries[index].value = change.value
                    case .missing(let index): entries.insert(change, at: index)
                    }
                }
            }
            storage = .map(entries)
            return
        }
        guard !isMap else { return self = difference }
        let changes = difference.atoms
        var atoms = self.atoms
        storage = .set([])
        if changes.count > Self.fewChanges {
            atoms = atoms.merged(changes, by: <) { _, _ in nil }
        } else {
            for change in changes {
                let index = atoms.firstPosition { $0 >= change }
                if index < atoms.count, atoms[index] == change {
                    atoms.remove(at: index)
                } else {
                    atoms.insert(change, at: index)
                }
            }
        }
        storage = atoms.count == 1 ? .atom(atoms[0]) : .set(atoms)
    }
}

extension Datum {
    /// Up to so many changes are made in place, each for a search and a move of what stands behind; more of them cost
    /// less as one walk over everything, and a peer cannot make the cost the product of both sizes.
    private static let fewChanges = 8

    /// The difference that leads back from what ``apply(difference:)`` would make of this.
    func undo(of difference: Datum) -> Datum {
        guard case .map(let changes) = difference.storage, case .map(let entries) = storage else {
            // A set's difference is its own undoing.
            return difference
        }
        return Datum(
            map: changes.map { change in
                if case .found(let index) = entries.position(ofKey: change.key) { entries[index] } else { change }
            }
        )
    }

    /// What ``apply(difference:)`` takes away and what it brings, without doing it.
    func effect(of difference: Datum) -> (gone: Datum, come: Datum) {
        switch (storage, difference.storage) {
        case (.map(let entries), .map(let changes)):
            var gone: [Entry] = []
            var come: [Entry] = []
            for change in changes {
                switch entries.position(ofKey: change.key) {
                case .found(let index):
                    gone.append(entries[index])
                    if entries[index].value != change.value { come.append(change) }
                case .missing: come.append(change)
                }
            }
            return (Datum(map: gone), Datum(map: come))
        case (_, .map), (.map, _):
            return (self, difference)
        default:
            let changes = difference.atoms
            return (Datum(set: changes.filter(contains)), Datum(set: changes.filter { !contains($0) }))
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

    /// Two arrays without repeats in the same order as one; of two elements that meet, what `meeting` says stays.
    fileprivate func merged(
        _ others: [Element],
        by precedes: (Element, Element) -> Bool,
        meeting: (Element, Element) -> Element?
    ) -> [Element] {
        var merged: [Element] = []
        merged.reserveCapacity(count + others.count)
        var index = 0
        for other in others {
            while index < count, precedes(self[index], other) {
                merged.append(self[index])
                index += 1
            }
            if index < count, !precedes(other, self[index]) {
                if let kept = meeting(self[index], other) { merged.append(kept) }
                index += 1
            } else {
                merged.append(other)
            }
        }
        merged.append(contentsOf: self[index...])
        return merged
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
