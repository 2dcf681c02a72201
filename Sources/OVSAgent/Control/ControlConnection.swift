import NIOCore
import OVSDB

/// One caller's connection as a pure state machine: bytes in, commands and replies out (unixctl, JSON-RPC 1.0).
///
/// One request is at work at a time and the next one is looked at only when its answer has been written and the caller
/// reads: so answers keep their order, and a caller that sends and does not read holds one answer and a little input,
/// not the process.
struct ControlConnection: Sendable {
    /// What the handler must do next.
    enum Action: Hashable, Sendable {
        /// Carry out a command, then ``answer(_:)``.
        case perform(ControlCommand)
        /// Write this.
        case send(ByteBuffer)
        /// Nothing can be done until more bytes come.
        case read
        /// Nothing can be done until the command at work is answered. Bytes may come meanwhile while `reading`.
        case wait(reading: Bool)
        /// Close: the stream can't be read on.
        case close(reason: String)
    }

    private struct Request: Sendable {
        var id: JSON
        var form: ControlCommand.Form
    }

    /// A layout's 1 MiB, with quotes and line ends escaped.
    static let limits = MessageFramer.Limits(length: 2 << 20, depth: 1000)
    /// How much a caller may send ahead of its answers.
    static let backlogLimit = 64 << 10

    /// Whether the caller is root or the daemon's own user.
    let mayChange: Bool
    private var framer = MessageFramer(limits: limits)
    private var format = ControlCommand.Format.text
    private var request: Request?
    private var backlog = 0
    private var isClosed = false

    init(mayChange: Bool) {
        self.mayChange = mayChange
    }

    /// Takes bytes as they came.
    mutating func received(_ bytes: inout ByteBuffer) {
        guard !isClosed else { return }
        if request != nil { backlog += bytes.readableBytes }
        framer.append(&bytes)
    }

    /// What to do now; ask again after `perform` was answered or `send` was written.
    mutating func next() -> Action {
        if isClosed { return .wait(reading: false) }
        if request != nil { return .wait(reading: backlog < Self.backlogLimit) }
        backlog = 0
        do {
            guard let message = try framer.next() else { return .read }
            return try begin(JSON(parsing: message.readableBytesView))
        } catch {
            isClosed = true
            return .close(reason: "\(error)")
        }
    }

    /// The reply to the command at work.
    mutating func answer(_ result: Result<Answer, CommandFailure>) -> ByteBuffer {
        guard let request else { return ByteBuffer() }
        self.request = nil
        switch result {
        case .success(let answer): return Self.reply(request.id, result: rendering(of: answer, request.form))
        case .failure(let failure): return Self.reply(request.id, error: failure)
        }
    }

    private struct Refusal: Error, CustomStringConvertible { var description: String }

    private mutating func begin(_ message: JSON) throws -> Action {
        guard let method = message["method"]?.string, let params = message["params"]?.array,
            let id = message["id"], !id.isNull
        else { throw Refusal(description: "not a JSON-RPC request") }
        do {
            let (command, form) = try ControlCommand.parse(method: method, params: params)
            guard mayChange || !command.changesSomething else {
                throw CommandFailure("permission denied: \(method) is for root and the daemon's own user")
            }
            if case .setFormat(let format) = command {
                self.format = format
                return .send(Self.reply(id, result: ""))
            }
            request = Request(id: id, form: form)
            return .perform(command)
        } catch let failure as CommandFailure {
            return .send(Self.reply(id, error: failure))
        }
    }

    private func rendering(of answer: Answer, _ form: ControlCommand.Form) -> JSON {
        switch form {
        case .asConnection where format == .json: return answer.json
        case .asConnection: return .string(Self.line(answer.text))
        case .json: return .string(answer.json.text() + "\n")
        case .jsonAndText:
            guard case .object(let members) = answer.json else { return .string(answer.json.text() + "\n") }
            return .string(JSON.object(members + [.init("text", .string(answer.text.onLines))]).text() + "\n")
        }
    }

    /// ovs ends every text that is not empty with a newline. Whatever a text quotes, no command reaches a terminal.
    private static func line(_ text: String) -> String {
        (text.isEmpty || text.last == "\n" ? text : text + "\n").onLines
    }

    private static func reply(_ id: JSON, result: JSON) -> ByteBuffer {
        ByteBuffer(json: ["id": id, "result": result, "error": nil])
    }

    private static func reply(_ id: JSON, error: CommandFailure) -> ByteBuffer {
        ByteBuffer(json: ["id": id, "result": nil, "error": .string(line(error.text))])
    }
}

extension ByteBuffer {
    fileprivate init(json: JSON) {
        self.init()
        writeJSON(json)
    }
}
