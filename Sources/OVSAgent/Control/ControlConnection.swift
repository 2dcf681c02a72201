import JSONRPC
import NIOCore

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

    /// How the command at work is to be answered. A value, so that an answer that takes long can be put into bytes by
    /// another thread.
    struct Request: Sendable {
        fileprivate var id: JSON
        fileprivate var form: ControlCommand.Form
        fileprivate var format: ControlCommand.Format
    }

    /// A layout's 1 MiB, with quotes and line ends escaped.
    static let limits = MessageFramer.Limits(length: 2 << 20, depth: 1000)
    /// How much a caller may send ahead of its answers.
    static let backlogLimit = 64 << 10

    /// Whether the caller is root or the daemon's own user.
    let mayChange: Bool
    private var framer = MessageFramer(limits: limits)
    private var format = ControlCommand.Format.text
    /// The command at work.
    private(set) var request: Request?
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
        answered()
        return request.reply(result)
    }

    /// The reply to the command at work was made by ``Request/reply(_:)``.
    mutating func answered() { request = nil }

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
            request = Request(id: id, form: form, format: format)
            return .perform(command)
        } catch let failure as CommandFailure {
            return .send(Self.reply(id, error: failure))
        }
    }

    /// ovs ends every text that is not empty with a newline.
    fileprivate static func whole(_ readable: some ReadableText) -> JSON {
        let text = readable.text
        return .string(text.isEmpty ? text : text + "\n")
    }

    fileprivate static func reply(_ id: JSON, result: JSON) -> ByteBuffer {
        ByteBuffer(json: ["id": id, "result": result, "error": nil])
    }

    fileprivate static func reply(_ id: JSON, error: CommandFailure) -> ByteBuffer {
        ByteBuffer(json: ["id": id, "result": nil, "error": whole(error)])
    }
}

extension ControlConnection.Request {
    /// The bytes of the answer.
    func reply(_ result: Result<Answer, CommandFailure>) -> ByteBuffer {
        switch result {
        case .success(let answer): ControlConnection.reply(id, result: rendering(of: answer))
        case .failure(let failure): ControlConnection.reply(id, error: failure)
        }
    }

    private func rendering(of answer: Answer) -> JSON {
        switch form {
        case .asConnection where format == .json: return answer.stock ?? answer.json
        case .asConnection: return ControlConnection.whole(answer)
        case .json: return object(answer.json)
        case .jsonAndText:
            guard case .object(let members) = answer.json else { return object(answer.json) }
            return object(.object(members + [.init("text", .string(answer.text))]))
        }
    }

    /// Itself where the connection carries JSON, else its text.
    private func object(_ json: JSON) -> JSON { format == .json ? json : .string(json.text() + "\n") }
}

extension ByteBuffer {
    fileprivate init(json: JSON) {
        self.init()
        writeJSON(json)
    }
}
