import DequeModule
import JSONRPC

/// The latest events of one run of the daemon: a bounded ring, so that a fight over a row can't eat the memory.
///
/// A pure value. Whoever waits for the next event does so in the control server.
struct Journal: Sendable {
    /// Tells this run from every other one, so that a reader notices that the numbers begin anew.
    let instance: String
    /// The most events kept, at least 1.
    let capacity: Int
    /// Oldest first, numbered without gaps.
    private(set) var events: Deque<Event> = []
    /// The number of the latest event; 0 before the first.
    private(set) var lastID = 0
    /// What happened and has no number yet.
    private var noted: [(report: Event.Report, time: Timestamp)] = []

    init(instance: String, capacity: Int = 4096) {
        self.instance = instance
        self.capacity = max(1, capacity)
    }

    /// How many events of this run are no longer kept.
    var dropped: Int { lastID - events.count }

    /// Numbers and keeps an event; the oldest one goes when there is no room.
    @discardableResult
    mutating func append(_ report: Event.Report, at time: Timestamp) -> Event {
        lastID += 1
        let event = Event(instance: instance, id: lastID, time: time, report: report)
        if events.count == capacity { events.removeFirst() }
        events.append(event)
        return event
    }

    /// Notes what happened; ``appendNoted()`` writes it down.
    mutating func note(_ report: Event.Report, at time: Timestamp) { noted.append((report, time)) }

    /// Appends what was noted, in the order in which it happened, and gives it.
    mutating func appendNoted() -> [Event] {
        defer { noted.removeAll(keepingCapacity: noted.count < 100) }
        return noted.map { append($0.report, at: $0.time) }
    }

    /// The events kept with a higher number, oldest first. A number that this run has not reached comes from another
    /// run: then everything is news.
    func since(_ id: Int) -> [Event] {
        guard id <= lastID else { return Array(events) }
        return Array(events.suffix(max(0, lastID - max(0, id))))
    }
}

extension Journal {
    /// A part of the journal as the control socket sends it.
    struct Excerpt: Hashable, Sendable {
        var instance: String
        /// The number of the latest event, whether or not it is among `events`.
        var lastID: Int
        var dropped: Int
        var events: [Event]
    }

    /// What came after `id`.
    func excerpt(since id: Int) -> Excerpt {
        Excerpt(instance: instance, lastID: lastID, dropped: dropped, events: since(id))
    }
}

extension Journal.Excerpt: ReadableText {
    var json: JSON {
        [
            "instance": .string(instance),
            "lastId": .integer(Int64(lastID)),
            "dropped": .integer(Int64(dropped)),
            "events": .array(events.map(\.json)),
        ]
    }

    /// One an event.
    var lines: [String] { events.flatMap(\.lines) }
}
