/// VLANs, as a bit each: to compare and to look up in thousands of them costs next to nothing.
struct VLANSet: Hashable, Sendable {
    private var words: [UInt64]

    init() { words = [UInt64](repeating: 0, count: 64) }

    init(_ vlans: some Sequence<VLAN>) {
        self.init()
        for vlan in vlans { insert(vlan) }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    func contains(_ vlan: VLAN) -> Bool { words[Int(vlan.number >> 6)] >> UInt64(vlan.number & 63) & 1 != 0 }

    mutating func insert(_ vlan: VLAN) { words[Int(vlan.number >> 6)] |= 1 << UInt64(vlan.number & 63) }

    mutating func formUnion(_ other: VLANSet) {
        for index in words.indices { words[index] |= other.words[index] }
    }

    func union(_ vlans: some Sequence<VLAN>) -> VLANSet {
        var set = self
        for vlan in vlans { set.insert(vlan) }
        return set
    }

    /// The lowest that both have.
    func firstCommon(with other: VLANSet) -> VLAN? {
        for index in words.indices where words[index] & other.words[index] != 0 {
            return VLAN(index << 6 + (words[index] & other.words[index]).trailingZeroBitCount)
        }
        return nil
    }
}

extension VLANSet: Sequence {
    /// From the lowest to the highest.
    struct Iterator: IteratorProtocol {
        fileprivate let words: [UInt64]
        fileprivate var index = 0
        /// What is left of the word at the index.
        fileprivate var rest: UInt64

        mutating func next() -> VLAN? {
            while rest == 0 {
                index += 1
                guard index < words.count else { return nil }
                rest = words[index]
            }
            defer { rest &= rest - 1 }
            return VLAN(index << 6 + rest.trailingZeroBitCount)
        }
    }

    func makeIterator() -> Iterator { Iterator(words: words, rest: words[0]) }
}

extension VLANSet: ExpressibleByArrayLiteral {
    init(arrayLiteral vlans: VLAN...) { self.init(vlans) }
}
