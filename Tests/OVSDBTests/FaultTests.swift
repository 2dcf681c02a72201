import JSONRPC
import NIOCore
import Testing

@testable import OVSDB

/// What a server may do wrong costs one connection: its calls fail, what was known stays readable, and the next
/// connection follows again.
@Suite(.timeLimit(.minutes(5))) struct FaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var manner: ScriptedPeer.Manner
        var reason: String
        var probe = TimeAmount.seconds(5)

        init(_ name: String, _ manner: ScriptedPeer.Manner, _ reason: String, probe: TimeAmount = .seconds(60)) {
            (testDescription, self.manner, self.reason, self.probe) = (name, manner, reason, probe)
        }
    }

    private typealias Manner = ScriptedPeer.Manner

    private static func snapshot(_ columns: String) -> Manner { .monitor(Manner.snapshot(columns)) }

    private static let silence: Manner = {
        var manner = snapshot(#"{"name":"x"}"#)
        manner.length = ScriptedPeer.schema.utf8.count + 120
        manner.answers["echo"] = nil
        return manner
    }()

    static let faults: [Fault] = [
        .init("junk instead of a greeting", .init(greeting: Array("HTTP/1.1 200 OK\r\n".utf8)), "found byte 0x48"),
        .init("junk after a message", .monitor(Manner.snapshot(#"{"name":"old+"}"#) + "]"), "found byte 0x5d"),
        .init("what is no JSON inside braces", .monitor(#"{"id":ID,"result":[false,}"# + "]}"), "not JSON at byte"),
        .init("half a message and then silence", silence, "no answer to a probe", probe: .seconds(2)),
        .init("no answer to anything", .init(), "not a byte within", probe: .seconds(2)),
        .init(
            "a message over the limit",
            snapshot(#"{"name":"\#(String(repeating: "x", count: 100_000))"}"#),
            "longer than 100000"
        ),
        .init(
            "a message that nests too deep",
            snapshot(String(repeating: #"{"a":"#, count: 1000)),
            "nests deeper than 1000"
        ),
        .init("an array that nests too deep", snapshot(String(repeating: "[", count: 1001)), "nests deeper than 1000"),
        .init(
            "a value of nearly that depth",
            snapshot(#"{"number":\#(String(repeating: "[", count: 990) + String(repeating: "]", count: 990))}"#),
            "expected an integer, found [[["
        ),
        .init("an integer beyond 64 bits", snapshot(#"{"number":9223372036854775808}"#), "not JSON at byte"),
        .init("a real beyond all", snapshot(#"{"number":1e999}"#), "not JSON at byte"),
        .init("a real for an integer", snapshot(#"{"number":1.5}"#), "expected an integer"),
        .init("a NUL in a string", snapshot(#"{"name":"a\u0000b"}"#), "not JSON at byte"),
        .init("half a surrogate pair", snapshot(#"{"name":"\ud800"}"#), "not JSON at byte"),
        .init(
            "bytes that are no UTF-8",
            .init(greeting: Array(#"{"method":""#.utf8) + [0xC3, 0x28, 0xFF] + Array(#""}"#.utf8)),
            "not JSON at byte"
        ),
        .init("a name twice in an object", snapshot(#"{"name":"a","name":"b"}"#), "duplicate object key"),
        .init("an update before the monitor's answer", .monitor(Manner.update(#"{"name":"y"}"#)), "not started"),
        .init(
            "a snapshot with a modified row",
            .monitor(
                #"{"id":ID,"result":[false,"\#(row(100))",{"T":{"\#(row(1))":{"modify":{"name":"y"}}}}],"error":null}"#
            ),
            "does not fit"
        ),
        .init(
            "a row twice in a snapshot",
            .monitor(
                #"{"id":ID,"result":[false,"\#(row(100))",{"T":{"\#(row(1))":{"initial":{"name":"y"}},"\#(row(1))":{"initial":{"name":"y"}}}}],"error":null}"#
            ),
            "repeatedRow"
        ),
        .init(
            "a snapshot with a row that goes",
            .monitor(
                #"{"id":ID,"result":[false,"\#(row(100))",{"T":{"\#(row(1))":{"delete":null}}}],"error":null}"#
            ),
            "does not fit"
        ),
        .init(
            "a table twice in a snapshot",
            .monitor(#"{"id":ID,"result":[false,"\#(row(100))",{"T":{},"T":{}}],"error":null}"#),
            "duplicate object key"
        ),
        .init(
            "a table that was not asked for",
            .monitor(#"{"id":ID,"result":[false,"\#(row(100))",{"U":{}}],"error":null}"#),
            "table U"
        ),
        .init(
            "a transaction that nobody named",
            .monitor(#"{"id":ID,"result":[true,"\#(row(100))",{"U":{}}],"error":null}"#),
            "nobody named"
        ),
        .init(
            "another database",
            Manner.monitor("").answering("get_schema", #"{"id":ID,"result":null,"error":"unknown database"}"#),
            "refused get_schema: unknown database"
        ),
        .init(
            "a schema that is none",
            Manner.monitor("").answering("get_schema", #"{"id":ID,"result":{"name":1},"error":null}"#),
            "expected a database schema"
        ),
        .init(
            "a flood of questions whose answers it does not read",
            .init(
                greeting: Array(
                    String(
                        repeating: #"{"id":1,"method":"echo","params":["\#(String(repeating: "x", count: 10_000))"]}"#,
                        count: 200
                    ).utf8
                ),
                reads: false
            ),
            "does not read"
        ),
    ]

    @Test("costs one connection, and what was known stays", arguments: faults)
    func costsOneConnection(fault: Fault) async throws {
        try await ScriptedPeer.with([.good("old").ended(), fault.manner, .good("new")]) { peer in
            let client = try await TransactingClient.start(TransactingClient.configuration(peer, probe: fault.probe))
            let first = try #require(await client.disconnected())
            #expect(first.names == ["old+"], "\(first.error)")
            let lost = try #require(await client.disconnected())
            #expect(lost.error.description.contains(fault.reason), "\(lost.error)")
            #expect(lost.names == ["old+"])
            #expect(await client.has("new+"))
            _ = await client.answer()
            guard case .failure(let error) = await client.answer() else {
                Issue.record("a transaction succeeded that was never answered")
                return
            }
            #expect(error == lost.error)
            await client.finish()
        }
    }

    @Test(
        "a conversation cut at any byte is taken up on the next connection, and no call is left open",
        arguments: 0..<8
    )
    func cuts(part: Int) async throws {
        // Each answer stands in the table with two letters where its id of one digit comes.
        let answers = ScriptedPeer.Manner.good("old").answers.filter { $0.key != "echo" }.values
        let whole = answers.reduce(0) { $0 + $1.utf8.count - 1 }
        for length in stride(from: part, through: whole, by: 8) {
            var cut = ScriptedPeer.Manner.good("old")
            (cut.length, cut.ending) = (length, .close)
            try await ScriptedPeer.with([cut, .good("new")]) { peer in
                let client = try await TransactingClient.start(TransactingClient.configuration(peer))
                let lost = try #require(await client.disconnected(), "cut at byte \(length)")
                // It is a reset when the peer had not read all that it was sent.
                let reasons = ["the server closed the connection", "Connection reset by peer", "Broken pipe"]
                #expect(
                    reasons.contains { lost.error.description.hasSuffix($0) },
                    "cut at byte \(length): \(lost.error)"
                )
                #expect([nil, ["old"], ["old+"]].contains(lost.names), "cut at byte \(length)")
                #expect(await client.has("new+"), "cut at byte \(length)")
                if case .failure(let error)? = await client.answer() { #expect(error == lost.error) }
                guard case .success([.done])? = await client.answer() else {
                    Issue.record("cut at byte \(length)")
                    return
                }
                await client.finish()
            }
        }
    }

    @Test("a client goes on from the last transaction that it read whole, and starts anew when it is not found")
    func resumes() async throws {
        func since(_ found: Bool, _ transaction: Int, _ change: String) -> String {
            #"{"id":ID,"result":[\#(found),"\#(row(transaction))",{"T":{"\#(row(1))":\#(change)}}],"error":null}"#
        }
        func manner(_ answer: String) -> ScriptedPeer.Manner {
            .good("").answering("monitor_cond_since", answer).ended()
        }
        let broken =
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(103))",{"T":{"\#(row(1))":{"modify":{"number":"x"}}}}]}"#
        let manners = [
            manner(since(false, 101, #"{"initial":{"name":"a","more":["set",["x","y"]]}}"#)),
            manner(since(true, 102, #"{"modify":{"more":["set",["y","z"]]}}"#) + broken),
            manner(since(true, 103, #"{"modify":{"more":"z"}}"#)),
            manner(since(false, 104, #"{"initial":{"name":"b"}}"#)),
        ]
        try await ScriptedPeer.with(manners) { peer in
            let client = try await TransactingClient.start(TransactingClient.configuration(peer))
            var seen: [Datum] = []
            for await report in client.reports {
                guard case .synced = report.event else { continue }
                seen.append(report.more)
                if seen.count == manners.count { break }
            }
            #expect(seen == [["x", "y"], ["x", "z"], "x", .emptySet])
            await client.finish()
        }
    }

    @Test("what was to follow a snapshot that does not fit is not told of the connection that it ended")
    func misfit() async throws {
        func since(_ found: Bool, _ rows: String) -> String {
            #"{"id":ID,"result":[\#(found),"\#(row(101))",{"T":{\#(rows)}}],"error":null}"#
        }
        let lock = #"{"method":"stolen","params":["l"]}{"method":"locked","params":["l"]}"#
        let manners = [
            since(false, #""\#(row(1))":{"initial":{"name":"a"}}"#),
            lock + since(true, #""\#(row(2))":{"modify":{"name":"b"}}"#),
        ].map { ScriptedPeer.Manner.monitor($0) }
        try await ScriptedPeer.with([manners[0].ended(), manners[1], .good("new")]) { peer in
            let client = try await TransactingClient.start(TransactingClient.configuration(peer))
            #expect(await client.disconnected() != nil)
            #expect(await client.disconnected()?.error.description.contains("does not fit") == true)
            for await report in client.reports {
                guard case .connected = report.event else {
                    Issue.record("\(report.event) after the end of a connection")
                    continue
                }
                break
            }
            #expect(await client.has("new+"))
            await client.finish()
        }
    }

    @Test("an answer that comes twice, and one to nothing, are counted and change nothing")
    func unknownReplies() async throws {
        var twice = ScriptedPeer.Manner.good("a")
        let answer = try #require(twice.answers["lock"])
        twice.answers["lock"] = answer + answer + #"{"id":"nobody","result":{},"error":null}"#
        try await ScriptedPeer.with([twice.ended(), twice]) { peer in
            let client = try await TransactingClient.start(TransactingClient.configuration(peer))
            // Two on the connection that ends, and as many on the next, which may be there at once.
            #expect(await client.disconnected() != nil)
            #expect(await client.client.unknownReplies >= 2)
            for await report in client.reports { if case .changed = report.event { break } }
            #expect(await client.client.unknownReplies == 4)
            await client.finish()
            #expect(await client.client.unknownReplies == 4)
        }
    }

    @Test("stopping fails what is open, tells nothing more and can be done at any moment")
    func stopping() async throws {
        try await ScriptedPeer.with([.init()]) { peer in
            let client = try await TransactingClient.start(TransactingClient.configuration(peer))
            for await report in client.reports { if case .connected = report.event { break } }
            await client.client.stop()
            await client.client.stop()
            #expect(await client.answer() == .failure(.disconnected(reason: "the client was stopped")))

            let connecting = try await TransactingClient.start(TransactingClient.configuration(peer))
            await connecting.client.stop()
            await #expect(throws: OVSDBError.self) { try await connecting.client.call("echo", []) }
        }
    }
}
