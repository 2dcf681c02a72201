import JSONRPC
import Logging

/// One command of the control socket, read from a request's method and parameters.
enum ControlCommand: Hashable, Sendable {
    case listCommands, version, status, show, vms
    case plan(NamedFile?)
    case events(since: Int)
    case waitForEvents(after: Int)
    /// A frame, in ovs-ofctl's words, that comes in by a port.
    case trace(port: String, frame: String)
    case reload(allowRemoval: Bool)
    /// An object as events name it; `nil` for all.
    case adopt(String?)
    case pause(seconds: Int, reason: String)
    case resume
    case exit
    case setLogLevel(Logger.Level)
    case setFormat(Format)

    /// How results are written on a connection (`ovs-appctl --format`, 3.4 and later).
    enum Format: String, Hashable, Sendable { case text, json }

    /// What one request wants its result to be.
    enum Form: Hashable, Sendable {
        /// As the connection's format says, and as Open vSwitch's own daemons would.
        case asConnection
        /// One JSON object (`--json`), as a text unless the connection's format is JSON.
        case json
        /// The same with one more member, `text`: what people read and what scripts judge by, from one moment
        /// (`--json-and-text`, which ovs-agentctl sends).
        case jsonAndText
    }

    /// Whether it changes something, which takes root or the daemon's own user.
    var changesSomething: Bool {
        switch self {
        case .reload, .adopt, .pause, .resume, .exit, .setLogLevel: true
        default: false
        }
    }
}

extension ControlCommand {
    /// A command as `list-commands` shows it.
    private struct Usage {
        var name: String
        var arguments: String
        var count: ClosedRange<Int>
    }

    private static let usages: [Usage] = [
        Usage(name: "adopt", arguments: "[OBJECT]", count: 0...2),
        Usage(name: "events", arguments: "[ID]", count: 0...1),
        Usage(name: "events/wait", arguments: "ID", count: 1...1),
        Usage(name: "exit", arguments: "", count: 0...0),
        Usage(name: "list-commands", arguments: "", count: 0...0),
        Usage(name: "pause", arguments: "SECONDS REASON", count: 2...2),
        Usage(name: "plan", arguments: "[FILE-NAME CONTENTS]", count: 0...2),
        Usage(name: "reload", arguments: "[--allow-removal]", count: 0...1),
        Usage(name: "resume", arguments: "", count: 0...0),
        Usage(name: "set-options", arguments: "[--format text|json]", count: 1...2),
        Usage(name: "show", arguments: "", count: 0...0),
        Usage(name: "status", arguments: "", count: 0...0),
        Usage(name: "trace", arguments: "PORT [FRAME]", count: 1...2),
        Usage(name: "version", arguments: "", count: 0...0),
        Usage(name: "vlog/set", arguments: "[LEVEL]", count: 0...1),
        Usage(name: "vms", arguments: "", count: 0...0),
    ]

    /// The answer to `list-commands`.
    static var list: Answer {
        let width = usages.map(\.name.count).max() ?? 0
        let lines = usages.map { "  \($0.name.padded(to: width + 2))\($0.arguments)".trimmingTrailingBlanks }
        return Answer(
            lines: ["The available commands are:"] + lines,
            json: [
                "commands": .array(
                    usages.map { ["name": .string($0.name), "arguments": .string($0.arguments)] }
                )
            ],
            stock: .object(usages.map { JSON.Member($0.name, .string($0.arguments)) })
        )
    }

    /// Reads a request as ovs's unixctl does, with its words for what is wrong; `--json` may end the parameters.
    static func parse(method: String, params: [JSON]) throws(CommandFailure) -> (command: ControlCommand, form: Form) {
        guard let usage = usages.first(where: { $0.name == method }) else {
            throw CommandFailure(
                "\"\(method)\" is not a valid command (use \"list-commands\" to see a list of valid commands)"
            )
        }
        var arguments = params.compactMap(\.string)
        guard arguments.count == params.count else {
            throw CommandFailure("\"\(method)\" command has non-string argument")
        }
        let form = takeForm(from: &arguments, unlessContents: method == "plan" && arguments.count == 2)
        if arguments.count < usage.count.lowerBound {
            throw CommandFailure("\"\(method)\" command requires at least \(usage.count.lowerBound) arguments")
        }
        if arguments.count > usage.count.upperBound {
            throw CommandFailure("\"\(method)\" command takes at most \(usage.count.upperBound) arguments")
        }
        return (try command(method, arguments), form)
    }

