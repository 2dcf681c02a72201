import JSONRPC
import Testing

@testable import OVSDB

/// A session fed with texts, whose actions are read as texts.
struct SessionScript {
    static let schema = #"{"name":"db","version":"1.0.0","tables":{"T":{"columns":{"name":{"type":"string"}}}}}"#
    static let a = row(1).description

    var machine: SessionStateMachine

    init(lock: String? = nil, mark: SessionStateMachine.Mark? = nil) {
        machine = SessionStateMachine(
            purpose: .init(
                database: "db",
                lock: lock,
                followed: [.init("T", columns: ["name"]), .init("U", columns: ["x"])]
            ),
            mark: mark
        )
    }

    /// A message from the server, and what is to be done for it.
    mutating func receive(_ text: String) throws -> [SessionStateMachine.Action] {
        try reading(text) { machine.received($0) }
    }

    /// A session that has gone as far as the reply to the first monitor request.
    static func waiting(lock: String? = nil, mark: SessionStateMachine.Mark? = nil) throws -> SessionScript {
        var script = SessionScript(lock: lock, mark: mark)
        _ = script.machine.connected()
        _ = try script.receive(#"{"id":1,"result":\#(schema),"error":null}"#)
        return script
    }

    /// A session that follows; its last request had the id 3 without a lock and 4 with one.
    static func following(lock: String? = nil) throws -> SessionScript {
        var script = try waiting(lock: lock)
        if lock != nil { _ = try script.receive(#"{"id":2,"result":{"locked":true},"error":null}"#) }
        let id = lock == nil ? 2 : 3
        _ = try script.receive(#"{"id":\#(id),"result":[false,"\#(row(100))",{}],"error":null}"#)
        return script
    }
}

extension [SessionStateMachine.Action] {
    /// What is sent, as text.
    var sent: [String] {
        compactMap {
            if case .send(let message) = $0 { message.text.string } else { nil }
        }
    }

    /// Why the connection is to be closed; `nil` when it is not, or not as the last thing.
    var closing: OVSDBError? { if case .close(let error) = last { error } else { nil } }
}

/// Conversations as scripts: what the server says, and what is done for it.
@Suite struct SessionStateMachineTests {
    private typealias Action = SessionStateMachine.Action
    private static let a = SessionScript.a
    private static let inserted = TableUpdates(
        rows: [.init(table: "T", uuid: row(1), change: .insert([.init(position: 0, value: "x")]))]
    )

    private static func monitor(_ id: Int, _ transaction: JSONRPC.UUID = .zero) -> String {
        #"{"id":\#(id),"method":"monitor_cond_since","params":["db","ovsdb",{"T":[{"columns":["name"]}]},"\#(transaction)"]}"#
    }

    @Test("a session asks for the schema, and then for all else at once")
    func handshake() throws {
        var script = SessionScript(lock: "l")
        #expect(script.machine.connected().sent == [#"{"id":1,"method":"get_schema","params":["db"]}"#])
        #expect(script.machine.connected() == [])
        let learned = try script.receive(#"{"id":1,"result":\#(SessionScript.schema),"error":null}"#)
        guard case .learned(let schema) = learned.first else { Issue.record("\(learned)"); return }
        #expect(
            learned.sent == [
                #"{"id":2,"method":"lock","params":["l"]}"#, Self.monitor(3),
                #"{"id":4,"method":"set_db_change_aware","params":[true]}"#,
            ]
        )
        #expect(script.machine.awaitedSnapshot != nil && script.machine.progress == nil)

        // Answers come in any order.
        let followed = schema.selecting([.init("T", columns: ["name"])])
        let snapshot =
            #"{"id":3,"result":[false,"\#(row(9))",{"T":{"\#(Self.a)":{"initial":{"name":"x"}}}}],"error":null}"#
        #expect(try script.receive(snapshot) == [.snapshot(followed, Self.inserted)])
        #expect(script.machine.awaitedSnapshot == nil)
        #expect(
            script.machine.progress == .init(schema: followed, filters: ["T": .all, "U": .all], transaction: row(9))
        )
        #expect(try script.receive(#"{"id":2,"result":{"locked":false},"error":null}"#) == [.lock(.waiting)])
        #expect(try script.receive(#"{"id":4,"result":{},"error":null}"#) == [])
        let update =
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(10))",{"T":{"\#(Self.a)":{"delete":null}}}]}"#
        #expect(
            try script.receive(update)
                == [.changed(.init(rows: [.init(table: "T", uuid: row(1), change: .delete)]))]
        )
        #expect(script.machine.progress?.transaction == row(10))
        #expect(script.machine.unknownReplies == 0)
    }

    @Test(
        "an older server is asked for what it knows, however it says what it does not",
        arguments: [
            #""result":null,"error":"unknown method""#, #""error":"unknown method""#,
            #""result":null,"error":{"error":"unknown method","details":"no such thing"}"#,
            #""error":{"error":"unknown method"}"#,
        ]
    )
    func fallback(refusal: String) throws {
        var script = try SessionScript.waiting()
        #expect(
            try script.receive(#"{"id":2,\#(refusal)}"#).sent
                == [#"{"id":4,"method":"monitor_cond","params":["db","ovsdb",{"T":[{"columns":["name"]}]}]}"#]
        )
        #expect(
            try script.receive(#"{"id":4,\#(refusal)}"#).sent
                == [#"{"id":5,"method":"monitor","params":["db","ovsdb",{"T":{"columns":["name"]}}]}"#]
        )
        var oldest = script
        #expect(
            try oldest.receive(#"{"id":5,\#(refusal)}"#).closing?.description.contains(
                "refused monitor: unknown method"
            ) == true
        )

        let snapshot = try script.receive(#"{"id":5,"result":{"T":{"\#(Self.a)":{"new":{"name":"x"}}}},"error":null}"#)
        guard case .snapshot(_, Self.inserted) = snapshot.first else { Issue.record("\(snapshot)"); return }
        let update = #"{"id":null,"method":"update","params":["ovsdb",{"T":{"\#(Self.a)":{"old":{"name":"x"}}}}]}"#
        #expect(
            try script.receive(update) == [.changed(.init(rows: [.init(table: "T", uuid: row(1), change: .delete)]))]
        )
        #expect(script.machine.progress == nil)
    }

    @Test("a server of the middle age speaks in differences without transactions")
    func conditional() throws {
        var script = try SessionScript.waiting()
        _ = try script.receive(#"{"id":2,"result":null,"error":"unknown method"}"#)
        let snapshot = try script.receive(
            #"{"id":4,"result":{"T":{"\#(Self.a)":{"initial":{"name":"x"}}}},"error":null}"#
        )
        guard case .snapshot(_, Self.inserted) = snapshot.first else { Issue.record("\(snapshot)"); return }
        let update = #"{"id":null,"method":"update2","params":["ovsdb",{"T":{"\#(Self.a)":{"modify":{"name":"y"}}}}]}"#
        let change = TableUpdates.Change.modify([.init(position: 0, value: "y")])
        #expect(
            try script.receive(update) == [.changed(.init(rows: [.init(table: "T", uuid: row(1), change: change)]))]
        )
        #expect(script.machine.progress == nil)
    }

    @Test(
        "the lock comes, goes and is somebody else's",
        arguments: [
            (#"{"id":2,"result":{"locked":true},"error":null}"#, [.lock(.held)]),
            (#"{"id":2,"result":{"locked":false},"error":null}"#, [.lock(.waiting)]),
            (#"{"id":null,"method":"locked","params":["l"]}"#, [.lock(.held)]),
            (#"{"id":null,"method":"stolen","params":["l"]}"#, [.lock(.lost)]),
            (#"{"id":null,"method":"stolen","params":["other"]}"#, []),
            (#"{"id":null,"method":"locked","params":[]}"#, []),
            (#"{"id":2,"result":null,"error":"no"}"#, [.close(.refused(method: "lock", error: "no"))]),
        ] as [(String, [SessionStateMachine.Action])]
    )
    func lock(message: String, actions: [SessionStateMachine.Action]) throws {
        var script = try SessionScript.waiting(lock: "l")
        #expect(try script.receive(message) == actions)
    }

    @Test(
        "what is not known or not asked for is answered, passed over or counted",
        arguments: [
            (#"{"id":"echo","method":"echo","params":[1,"x"]}"#, [#"{"id":"echo","result":[1,"x"],"error":null}"#], 0),
            (#"{"id":7,"method":"echo","params":[]}"#, [#"{"id":7,"result":[],"error":null}"#], 0),
            (#"{"id":null,"method":"echo","params":[]}"#, [], 0),
            (#"{"method":"echo","params":[]}"#, [], 0),
            (#"{"id":null,"method":"news","params":[{}]}"#, [], 0),
            (#"{"id":7,"method":"news","params":[]}"#, [#"{"id":7,"result":null,"error":"unknown method"}"#], 0),
            (#"{"id":null,"method":"monitor_canceled","params":["other"]}"#, [], 0),
            (#"{"id":99,"result":{},"error":null}"#, [], 1), (#"{"id":1,"result":{},"error":null}"#, [], 1),
            (#"{"id":null,"result":null,"error":"what?"}"#, [], 1), (#"{"id":"x","result":1,"error":null}"#, [], 1),
            (#"{"id":"echo","result":[],"error":null}"#, [], 0), (#"{"id":"echo","result":null,"error":"no"}"#, [], 0),
        ]
    )
    func others(message: String, sent: [String], unknown: Int) throws {
        var script = try SessionScript.following()
        let actions = try script.receive(message)
        #expect(actions.sent == sent && actions.count == sent.count)
        #expect(script.machine.unknownReplies == unknown)
    }

    @Test("a probe is an echo, of which nothing is kept")
    func probe() throws {
        var script = try SessionScript.following()
        for _ in 0..<3 { #expect([script.machine.probe()].sent == [#"{"id":"echo","method":"echo","params":[]}"#]) }
        #expect(script.machine.disconnected(.disconnected(reason: "x")) == [])
    }

    @Test("calls are answered in any order, each with its own kind, and those left open fail")
    func calls() throws {
        var script = try SessionScript.following()
        let (first, sentFirst) = script.machine.call("list_dbs", [])
        let (second, sentSecond) = script.machine.transact([.comment("c"), .abort])
        let (third, _) = script.machine.call("echo", [1])
        let (fourth, _) = script.machine.transact([.abort])
        #expect([sentFirst].sent == [#"{"id":4,"method":"list_dbs","params":[]}"#])
        #expect(
            [sentSecond].sent
                == [#"{"id":5,"method":"transact","params":["db",{"op":"comment","comment":"c"},{"op":"abort"}]}"#]
        )
        let aborted = TransactionError(operation: 1, name: "aborted")
        #expect(
            try script.receive(#"{"id":5,"result":[{},{"error":"aborted"}],"error":null}"#)
                == [.answered(id: second, .failure(.transaction(aborted)))]
        )
        #expect(
            try script.receive(#"{"id":6,"error":{"error":"e","details":"d"}}"#)
                == [.answered(id: third, .failure(.refused(method: "echo", error: "e: d")))]
        )
        #expect(
            try script.receive(#"{"id":4,"result":["db"],"error":null}"#) == [.answered(id: first, .success(["db"]))]
        )
        // A second answer to the same call is nobody's.
        #expect(try script.receive(#"{"id":4,"result":["db"],"error":null}"#) == [])
        #expect(script.machine.unknownReplies == 1)
        let gone = OVSDBError.disconnected(reason: "gone")
        #expect(script.machine.disconnected(gone) == [.answered(id: fourth, .failure(gone))])
        #expect(script.machine.disconnected(gone) == [])
    }

    @Test("a transaction's answer that cannot be read fails it and ends the connection")
    func unreadableResults() throws {
        for result in [#"[]"#, "null", "[{},null]", #"[{"count":"1"}]"#] {
            var script = try SessionScript.following()
            let (id, _) = script.machine.transact([.comment("c")])
            let actions = try script.receive(#"{"id":4,"result":\#(result),"error":null}"#)
            guard case .answered(id, .failure(.protocolViolation)) = actions.first, actions.count == 2 else {
                Issue.record("\(actions)")
                continue
            }
            #expect(actions.closing != nil)
        }
    }

    @Test("a session goes on from a mark only under the same schema and only when the server found it")
    func resume() throws {
        var first = try SessionScript.following()
        let mark = try #require(first.machine.progress)
        _ = first.machine.disconnected(.disconnected(reason: "x"))
        #expect(first.machine.progress == nil)

        var resumed = SessionScript(mark: mark)
        _ = resumed.machine.connected()
        let learned = try resumed.receive(#"{"id":1,"result":\#(SessionScript.schema),"error":null}"#)
        #expect(learned.sent.first == Self.monitor(2, row(100)))
        var notFound = resumed
        let changes = #"{"T":{"\#(Self.a)":{"insert":{"name":"x"}}}}"#
        #expect(
            try resumed.receive(#"{"id":2,"result":[true,"\#(row(101))",\#(changes)],"error":null}"#) == [
                .resumed(Self.inserted)
            ]
        )
        #expect(resumed.machine.progress?.transaction == row(101))
        #expect(
            try notFound.receive(#"{"id":2,"result":[false,"\#(row(102))",\#(changes)],"error":null}"#)
                == [.snapshot(mark.schema, Self.inserted)]
        )

        for (old, new) in [("1.0.0", "2.0.0"), (#""type":"string""#, #""type":"integer""#)] {
            var converted = SessionScript(mark: mark)
            _ = converted.machine.connected()
            let other = SessionScript.schema.split(separator: old, omittingEmptySubsequences: false).joined(
                separator: new
            )
            #expect(try converted.receive(#"{"id":1,"result":\#(other),"error":null}"#).sent.first == Self.monitor(2))
            // Differences to rows of the old schema would ruin them.
            let found = try converted.receive(#"{"id":2,"result":[true,"\#(row(101))",{}],"error":null}"#)
            #expect(found.closing != nil && found.count == 1)
        }
    }

    @Test("a server on its own names no transaction to go on from")
    func standalone() throws {
        var script = try SessionScript.waiting()
        let actions = try script.receive(#"{"id":2,"result":[false,"\#(JSONRPC.UUID.zero)",{}],"error":null}"#)
        #expect(actions.count == 1 && actions.closing == nil && script.machine.progress == nil)
    }

    @Test("what was not read whole is not counted as known")
    func unreadUpdates() throws {
        var script = try SessionScript.following()
        let before = script.machine.progress
        #expect(before?.transaction == row(100))
        let broken =
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(101))",{"T":{"\#(Self.a)":{"modify":{"name":5}}}}]}"#
        #expect(try script.receive(broken).closing != nil)
        #expect(script.machine.progress == before)

        var starting = try SessionScript.waiting(mark: before)
        #expect(try starting.receive(#"{"id":2,"result":[true,"\#(row(101))",{"T":5}],"error":null}"#).closing != nil)
        #expect(starting.machine.progress == nil)
        script.machine.forgetProgress()
        #expect(script.machine.progress == nil)
    }

    @Test(
        "what a server must not say ends the connection with the reason",
        arguments: [
            ("{}", "a request, a notification or a reply"), (#"{"id":4}"#, "a reply"), (#"{"method":5}"#, "a reply"),
            (#"{"method":"echo"}"#, "an array of params"), (#"{"method":"echo","params":{}}"#, "an array of params"),
            (#"{"method":"update3","params":[]}"#, "not started"),
            (#"{"method":"update3","params":["other","\#(row(1))",{}]}"#, "not started"),
            (#"{"method":"update2","params":["ovsdb",{}]}"#, "not started"),
            (#"{"method":"update3","params":["ovsdb","\#(row(1))"]}"#, "a monitor's updates"),
            (#"{"method":"update3","params":["ovsdb","x",{}]}"#, "a transaction's id"),
            (#"{"method":"update3","params":["ovsdb",null,{}]}"#, "a transaction's id"),
            (#"{"method":"update3","params":["ovsdb","\#(row(1))",{"U":{}}]}"#, "table U"),
        ]
    )
    func violations(message: String, reason: String) throws {
        var script = try SessionScript.following()
        let error = try script.receive(message).closing
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("an update before the monitor's answer ends the connection")
    func earlyUpdate() throws {
        var script = try SessionScript.waiting()
        let error = try script.receive(#"{"id":null,"method":"update3","params":["ovsdb","\#(row(1))",{}]}"#).closing
        #expect(error?.description.contains("not started") == true)
    }

    @Test(
        "a handshake that the server breaks ends with the reason",
        arguments: [
            #"{"id":1,"result":null,"error":"unknown database"}"#, #"{"id":1,"result":5,"error":null}"#,
            #"{"id":1,"error":null}"#, #"{"id":1,"result":{"name":"db"},"error":null}"#,
        ]
    )
    func brokenHandshake(message: String) throws {
        var script = SessionScript()
        _ = script.machine.connected()
        #expect(try script.receive(message).closing != nil)
    }

    @Test("every part of every message may be anything at all, and nothing worse than a close comes of it")
    func garbage() throws {
        let messages = [
            #"{"id":1,"result":\#(SessionScript.schema),"error":null}"#,
            #"{"id":2,"result":{"locked":true},"error":null}"#,
            #"{"id":3,"result":[false,"\#(row(9))",{"T":{"\#(Self.a)":{"initial":{"name":"x"}}}}],"error":null}"#,
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(10))",{"T":{"\#(Self.a)":{"modify":{"name":"y"}}}}]}"#,
            #"{"id":5,"result":[{"count":1}],"error":null}"#, #"{"id":"x","method":"echo","params":[]}"#,
        ]
        let junk: [JSON] = [nil, true, 0, -1, 1.5, "", "x", [], .object([]), [[]], ["uuid", "x"]]
        for (index, message) in messages.enumerated() {
            for (number, broken) in try JSON(parsing: message.utf8).mutations(with: junk).enumerated() {
                var script = SessionScript(lock: "l")
                _ = script.machine.connected()
                for earlier in messages[..<index] { _ = try script.receive(earlier) }
                if index == 4 { _ = script.machine.transact([.abort]) }
                guard case .object = broken else { continue }
                let closing = try script.receive(broken.text()).filter { if case .close = $0 { true } else { false } }
                #expect(closing.count <= 1, "message \(index), mutation \(number)")
                for case .close(let error) in closing { #expect(!error.description.isEmpty) }
                _ = script.machine.disconnected(.disconnected(reason: "end"))
            }
        }
    }
}
