import NIOCore

/// The parts of plans that the server did not take. Each is tried again by itself, with pauses that grow, and holds up
/// nothing else. A pure value on the caller's clock.
struct Refusals: Sendable {
    static let shortestPause = TimeAmount.milliseconds(100)
    static let longestPause = TimeAmount.seconds(8)

    struct Refusal: Hashable, Sendable {
        /// What the part concerns.
        var objects: Set<String>
        /// The server's words.
        var reason: String
        fileprivate var pause: TimeAmount
        fileprivate var until: NIODeadline

        /// The objects in one line.
        var object: String { objects.sortedNaturally().joined(separator: ", ") }
    }

    /// That the server takes nothing at all.
    struct Closure: Hashable, Sendable {
        var reason: ServerRefusal
        fileprivate var pause: TimeAmount
        /// When it is asked again.
        fileprivate(set) var until: NIODeadline
    }

    /// `nil` while the server takes transactions, as far as is known.
    private(set) var closure: Closure?
    /// In the order in which they were first refused.
    private(set) var all: [Refusal] = []

    /// The server refused a part. Says whether that is news.
    mutating func refused(_ objects: Set<String>, reason: String, now: NIODeadline) -> Bool {
        guard let index = all.firstIndex(where: { $0.objects == objects }) else {
            let pause = Self.shortestPause
            all.append(Refusal(objects: objects, reason: reason, pause: pause, until: now + pause))
            return true
        }
        let isNews = all[index].reason != reason
        all[index].reason = reason
        all[index].pause = min(all[index].pause * 2, Self.longestPause)
        all[index].until = now + all[index].pause
        return isNews
    }

    /// The server refused all, whatever it was. Says whether that is news.
    mutating func refusedAll(_ reason: ServerRefusal, now: NIODeadline) -> Bool {
        let isNews = closure?.reason != reason
        let pause = closure.map { min($0.pause * 2, Self.longestPause) } ?? Self.shortestPause
        closure = Closure(reason: reason, pause: pause, until: now + pause)
        return isNews
    }

    /// The server took something. Says whether that is news.
    mutating func taken() -> Bool {
        defer { closure = nil }
        return closure != nil
    }

    /// The objects that have to wait, and the first moment at which one need not any more.
    func held(now: NIODeadline) -> (objects: Set<String>, until: NIODeadline?) {
        let waiting = all.filter { $0.until > now }
        return (waiting.reduce(into: []) { $0.formUnion($1.objects) }, waiting.map(\.until).min())
    }

    /// Of what differs now, only these objects are left: the refusals of others are over, and are given.
    mutating func keep(_ objects: Set<String>) -> [Refusal] {
        let over = all.filter { $0.objects.isDisjoint(with: objects) }
        all.removeAll { over.contains($0) }
        return over
    }
}
