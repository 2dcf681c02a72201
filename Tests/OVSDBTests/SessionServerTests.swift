import Testing

@testable import OVSDB

/// Conversations with servers that are, or are not, what a client wants them to be.
@Suite struct SessionServerTests {
    private static let schema = """
        {"name":"_Server","version":"1.2.0","tables":{"Database":{"columns":{"name":{"type":"string"},\
        "model":{"type":"string"},"connected":{"type":"boolean"},"leader":{"type":"boolean"},\
        "cid":{"type":{"key":"uuid","min":0}},"index":{"type":{"key":"integer","min":0}}}}}}
        """
    private static let columns = #""columns":["name","model","connected","leader","cid","index"]"#

    struct Member: Sendable {
        var model = "clustered"
        var name = "db"
        var isConnected = true
        var isLeader = true
        var cluster: Int? = 7
        var index: Int? = 5

        var row: String {
            let cid = cluster.map { #","cid":["uuid","\#(OVSDBTests.row($0))"]"# } ?? ""
            let index = index.map { #","index":\#($0)"# } ?? ""
            return
                #"{"name":"\#(name)","model":"\#(model)","connected":\#(isConnected),"leader":\#(isLeader)\#(cid)\#(index)}"#
        }
    }

    /// A session that has asked for the server's status.
    private static func asking(_ role: ServerRole, progress: ServerStatus.Progress? = nil) throws -> SessionScript {
        var script = SessionScript()
        script.machine = SessionStateMachine(
            purpose: .init(database: "db", followed: [.init("T", columns: ["name"])], role: role),
            clusterProgress: progress
        )
        #expect(script.machine.connected().sent == [#"{"id":1,"method":"get_schema","params":["_Server"]}"#])
        let sent = try script.receive(#"{"id":1,"result":\#(schema),"error":null}"#).sent
        #expect(
            sent == [#"{"id":2,"method":"monitor_cond","params":["_Server","server",{"Database":[{\#(columns)}]}]}"#]
        )
        return script
    }

    private static func status(_ member: Member) -> String {
        #"{"id":2,"result":{"Database":{"\#(row(1))":{"initial":\#(member.row)}}},"error":null}"#
    }

    @Test(
        "a server that will do is asked for the database",
        arguments: [
            (ServerRole.connected, Member(model: "standalone", isConnected: false, isLeader: false, index: nil)),
            (.leader, Member(model: "standalone", isLeader: false, cluster: nil)),
            (.connected, Member(isLeader: false)), (.leader, Member()), (.leader, Member(index: 3)),
            (.leader, Member(cluster: 8, index: 1)), (.connected, Member(model: "relay", index: nil)),
        ]
    )
    func fit(role: ServerRole, member: Member) throws {
        var script = try Self.asking(role, progress: .init(cluster: row(7), index: 3))
        #expect(try script.receive(Self.status(member)).sent == [#"{"id":3,"method":"get_schema","params":["db"]}"#])
    }

    @Test(
        "one that will not is left with the reason",
        arguments: [
            (.leader, Member(isLeader: false), "not its cluster's leader"),
            (.connected, Member(isConnected: false), "lost contact"), (.connected, Member(name: "x"), "no database db"),
            (.connected, Member(index: 2), "behind its cluster"), (.leader, Member(index: nil), "not joined"),
            (.connected, Member(model: "relay", isConnected: false), "lost contact"),
            (.leader, Member(model: "relay"), "is a relay"),
        ] as [(ServerRole, Member, String)]
    )
    func unfit(role: ServerRole, member: Member, reason: String) throws {
        var script = try Self.asking(role, progress: .init(cluster: row(7), index: 3))
        let error = try script.receive(Self.status(member)).closing
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test("a leader that is one no longer is left, and how far the cluster was is remembered")
    func leaderChanges() throws {
        var script = try Self.asking(.leader)
        _ = try script.receive(Self.status(Member()))
        func update(_ change: String) -> String {
            #"{"method":"update2","params":["server",{"Database":{"\#(row(1))":{"modify":\#(change)}}}]}"#
        }
        #expect(try script.receive(update(#"{"index":9}"#)) == [])
        #expect(script.machine.clusterProgress == .init(cluster: row(7), index: 9))
        let error = try script.receive(update(#"{"leader":false}"#)).closing
        #expect(error == .disconnected(reason: "the server is not its cluster's leader"))
    }

    @Test("a server without a _Server is one on its own")
    func old() throws {
        var script = SessionScript()
        script.machine = SessionStateMachine(purpose: .init(database: "db", followed: [], role: .leader))
        _ = script.machine.connected()
        let sent = try script.receive(#"{"id":1,"error":{"error":"unknown database"}}"#).sent
        #expect(sent == [#"{"id":2,"method":"get_schema","params":["db"]}"#])
    }

    @Test(
        "what a server tells of itself in no known form ends the connection",
        arguments: [
            #"{"id":2,"result":{"Database":5},"error":null}"#, #"{"id":2,"result":null,"error":"no"}"#,
            #"{"method":"update2","params":["server",{}]}"#,
            #"{"id":2,"result":{"Database":{"\#(row(1))":{"modify":{"leader":true}}}},"error":null}"#,
        ]
    )
    func broken(message: String) throws {
        var script = try Self.asking(.leader)
        #expect(try script.receive(message).closing != nil)
    }
}
