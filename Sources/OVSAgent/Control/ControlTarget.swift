import JSONRPC
import Logging
import NIOCore

/// What the control socket asks of the agent.
///
/// The server calls every method on its event loop, which is the agent's: an actor whose executor is that loop
/// implements them `nonisolated` through `assumeIsolated`. What takes longer comes as a future of any loop; the server
/// keeps the order of answers on each connection.
protocol ControlTarget: AnyObject, Sendable {
    func status() -> Status
    func topology() -> Topology
    func vms() -> VMListing
    /// The journal's events after a number.
    func events(since id: Int) -> Journal.Excerpt
    /// What would change now, or under the layout in `file`. Fails with ``CommandFailure`` when the file is no layout.
    func plan(for file: NamedFile?) -> EventLoopFuture<PlanAnswer>
    /// The way of a frame that comes in by a port. Fails with ``CommandFailure``.
    func trace(port: String, frame: String) -> EventLoopFuture<Answer>
    /// Reads the layout again. Fails with ``CommandFailure``.
    func reload(allowRemoval: Bool) -> EventLoopFuture<Answer>
    /// Takes what stands now for what was found, on one object or (`nil`) on all. Fails with ``CommandFailure``.
    func adopt(_ object: String?) -> EventLoopFuture<Answer>
    /// Has enforcement stand still. Fails with ``CommandFailure``.
    func pause(seconds: Int, reason: String) -> EventLoopFuture<Answer>
    /// Ends the pause. Fails with ``CommandFailure`` where there is none.
    func resume() -> EventLoopFuture<Answer>
    /// The control socket's file was taken away, or is there again.
    func controlSocket(at path: String, _ news: ControlListener.News)
    /// Ends the daemon; called once the answer has gone out.
    func exit()
    func setLogLevel(_ level: Logger.Level)
}

/// A file that a caller has read: the daemon opens nothing on a caller's behalf.
struct NamedFile: Hashable, Sendable {
    var name: String
    var contents: String
}

/// What a command answers, in each of its forms, of which only those are made that are asked for.
struct Answer: ReadableText, Sendable {
    /// For people.
    var lines: [String] { makeLines() }
    /// For scripts, one object.
    var json: JSON { makeJSON() }
    /// What Open vSwitch's own daemons answer where `ovs-appctl --format json` asks (3.4 and later), if that is another
    /// object.
    var stock: JSON?

    private let makeLines: @Sendable () -> [String]
    private let makeJSON: @Sendable () -> JSON

    init(
        lines: @autoclosure @escaping @Sendable () -> [String],
        json: @autoclosure @escaping @Sendable () -> JSON,
        stock: JSON? = nil
    ) {
        (makeLines, makeJSON, self.stock) = (lines, json, stock)
    }

    /// With one line, or none where there is no text.
    init(text: String, json: JSON) { self.init(lines: text.isEmpty ? [] : [text], json: json) }

    /// In both forms from one value.
    init(_ readable: some ReadableText & Sendable, json: @autoclosure @escaping @Sendable () -> JSON) {
        self.init(lines: readable.lines, json: json())
    }
}

/// What `plan` answers.
struct PlanAnswer: Hashable, Sendable {
    /// For people, one line a change; without a change the answer says so itself.
    var lines: [String]
    /// One object a change.
    var changes: [JSON]
    /// What else there is to say, a line each: what is in the way, what it takes, what is dropped.
    var notes: [String] = []

    var answer: Answer {
        Answer(
            lines: (changes.isEmpty ? ["nothing to change"] : lines) + notes.map { "! \($0)" },
            json: ["changes": .array(changes), "notes": .array(notes.map(JSON.string))]
        )
    }
}

extension CommandFailure {
    /// A finding a line.
    init(_ rejection: LayoutRejection) { self.init(lines: rejection.findings) }
}
