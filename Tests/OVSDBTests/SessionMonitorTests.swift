import JSONRPC
import Testing

@testable import OVSDB

/// Conversations about the monitor: filters, fresh snapshots, the lock that comes back.
@Suite struct SessionMonitorTests {
    private static let wanted = RowFilter.any([.init("name", .equal, "x"), .init("name", .equal, "y")])
    private static let clauses = #"[["name","==","x"],["name","==","y"]]"#
    private static func cancel(_ id: Int) -> String {
        #"{"id":\#(id),"method":"monitor_cancel","params":["ovsdb"]}"#
    }

    private static func aware(_ id: Int, _ isAware: Bool) -> String {
        #"{"id":\#(id),"method":"set_db_change_aware","params":[\#(isAware)]}"#
    }

    private static func change(_ id: Int, _ clauses: String) -> String {
        #"{"id":\#(id),"method":"monitor_cond_change","params":["ovsdb","ovsdb",{"T":[{"where":\#(clauses)}]}]}"#
    }

    private static func monitor(_ id: Int, _ clauses: String?, _ transaction: JSONRPC.UUID = .zero) -> String {
        let filter = clauses.map { #","where":\#($0)"# } ?? ""
        return
            #"{"id":\#(id),"method":"monitor_cond_since","params":["db","ovsdb",{"T":[{"columns":["name"]\#(filter)}]},"\#(transaction)"]}"#
    }

    private static func reply(_ id: Int) -> String { #"{"id":\#(id),"result":{},"error":null}"# }

    private static func snapshot(_ id: Int, found: Bool = false, _ transaction: JSONRPC.UUID = row(100)) -> String {
        #"{"id":\#(id),"result":[\#(found),"\#(transaction)",{}],"error":null}"#
    }

    /// A session that begins anew, as far as its monitor request.
    private static func next(
        _ purpose: SessionStateMachine.Purpose,
        _ mark: SessionStateMachine.Mark?,
        isFilterAwaited: Bool = false
    ) throws
        -> (SessionScript, [String])
    {
        var script = SessionScript(mark: mark)
        script.machine = SessionStateMachine(purpose: purpose, mark: mark, isFilterAwaited: isFilterAwaited)
        _ = script.machine.connected()
        let sent = try script.receive(#"{"id":1,"result":\#(SessionScript.schema),"error":null}"#).sent
        return (script, sent)
    }

    @Test("filters are asked for one change at a time, the last one wins, and the end is told")
    func filters() throws {
        var script = try SessionScript.following()
        #expect(script.machine.follow(Self.wanted, in: "T").sent == [Self.change(4, Self.clauses)])
        #expect(script.machine.progress == nil)
        #expect(script.machine.follow(.nothing, in: "T") == [])
        #expect(script.machine.follow(.any([]), in: "T") == [])
        #expect(try script.receive(Self.reply(4)).sent == [Self.change(5, "[false]")])
        #expect(try script.receive(Self.reply(5)) == [.filtered])
        #expect(script.machine.progress?.filters["T"] == .any([]))
        // The same again is no change.
        #expect(script.machine.follow(.any([]), in: "T") == [.filtered])
        #expect(script.machine.follow(.all, in: "T").sent == [Self.change(6, "[true]")])
        let refusal = try script.receive(#"{"id":6,"result":null,"error":"no"}"#)
        #expect(refusal == [.close(.refused(method: "monitor_cond_change", error: "no"))])
    }

    @Test("filters that change before the monitor stands are asked for with it, or right after it")
    func earlyFilters() throws {
        var unconnected = SessionScript()
        #expect(unconnected.machine.follow(Self.wanted, in: "T") == [])
        _ = unconnected.machine.connected()
        let learned = try unconnected.receive(#"{"id":1,"result":\#(SessionScript.schema),"error":null}"#)
        #expect(learned.sent.first == Self.monitor(2, Self.clauses))
        #expect(try unconnected.receive(Self.snapshot(2)).last == .filtered)

        var waiting = try SessionScript.waiting()
        #expect(waiting.machine.follow(Self.wanted, in: "T") == [])
        let actions = try waiting.receive(Self.snapshot(2))
        #expect(actions.sent == [Self.change(4, Self.clauses)] && actions.last != .filtered)
        #expect(try waiting.receive(Self.reply(4)) == [.filtered])
    }

    @Test("a filter is told as done once, also where a server reports all rows or the next session comes to it")
    func filteredOnce() throws {
        var old = try SessionScript.waiting()
        let refusal = #""result":null,"error":"unknown method"}"#
        _ = try old.receive(#"{"id":2,\#(refusal)"#)
        _ = try old.receive(#"{"id":4,\#(refusal)"#)
        #expect(old.machine.follow(.nothing, in: "T") == [])
        #expect(try old.receive(#"{"id":5,"result":{},"error":null}"#).last == .filtered)
        #expect(old.machine.follow(.all, in: "T") == [.filtered])

        var first = try SessionScript.following()
        #expect(first.machine.follow(Self.wanted, in: "T").sent.count == 1)
        _ = first.machine.disconnected(.disconnected(reason: "x"))
        #expect(first.machine.isFilterAwaited)
        var (second, _) = try Self.next(first.machine.purpose, nil, isFilterAwaited: first.machine.isFilterAwaited)
        #expect(try second.receive(Self.snapshot(2)).last == .filtered)
        let ended = #"{"id":null,"method":"monitor_canceled","params":["ovsdb"]}"#
        _ = try second.receive(ended)
        _ = try second.receive(#"{"id":5,"result":\#(SessionScript.schema),"error":null}"#)
        #expect(try second.receive(Self.snapshot(6)).count == 1)
    }

    @Test("a change of filters that the monitor's end overtook is refused without harm, and made with the next monitor")
    func overtakenFilters() throws {
        var script = try SessionScript.following()
        #expect(script.machine.follow(Self.wanted, in: "T").sent == [Self.change(4, Self.clauses)])
        _ = try script.receive(#"{"id":null,"method":"monitor_canceled","params":["ovsdb"]}"#)
        #expect(try script.receive(#"{"id":4,"result":null,"error":"unknown monitor"}"#) == [])
        let learned = try script.receive(#"{"id":6,"result":\#(SessionScript.schema),"error":null}"#)
        #expect(learned.sent == [Self.monitor(7, Self.clauses), Self.aware(8, true)])
        #expect(try script.receive(Self.snapshot(7)).last == .filtered)

        var restarting = try SessionScript.following(lock: "l")
        _ = try restarting.receive(#"{"method":"stolen","params":["l"]}"#)
        _ = restarting.machine.follow(Self.wanted, in: "T")
        _ = try restarting.receive(#"{"method":"locked","params":["l"]}"#)
        #expect(try restarting.receive(Self.reply(5)) == [])
        #expect(try restarting.receive(Self.reply(7)).sent == [Self.monitor(8, Self.clauses), Self.aware(9, true)])
        #expect(try restarting.receive(Self.snapshot(8)).dropFirst() == [.filtered, .lock(.held)])
    }

    @Test("a later session goes on under the filters that were confirmed, and asks again for those that were not sent")
    func resumedFilters() throws {
        var first = try SessionScript.following()
        _ = first.machine.follow(Self.wanted, in: "T")
        _ = try first.receive(Self.reply(4))
        let mark = try #require(first.machine.progress)
        var purpose = first.machine.purpose
        purpose.followed[0].rows = .nothing
        var (script, sent) = try Self.next(purpose, mark, isFilterAwaited: true)
        #expect(sent.first == Self.monitor(2, Self.clauses, row(100)))
        #expect(try script.receive(Self.snapshot(2, found: true)).sent == [Self.change(4, "[false]")])
        #expect(try script.receive(Self.reply(4)) == [.filtered])
    }

    @Test("a change that was lost with its connection leaves nothing to go on from, and is made with the next monitor")
    func lostFilters() throws {
        var first = try SessionScript.following()
        _ = first.machine.follow(Self.wanted, in: "T")
        #expect(first.machine.progress == nil)
        _ = first.machine.disconnected(.disconnected(reason: "x"))
        var purpose = first.machine.purpose
        purpose.followed[0].rows = Self.wanted
        let (_, sent) = try Self.next(purpose, nil)
        #expect(sent.first == Self.monitor(2, Self.clauses))
    }

    @Test("a lock that was stolen is told again with a fresh snapshot only")
    func regainedLock() throws {
        var script = try SessionScript.following(lock: "l")
        #expect(try script.receive(#"{"method":"stolen","params":["l"]}"#) == [.lock(.lost)])
        #expect(
            try script.receive(#"{"method":"locked","params":["l"]}"#).sent == [Self.aware(5, false), Self.cancel(6)]
        )
        // Until the server has ended the monitor, it reports.
        let update = #"{"method":"update3","params":["ovsdb","\#(row(101))",{}]}"#
        #expect(try script.receive(update) == [.changed(.init())])
        #expect(script.machine.awaitedSnapshot == nil && script.machine.progress == nil)
        #expect(try script.receive(Self.reply(6)).sent == [Self.monitor(7, nil), Self.aware(8, true)])
        #expect(script.machine.awaitedSnapshot != nil)
        let actions = try script.receive(Self.snapshot(7))
        guard case .snapshot = actions.first else { Issue.record("\(actions)"); return }
        #expect(actions.dropFirst() == [.lock(.held)])
        // One that was let go is ours at once.
        #expect(try script.receive(#"{"method":"locked","params":["l"]}"#) == [.lock(.held)])
    }

    @Test("a lock that is stolen again before the snapshot is not told as held")
    func stolenTwice() throws {
        var script = try SessionScript.following(lock: "l")
        for message in [#"{"method":"stolen","params":["l"]}"#, #"{"method":"locked","params":["l"]}"#] {
            _ = try script.receive(message)
        }
        _ = try script.receive(Self.reply(6))
        #expect(try script.receive(#"{"method":"stolen","params":["l"]}"#) == [.lock(.lost)])
        #expect(try script.receive(Self.snapshot(7)).count == 1)
        #expect(try script.receive(#"{"method":"locked","params":["l"]}"#).sent.count == 2)
    }

    @Test("a monitor that the server ends is begun again from the schema, and the lock stays")
    func endedMonitor() throws {
        var script = try SessionScript.following(lock: "l")
        let ended = #"{"id":null,"method":"monitor_canceled","params":["ovsdb"]}"#
        #expect(
            try script.receive(ended).sent
                == [Self.aware(5, false), #"{"id":6,"method":"get_schema","params":["db"]}"#]
        )
        #expect(try script.receive(ended) == [])
        #expect(script.machine.progress == nil)
        let learned = try script.receive(#"{"id":6,"result":\#(SessionScript.schema),"error":null}"#)
        guard case .learned = learned.first else { Issue.record("\(learned)"); return }
        #expect(learned.sent == [Self.monitor(7, nil), Self.aware(8, true)])
        let actions = try script.receive(Self.snapshot(7))
        guard case .snapshot = actions.first, actions.count == 1 else { Issue.record("\(actions)"); return }
    }

    @Test("a session goes on from a mark once: a monitor that the server ends later begins from nothing")
    func endedAfterResume() throws {
        let mark = try #require(try SessionScript.following().machine.progress)
        for found in [true, false] {
            var script = try SessionScript.waiting(mark: mark)
            _ = try script.receive(Self.snapshot(2, found: found, row(101)))
            _ = try script.receive(#"{"id":null,"method":"monitor_canceled","params":["ovsdb"]}"#)
            let learned = try script.receive(#"{"id":5,"result":\#(SessionScript.schema),"error":null}"#)
            #expect(learned.sent == [Self.monitor(6, nil), Self.aware(7, true)])
        }
    }

    @Test("a monitor that ends while it is to begin afresh begins afresh")
    func endedWhileRestarting() throws {
        var script = try SessionScript.following(lock: "l")
        for message in [
            #"{"method":"stolen","params":["l"]}"#, #"{"method":"locked","params":["l"]}"#,
            #"{"method":"monitor_canceled","params":["ovsdb"]}"#,
        ] {
            _ = try script.receive(message)
        }
        #expect(try script.receive(#"{"id":6,"result":null,"error":"unknown monitor"}"#) == [])
        let learned = try script.receive(#"{"id":7,"result":\#(SessionScript.schema),"error":null}"#)
        #expect(learned.sent == [Self.monitor(8, nil), Self.aware(9, true)])
        #expect(try script.receive(Self.snapshot(8)).last == .lock(.held))
    }

    @Test("a call that nobody waits for is taken back where it can be, and its answer is nobody's")
    func abandoned() throws {
        var script = try SessionScript.following()
        let (transaction, _) = script.machine.transact([.abort])
        let (call, _) = script.machine.call("list_dbs", [])
        #expect(
            script.machine.abandon(transaction).sent == [#"{"id":null,"method":"cancel","params":[\#(transaction)]}"#]
        )
        #expect(script.machine.abandon(transaction) == [])
        #expect(script.machine.abandon(call) == [])
        #expect(try script.receive(#"{"id":\#(call),"result":[],"error":null}"#) == [])
        #expect(try script.receive(#"{"id":\#(transaction),"result":null,"error":"canceled"}"#) == [])
        #expect(script.machine.unknownReplies == 0)
        #expect(script.machine.abandon(99) == [])
        #expect(script.machine.disconnected(.disconnected(reason: "x")) == [])
    }

    @Test("a server that answers probes and nothing else is left before what is remembered grows without bound")
    func neverAnswered() throws {
        var script = try SessionScript.following()
        // What was answered after all does not count.
        for _ in 0..<SessionStateMachine.mostAbandoned {
            let (id, _) = script.machine.call("list_dbs", [])
            #expect(script.machine.abandon(id) == [])
            _ = try script.receive(#"{"id":\#(id),"result":[],"error":null}"#)
        }
        for _ in 0..<SessionStateMachine.mostAbandoned {
            #expect(script.machine.abandon(script.machine.call("list_dbs", []).id) == [])
        }
        #expect(script.machine.abandon(script.machine.transact([.abort]).id).closing != nil)
    }
}
