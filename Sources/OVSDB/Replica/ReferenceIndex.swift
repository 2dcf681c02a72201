/// Who refers to a row. Nearly every row has exactly one referrer, which is kept without an allocation of its own.
struct ReferenceIndex: Sendable {
    private struct Referrers: Sendable {
        var first: Reference
        var rest: [Reference]
    }

    private var referrersByTarget: [UUID: Referrers] = [:]

    subscript(target: UUID) -> [Reference] {
        guard let referrers = referrersByTarget[target] else { return [] }
        return [referrers.first] + referrers.rest
    }

    /// How many places refer to a row.
    func count(of target: UUID) -> Int { referrersByTarget[target].map { $0.rest.count + 1 } ?? 0 }

    mutating func insert(_ reference: Reference, to target: UUID) {
        if referrersByTarget[target] == nil {
            referrersByTarget[target] = Referrers(first: reference, rest: [])
        } else {
            referrersByTarget[target]?.rest.append(reference)
        }
    }

    mutating func remove(_ reference: Reference, to target: UUID) {
        guard var referrers = referrersByTarget[target] else { return }
        if let index = referrers.rest.firstIndex(of: reference) {
            referrers.rest.remove(at: index)
        } else if referrers.first == reference {
            guard !referrers.rest.isEmpty else {
                referrersByTarget[target] = nil
                return
            }
            referrers.first = referrers.rest.removeFirst()
        }
        referrersByTarget[target] = referrers
    }
}