    /// The contents of a file are never taken for an option.
    private static func takeForm(from arguments: inout [String], unlessContents: Bool) -> Form {
        guard !unlessContents else { return .asConnection }
        switch arguments.last {
        case "--json":
            arguments.removeLast()
            return .json
        case "--json-and-text":
            arguments.removeLast()
            return .jsonAndText
        default: return .asConnection
        }
    }

    private static func command(_ method: String, _ arguments: [String]) throws(CommandFailure) -> ControlCommand {
        switch method {
        case "list-commands": return .listCommands
        case "version": return .version
        case "status": return .status
        case "show": return .show
        case "vms": return .vms
        case "exit": return .exit
        case "events": return .events(since: try arguments.first.map(eventID) ?? 0)
        case "events/wait": return .waitForEvents(after: try eventID(arguments[0]))
        case "plan":
            guard arguments.count != 1 else { throw CommandFailure("plan: \(arguments[0]) comes without contents") }
            return .plan(arguments.isEmpty ? nil : NamedFile(name: arguments[0], contents: arguments[1]))
        case "trace": return .trace(port: arguments[0], frame: arguments.count > 1 ? arguments[1] : "")
        case "reload":
            guard let argument = arguments.first else { return .reload(allowRemoval: false) }
            guard argument == "--allow-removal" else { throw CommandFailure("reload: unknown option \(argument)") }
            return .reload(allowRemoval: true)
        // `Port br0-up` is one word or two.
        case "adopt": return .adopt(arguments.isEmpty ? nil : arguments.joined(separator: " "))
        case "pause":
            guard let seconds = Int(arguments[0]) else {
                throw CommandFailure("pause: \(arguments[0]) is not a number of seconds")
            }
            return .pause(seconds: seconds, reason: arguments[1])
        case "resume": return .resume
        case "vlog/set": return .setLogLevel(try logLevel(arguments.first ?? "dbg"))
        default: return .setFormat(try format(arguments))
        }
    }

    private static func eventID(_ text: String) throws(CommandFailure) -> Int {
        guard let id = Int(text), id >= 0 else { throw CommandFailure("\(text) is not the number of an event") }
        return id
    }

    private static func format(_ arguments: [String]) throws(CommandFailure) -> Format {
        guard arguments[0] == "--format" else { throw CommandFailure("unrecognized option -- \(arguments[0])") }
        guard arguments.count == 2 else { throw CommandFailure("option requires an argument -- --format") }
        guard let format = Format(rawValue: arguments[1].lowercased()) else {
            throw CommandFailure("option --format has invalid value \(arguments[1])")
        }
        return format
    }

    /// Of ovs's `[MODULE][:DESTINATION[:LEVEL]]`, in any order and case, only the level matters: there is one log.
    private static func logLevel(_ specification: String) throws(CommandFailure) -> Logger.Level {
        let words = specification.lowercased().split { ":, ".contains($0) }.map(String.init)
        for word in words where !["any", "console", "syslog", "file"].contains(word) {
            guard let level = logLevels[word] else {
                throw CommandFailure("no destination, level, or module \"\(word)\"")
            }
            return level
        }
        throw CommandFailure("no log level in \"\(specification)\"")
    }

    /// ovs's levels and swift-log's. `off` and `emer` keep what is critical: a daemon is never quite silent.
    private static let logLevels: [String: Logger.Level] = [
        "off": .critical, "emer": .critical, "critical": .critical, "err": .error, "error": .error,
        "warn": .warning, "warning": .warning, "notice": .notice, "info": .info, "dbg": .debug, "debug": .debug,
        "trace": .trace,
    ]
}
