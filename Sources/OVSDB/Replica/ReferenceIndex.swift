import JSONRPC

/// Who refers to a row. Nearly every row has exactly one referrer, which is kept without an allocation of its own; one
/// that very many refer to, as ports to a QoS, still gains and loses a referrer in constant time.
struct ReferenceIndex: Sendable {
    private struct Referrers: Sendable {
        var first: Reference
        /// How often each other place refers to the row: a map may name it under several keys.
        var rest: [Reference: Int] = [:]

        var count: Int { rest[first] == nil ? rest.count + 1 : rest.count }

        var places: [Reference] { [first] + rest.keys.filter { $0 != first } }

        /// `false` when nobody is left.
        mutating func remove(_ reference: Reference) -> Bool {
            if rest[reference] != nil {
                forget(reference)
            } else if reference == first {
                guard let heir = rest.keys.first else { return false }
                first = heir
                forget(heir)
            }
            return true
        }

        private mutating func forget(_ reference: Reference) {
            guard let times = rest[reference] else { return }
            rest[reference] = times > 1 ? times - 1 : nil
        }
    }

    private var referrersByTarget: [UUID: Referrers] = [:]

    /// How many rows anything refers to.
    var count: Int { referrersByTarget.count }

    /// The places that refer to a row, each once, in no order.
    subscript(target: UUID) -> [Reference] { referrersByTarget[target]?.places ?? [] }

    /// How many places refer to a row.
    func count(of target: UUID) -> Int { referrersByTarget[target]?.count ?? 0 }

    mutating func insert(_ reference: Reference, to target: UUID) {
        if let index = referrersByTarget.index(forKey: target) {
            referrersByTarget.values[index].rest[reference, default: 0] += 1
        } else {
            referrersByTarget[target] = Referrers(first: reference)
        }
    }

    mutating func remove(_ reference: Reference, to target: UUID) {
        guard let index = referrersByTarget.index(forKey: target) else { return }
        if !referrersByTarget.values[index].remove(reference) { referrersByTarget.remove(at: index) }
    }
}
