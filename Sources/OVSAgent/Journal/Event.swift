import JSONRPC

/// One thing that happened to what the agent owns, as the journal keeps it and `ovs-agentctl events` prints it.
struct Event: Hashable, Sendable {
    /// What happened.
    enum Kind: String, Hashable, Sendable, CaseIterable {
        case started, connected, disconnected
        case layoutLoaded = "layout-loaded"
        case layoutRejected = "layout-rejected"
        case drift, repaired, contested
        /// A VM port got the tag of the network that it asks for, or its former one.
        case assigned, released
        /// The switch has a VM port's flows; it has spoken; its address was announced elsewhere; its link, device or row
        /// is gone.
        case vmServed = "vm-served"
        case vmArrived = "vm-arrived"
        case vmMoved = "vm-moved"
        case vmGone = "vm-gone"
        /// An operator's word: a value that stands now is to be kept.
        case adopted
        case applied, paused, resumed
        case applyFailed = "apply-failed"
        /// ovs-vswitchd began anew, and all bridges have their flows again.
        case switchRestarted = "switch-restarted"
        /// What was kept in the state folder can't be had.
        case stateDamaged = "state-damaged"
        case stopped
    }

    /// What the one who reports an event knows; the journal adds instance, number and time.
    struct Report: Hashable, Sendable {
        var kind: Kind
        /// The kind of row and its name: `Bridge br.microseg`. A port that came or went is the bridge, column `ports`.
        var object: String?
        var column: String?
        /// The value that stood there, as `ovs-vsctl get` prints it.
        var found: String?
        /// The value that the layout wants there.
        var wanted: String?
        /// From the notification's arrival to the reply of the restoring transaction.
        var latencyMicroseconds: Int?
        /// Why, in words, where the other members do not say it.
        var reason: String?

        init(
            _ kind: Kind,
            object: String? = nil,
            column: String? = nil,
            found: String? = nil,
            wanted: String? = nil,
            latencyMicroseconds: Int? = nil,
            reason: String? = nil
        ) {
            self.kind = kind
            self.object = object
            self.column = column
            self.found = found
            self.wanted = wanted
            self.latencyMicroseconds = latencyMicroseconds
            self.reason = reason
        }
    }

    /// Which run of the daemon numbered this event.
    var instance: String
    /// Rises by one with every event of a run, from 1.
    var id: Int
    var time: Timestamp
    var report: Report
}

extension Event: ReadableText {
    /// Every key is always there; what does not apply to a kind is `null`.
    var json: JSON {
        [
            "instance": .string(instance),
            "id": .integer(Int64(id)),
            "time": .string("\(time)"),
            "kind": .string(report.kind.rawValue),
            "object": JSON(report.object),
            "column": JSON(report.column),
            "found": JSON(report.found),
            "wanted": JSON(report.wanted),
            "latencyMicroseconds": JSON(report.latencyMicroseconds),
            "reason": JSON(report.reason),
        ]
    }

    /// One line for people: `14    2025-03-09T14:05:07.000123Z drift           Bridge br.mx fail_mode: found standalone, wanted secure`.
    var lines: [String] {
        let kind = report.kind.rawValue.padded(to: 15)
        return ["\("\(id)".padded(to: 5)) \(time) \(kind) \(details)".trimmingTrailingBlanks]
    }

    /// The line without its number and time, for a log that has its own.
    var summary: String { "\(report.kind.rawValue) \(details)".trimmingTrailingBlanks }

    private var details: String {
        var subject = [report.object, report.column].compactMap { $0 }.joined(separator: " ")
        switch (report.found, report.wanted) {
        case (let found?, let wanted?): subject += ": found \(Self.quoted(found)), wanted \(Self.quoted(wanted))"
        case (let found?, nil): subject += ": found \(Self.quoted(found))"
        case (nil, let wanted?): subject += ": wanted \(Self.quoted(wanted))"
        case (nil, nil): break
        }
        let latency = report.latencyMicroseconds.map { "in \(Latency.text(microseconds: $0))" }
        let words = [subject, latency ?? "", report.reason.map { "(\($0))" } ?? ""]
        return words.filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// An empty value must not read as a missing one.
    private static func quoted(_ value: String) -> String { value.isEmpty ? "\"\"" : value }
}
