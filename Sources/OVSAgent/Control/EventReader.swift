import OVSDB

/// Where a reader of the journal stands, over restarts of the daemon: with another run the numbers begin anew.
package struct EventReader: Sendable {
    /// The number of the latest event seen, or to begin after.
    package private(set) var lastID: Int
    private var instance: String?

    package init(after id: Int) {
        lastID = id
    }

    /// Notes an answer to `events` or `events/wait`, and hands it on to be shown.
    package mutating func take(_ answer: JSON) -> JSON {
        instance = answer["instance"]?.string
        lastID = answer["lastId"]?.integer.map { Int($0) } ?? lastID
        return answer
    }

    /// What came since the last answer, over a new connection; `ask` sends `events` with a number. A run that was not
    /// known is read from its beginning: a number of the former one would skip events.
    package mutating func catchUp(_ ask: (_ id: String) throws -> JSON) rethrows -> JSON {
        let answer = try ask("\(lastID)")
        guard let instance, answer["instance"]?.string != instance else { return take(answer) }
        return take(try ask("0"))
    }
}
