/// How good a VM port's right is to the address that it declares; the stronger of two is the lesser one.
enum Presence: Hashable, Sendable {
    /// It is plugged and has not spoken: the VM may still be elsewhere. `since` orders those that are.
    case expected(since: Int)
    /// It has spoken with its address. `since` orders those that are.
    case present(since: Int)

    var isPresent: Bool { if case .present = self { true } else { false } }

    var since: Int {
        switch self {
        case .expected(let since), .present(let since): since
        }
    }
}

extension Presence: Comparable {
    static func < (a: Presence, b: Presence) -> Bool {
        a.isPresent == b.isPresent ? a.since < b.since : a.isPresent
    }
}
