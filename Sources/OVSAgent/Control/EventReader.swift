import JSONRPC

/// Where a reader of the journal stands, over restarts of the daemon: with another run the numbers begin anew.
package struct EventReader: Sendable {
    /// The number of the latest event seen, or to begin after.
    private var lastID: Int
    private var instance: String?

    package init(after id: Int) {
        lastID = id
    }

    /// What came since the last answer, over a new connection. A run that was not known is read from its beginning: a
    /// number of the former one would skip events.
    package mutating func catchUp(over client: ControlClient) throws(ControlClientError) -> JSON {
        let answer = try client.ask("events", ["\(lastID)"])
        guard let instance, answer["instance"]?.string != instance else { return take(answer) }
        return take(try client.ask("events", ["0"]))
    }

    /// What comes next, for however long that takes.
    package mutating func awaitNext(over client: ControlClient) throws(ControlClientError) -> JSON {
        take(try client.ask("events/wait", ["\(lastID)"], waitsForEver: true))
    }

    /// Notes where an answer ends, and hands it on to be shown.
    private mutating func take(_ answer: JSON) -> JSON {
        instance = answer["instance"]?.string
        lastID = answer["lastId"]?.integer.map { Int($0) } ?? lastID
        return answer
    }
}
