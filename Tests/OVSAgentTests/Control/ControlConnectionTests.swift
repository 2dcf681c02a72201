import JSONRPC
import Logging
import NIOCore
import TestSupport
import Testing

@testable import OVSAgent

@Suite struct ControlConnectionTests {
    /// Everything a connection says to these pieces of a stream, commands answered at once with their own name.
    private func talk(_ pieces: [[UInt8]], mayChange: Bool = true) -> [String] {
        var connection = ControlConnection(mayChange: mayChange)
        var said: [String] = []
        for piece in pieces {
            var bytes = ByteBuffer(bytes: piece)
            connection.received(&bytes)
            loop: while true {
                switch connection.next() {
                case .perform(let command):
                    said.append("perform \(command)")
                    said.append(String(buffer: connection.answer(.success(Answer(text: "done", json: ["done": true])))))
                case .send(let bytes): said.append(String(buffer: bytes))
                case .read: break loop
                case .wait: break loop
                case .close(let reason): said.append("close: \(reason)")
                }
            }
        }
        return said
    }

    private func talk(_ text: String, mayChange: Bool = true) -> [String] {
        talk([Array(text.utf8)], mayChange: mayChange)
    }

    private static func request(_ method: String, _ params: String = "", id: Int = 0) -> String {
        #"{"id":\#(id),"method":"\#(method)","params":[\#(params)]}"#
    }

    @Test(
        "a request becomes a command",
        arguments: [
            ("status", "", .status), ("show", "", .show), ("version", "", .version), ("exit", "", .exit),
            ("list-commands", "", .listCommands), ("plan", "", .plan(nil)),
            ("plan", #""a.yaml","version: 1""#, .plan(NamedFile(name: "a.yaml", contents: "version: 1"))),
            ("plan", #""a.yaml","--json""#, .plan(NamedFile(name: "a.yaml", contents: "--json"))),
            ("plan", #""a.yaml","x","--json""#, .plan(NamedFile(name: "a.yaml", contents: "x"))),
            ("plan", #""--json""#, .plan(nil)),
            ("events", "", .events(since: 0)), ("events", #""7""#, .events(since: 7)),
            ("events", #""7","--json""#, .events(since: 7)), ("events/wait", #""0""#, .waitForEvents(after: 0)),
            ("reload", "", .reload(allowRemoval: false)),
            ("reload", #""--allow-removal","--json""#, .reload(allowRemoval: true)),
            ("vlog/set", "", .setLogLevel(.debug)), ("vlog/set", #""info""#, .setLogLevel(.info)),
            ("vlog/set", #""any:any:dbg""#, .setLogLevel(.debug)), ("vlog/set", #""ANY:WARN""#, .setLogLevel(.warning)),
            ("vlog/set", #""console:off""#, .setLogLevel(.critical)),
        ] as [(String, String, ControlCommand)]
    )
    func commands(method: String, params: String, command: ControlCommand) {
        #expect(talk(Self.request(method, params)).first == "perform \(command)")
    }

    @Test(
        "what is no command is answered in the words of ovs, and the connection goes on",
        arguments: [
            ("x", "", #""x" is not a valid command (use "list-commands" to see a list of valid commands)"#),
            ("status", #""a""#, #""status" command takes at most 0 arguments"#),
            ("events/wait", "", #""events/wait" command requires at least 1 arguments"#),
            ("events/wait", #""--json""#, #""events/wait" command requires at least 1 arguments"#),
            ("set-options", "", #""set-options" command requires at least 1 arguments"#),
            ("status", "7", #""status" command has non-string argument"#),
            ("events", #""x""#, "x is not the number of an event"),
            ("events", #""-1""#, "-1 is not the number of an event"),
            ("plan", #""a.yaml""#, "plan: a.yaml comes without contents"),
            ("reload", #""--force""#, "reload: unknown option --force"),
            ("vlog/set", #""loud""#, #"no destination, level, or module "loud""#),
            ("vlog/set", #""any""#, #"no log level in "any""#),
            ("set-options", #""--format""#, "option requires an argument -- --format"),
            ("set-options", #""--format","xml""#, "option --format has invalid value xml"),
            ("set-options", #""--colour","red""#, "unrecognized option -- --colour"),
        ]
    )
    func refusals(method: String, params: String, error: String) throws {
        let said = talk(Self.request(method, params, id: 5) + Self.request("status"))
        let reply: JSON = ["id": 5, "result": nil, "error": .string(error + "\n")]
        #expect(said.first == reply.text())
        #expect(said.dropFirst().first == "perform status")
    }

    @Test(
        "a result takes the form that was asked for",
        arguments: [
            ("", "", #"{"id":0,"result":"done\n","error":null}"#),
            ("", #""--json""#, #"{"id":0,"result":"{\"done\":true}\n","error":null}"#),
            ("", #""--json-and-text""#, #"{"id":0,"result":"{\"done\":true,\"text\":\"done\"}\n","error":null}"#),
            ("json", "", #"{"id":0,"result":{"done":true},"error":null}"#),
            ("json", #""--json""#, #"{"id":0,"result":{"done":true},"error":null}"#),
            ("json", #""--json-and-text""#, #"{"id":0,"result":{"done":true,"text":"done"},"error":null}"#),
            ("text", "", #"{"id":0,"result":"done\n","error":null}"#),
        ]
    )
    func forms(format: String, params: String, reply: String) throws {
        let options = format.isEmpty ? "" : Self.request("set-options", #""--format","\#(format)""#)
        let said = talk(options + Self.request("status", params))
        let expected = try JSON(parsing: reply.utf8)
        #expect(try JSON(parsing: said.last?.utf8 ?? "".utf8) == expected)
        if !format.isEmpty { #expect(said.first == #"{"id":0,"result":"","error":null}"#) }
    }

    @Test("text that somebody wrote into the database reaches no terminal as a command")
    func controls() throws {
        var connection = ControlConnection(mayChange: true)
        var bytes = ByteBuffer(string: Self.request("status"))
        connection.received(&bytes)
        #expect(connection.next() == .perform(.status))
        let answer = Answer(lines: ["a\u{1B}]0;x\u{7}b\u{9B}c\n! forged", "\td"], json: [:])
        let reply = try JSON(parsing: connection.answer(.success(answer)).readableBytesView)
        #expect(reply["result"] == "a ]0;x b c ! forged\n d\n")
    }

    @Test("what changes something is for root and the daemon's user", arguments: ["reload", "exit", "vlog/set"])
    func permission(method: String) {
        let refusal = "permission denied: \(method) is for root and the daemon's own user\\n"
        #expect(talk(Self.request(method), mayChange: false) == [#"{"id":0,"result":null,"error":"\#(refusal)"}"#])
        #expect(talk(Self.request("status"), mayChange: false).first == "perform status")
    }

    @Test("wherever the stream is cut, the same is said in the same order")
    func everySplit() {
        let stream = Array(
            (Self.request("status", id: 1) + "\n" + Self.request("plan", #""é.yaml","{[\"\\""#, id: 2)
                + Self.request("nope", id: 3) + Self.request("exit", id: 4)).utf8
        )
        let whole = talk([stream])
        #expect(whole.count == 7)
        for cut in 0...stream.count {
            #expect(talk([Array(stream[..<cut]), Array(stream[cut...])]) == whole, "cut at byte \(cut)")
        }
        #expect(talk(stream.map { [$0] }) == whole, "byte by byte")
    }

    @Test(
        "what is no request ends the connection",
        arguments: [
            "[1]", "junk", #"{"id":1,"result":"x","error":null}"#, #"{"id":null,"method":"status","params":[]}"#,
            #"{"method":"status","params":[]}"#, #"{"id":1,"method":"status"}"#,
            #"{"id":1,"method":"status","params":{}}"#,
            #"{"id":1,"method":7,"params":[]}"#, #"{"id":1,,}"#, #"{"a":"\#u{FF}\#u{0}"}"#,
            "{\"a\":" + String(repeating: "[", count: 1000),
            #"{"id":1,"method":""# + String(repeating: "x", count: 2 << 20),
        ]
    )
    func endings(stream: String) {
        let said = talk(stream + Self.request("status"))
        #expect(said.count == 1)
        #expect(said.first?.hasPrefix("close: ") == true)
    }

    @Test("half a message says nothing and waits for the rest")
    func half() {
        let request = Self.request("status")
        for length in 0..<request.utf8.count { #expect(talk([Array(request.utf8.prefix(length))]).isEmpty) }
    }

    @Test("damaged requests end the connection or are answered, never more", arguments: 0..<200 as Range<UInt64>)
    func junk(seed: UInt64) {
        var random = Seeded(state: seed)
        var stream = Array((Self.request("status", #""--json""#) + Self.request("events", #""3""#)).utf8)
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            stream[Int.random(in: 0..<stream.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        let said = talk([stream])
        #expect(said.count <= 4, "seed \(seed)")
        #expect(said.count { $0.hasPrefix("close") } <= 1, "seed \(seed)")
    }

    @Test("while a command is at work the caller may send a little ahead, and no more")
    func backlog() {
        var connection = ControlConnection(mayChange: true)
        var bytes = ByteBuffer(string: Self.request("events/wait", #""0""#))
        connection.received(&bytes)
        #expect(connection.next() == .perform(.waitForEvents(after: 0)))
        #expect(connection.next() == .wait(reading: true))
        bytes = ByteBuffer(string: Self.request("status", id: 1))
        connection.received(&bytes)
        #expect(connection.next() == .wait(reading: true))
        bytes = ByteBuffer(repeating: 0x20, count: ControlConnection.backlogLimit)
        connection.received(&bytes)
        #expect(connection.next() == .wait(reading: false))
        _ = connection.answer(.success(Answer(text: "", json: [:])))
        #expect(connection.next() == .perform(.status))
        _ = connection.answer(.failure(CommandFailure("no")))
        #expect(connection.next() == .read)
    }
}
