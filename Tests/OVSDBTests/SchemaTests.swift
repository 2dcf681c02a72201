import Glibc
import Testing

@testable import OVSDB

@Suite struct SchemaTests {
    private static let path = "/usr/share/openvswitch/vswitch.ovsschema"

    @Test("the schema of Open vSwitch is read", .enabled(if: access(path, R_OK) == 0, "\(path) is not here"))
    func vswitch() throws {
        let file = try #require(fopen(Self.path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        let schema = try bytes[..<count].withUnsafeBytes { try withJSON($0) { try DatabaseSchema($0) } }
        #expect(schema.name == "Open_vSwitch" && schema.version.split(separator: ".").count == 3)
        let root = try #require(schema.tables["Open_vSwitch"])
        #expect(root.isRoot && root["bridges"]?.type.key.reference == .strong(table: "Bridge"))
        let bridge = try #require(schema.tables["Bridge"])
        #expect(!bridge.isRoot && bridge.indexes == [["name"]] && bridge["name"]?.isMutable == false)
        #expect(bridge["ports"]?.type.maximum == .max && bridge["ports"]?.type.minimum == 0)
        #expect(bridge["status"]?.isEphemeral == true && bridge["status"]?.type.isMap == true)
        #expect(bridge["fail_mode"]?.type.key.allowed == ["standalone", "secure"])
        #expect(bridge["flow_tables"]?.type.value?.reference == .strong(table: "Flow_Table"))
        #expect(schema.tables["Mirror"]?["select_src_port"]?.type.key.reference == .weak(table: "Port"))
        #expect(schema.tables["Port"]?["tag"]?.type.isReplacedWhole == true)
        #expect(schema.tables["Port"]?["trunks"]?.type.isReplacedWhole == false)
    }

    @Test(
        "what a server leaves out of a row is this",
        arguments: [
            (#""string""#, ""), (#""integer""#, 0), (#""boolean""#, false), (#"{"key":"real"}"#, Datum(.real(0))),
            (#"{"key":"string","min":0}"#, .emptySet), (#"{"key":"string","min":0,"max":"unlimited"}"#, .emptySet),
            (#"{"key":"string","value":"string","min":0,"max":"unlimited"}"#, .emptyMap),
            (#"{"key":"integer","value":"string"}"#, Datum(map: [.init(0, "")])),
            (#"{"key":{"type":"integer","enum":["set",[-1,0,1]]}}"#, 0),
            (#"{"key":{"type":"string","enum":["set",["a","b"]]}}"#, ""),
            (#""uuid""#, Datum(.uuid(.zero))),
        ] as [(String, Datum)]
    )
    func defaults(type: String, datum: Datum) throws {
        let text = #"{"name":"d","version":"1.0.0","tables":{"t":{"columns":{"c":{"type":\#(type)}}}}}"#
        let schema = try reading(text) { try DatabaseSchema($0) }
        #expect(schema.tables["t"]?["c"]?.type.defaultValue == datum)
    }

    @Test(
        "what is no schema is refused",
        arguments: [
            "{}", "[]", "null", #"{"name":"d","version":"1.0.0"}"#, #"{"name":"d","version":1,"tables":{}}"#,
            #"{"name":"d","version":"1","tables":[]}"#, #"{"name":"d","version":"1","tables":{"t":{}}}"#,
            #"{"name":"d","version":"1","tables":{"t":{"columns":{"c":{}}}}}"#,
        ]
            + [
                #""text""#, "5", #"{"value":"string"}"#, #"{"key":"string","min":2}"#, #"{"key":"string","min":"0"}"#,
                #"{"key":"string","max":0}"#, #"{"key":"string","max":-1}"#, #"{"key":"string","max":"much"}"#,
                #"{"key":{"type":"uuid","refTable":"t","refType":"loose"}}"#,
                #"{"key":{"type":"integer","enum":["set",["a"]]}}"#,
                #"{"key":"string","value":"text"}"#,
            ].map { #"{"name":"d","version":"1","tables":{"t":{"columns":{"c":{"type":\#($0)}}}}}"# }
    )
    func refusals(text: String) throws {
        #expect(throws: OVSDBError.self) { try reading(text) { try DatabaseSchema($0) } }
    }

    @Test("only what is followed and known is selected, in the order asked for")
    func selecting() {
        let type = ColumnType(key: .init(.string))
        let schema = DatabaseSchema(
            name: "d",
            version: "1.0.0",
            tables: [
                "t": TableSchema(
                    name: "t",
                    columns: [.init("a", type), .init("b", type)],
                    indexes: [["a"]],
                    isRoot: true
                ),
                "u": TableSchema(name: "u", columns: []),
            ]
        )
        let selected = schema.selecting([.init("t", columns: ["b", "x", "a"]), .init("v", columns: ["a"])])
        #expect(selected.tables.keys.sorted() == ["t"])
        #expect(selected.tables["t"]?.columns.map(\.name) == ["b", "a"])
        #expect(selected.tables["t"]?.isRoot == true && selected.tables["t"]?.indexes == [["a"]])
    }
}

@Suite struct OperationTests {
    private static let id = OVSDB.UUID("550e8400-e29b-41d4-a716-446655440000") ?? .zero

    @Test(
        "operations are the JSON of RFC 7047, 5.2",
        arguments: [
            (.insert(table: "T", row: ["b": 1, "a": "x"]), #"{"op":"insert","table":"T","row":{"a":"x","b":1}}"#),
            (.insert(table: "T", row: [:], name: "n"), #"{"op":"insert","table":"T","row":{},"uuid-name":"n"}"#),
            (.select(table: "T", where: []), #"{"op":"select","table":"T","where":[]}"#),
            (
                .select(table: "T", where: [.init("a", .includes, ["x", "y"])], columns: ["a"]),
                #"{"op":"select","table":"T","where":[["a","includes",["set",["x","y"]]]],"columns":["a"]}"#
            ),
            (
                .update(table: "T", where: [.row(id)], row: ["m": ["k": "v"]]),
                #"{"op":"update","table":"T","where":[["_uuid","==",["uuid","550e8400-e29b-41d4-a716-446655440000"]]],"row":{"m":["map",[["k","v"]]]}}"#
            ),
            (
                .mutate(table: "T", where: [], mutations: [.init("n", .add, 1), .init("s", .delete, .emptySet)]),
                #"{"op":"mutate","table":"T","where":[],"mutations":[["n","+=",1],["s","delete",["set",[]]]]}"#
            ),
            (
                .delete(table: "T", where: [.init("n", .lessOrEqual, 5), .init("n", .notEqual, 2)]),
                #"{"op":"delete","table":"T","where":[["n","<=",5],["n","!=",2]]}"#
            ),
            (
                .wait(table: "T", where: [], columns: ["a"], rows: [["a": "x"]]),
                #"{"op":"wait","table":"T","timeout":0,"where":[],"columns":["a"],"until":"==","rows":[{"a":"x"}]}"#
            ),
            (
                .wait(table: "T", where: [], columns: ["a"], equal: false, rows: [], timeout: nil),
                #"{"op":"wait","table":"T","where":[],"columns":["a"],"until":"!=","rows":[]}"#
            ),
            (.commit(durable: true), #"{"op":"commit","durable":true}"#), (.abort, #"{"op":"abort"}"#),
            (.comment("why \"so\""), #"{"op":"comment","comment":"why \"so\""}"#),
            (.assert(lock: "l"), #"{"op":"assert","lock":"l"}"#),
        ] as [(OVSDB.Operation, String)]
    )
    func wireForm(operation: OVSDB.Operation, text: String) { #expect(operation.json.text() == text) }

    @Test(
        "results are read by what they are",
        arguments: [
            (#"[]"#, []), (#"[{}]"#, [.done]), (#"[{"count":3},{}]"#, [.count(3), .done]),
            (#"[{"uuid":["uuid","550e8400-e29b-41d4-a716-446655440000"]}]"#, [.inserted(id)]),
            (#"[{"rows":[{"a":1}]},{"rows":[]}]"#, [.rows([["a": 1]]), .rows([])]),
        ] as [(String, [OVSDB.OperationResult])]
    )
    func results(text: String, results: [OVSDB.OperationResult]) throws {
        #expect(try reading(text) { try [OVSDB.OperationResult]($0, count: results.count) } == results)
    }

    @Test(
        "the first error undoes a transaction, and the one appended is the commit's",
        arguments: [
            (
                #"[{"count":1},{"error":"timed out","details":"why"},null]"#, 3,
                .init(operation: 1, name: "timed out", details: "why")
            ),
            (#"[{"error":"aborted"},null,null]"#, 3, .init(operation: 0, name: "aborted")),
            (#"[{},{"error":"constraint violation"}]"#, 1, .init(operation: nil, name: "constraint violation")),
            (#"[{"error":"e","details":5}]"#, 1, .init(operation: 0, name: "e")),
        ] as [(String, Int, OVSDB.TransactionError)]
    )
    func errors(text: String, count: Int, error: OVSDB.TransactionError) throws {
        #expect(throws: OVSDBError.transaction(error)) {
            try reading(text) { try [OVSDB.OperationResult]($0, count: count) }
        }
    }

    @Test(
        "results that say nothing clear are refused rather than taken for success",
        arguments: [
            ("{}", 0), ("null", 1), ("[null]", 1), ("[{}]", 2), ("[{},{}]", 1), ("[{},null]", 1),
            (#"[{"error":5}]"#, 1),
            (#"[{"error":{"error":"x"}}]"#, 1), (#"[{"uuid":"x"}]"#, 1), (#"[{"uuid":["uuid","x"]}]"#, 1),
            (#"[{"count":1.5}]"#, 1),
            (#"[{"count":-1}]"#, 1), (#"[{"rows":{}}]"#, 1), ("[5]", 1), ("[[]]", 1),
        ]
    )
    func refusals(text: String, count: Int) throws {
        let error = #expect(throws: OVSDBError.self) {
            try reading(text) { try [OVSDB.OperationResult]($0, count: count) }
        }
        guard case .protocolViolation = error else { Issue.record("\(String(describing: error))"); return }
    }
}

@Suite struct RemoteTests {
    @Test(
        "remotes are read and written",
        arguments: [
            ("unix:/run/db.sock", .unix(path: "/run/db.sock"), "unix:/run/db.sock"),
            ("unix:a:b", .unix(path: "a:b"), "unix:a:b"),
            ("tcp:127.0.0.1:6641", .tcp(host: "127.0.0.1", port: 6641), "tcp:127.0.0.1:6641"),
            ("tcp:host", .tcp(host: "host", port: 6640), "tcp:host:6640"),
            ("tcp:[::1]:1", .tcp(host: "::1", port: 1), "tcp:[::1]:1"),
            ("tcp:[::1]", .tcp(host: "::1", port: 6640), "tcp:[::1]:6640"),
        ] as [(String, Remote, String)]
    )
    func forms(text: String, remote: Remote, written: String) throws {
        #expect(try Remote(text) == remote)
        #expect(remote.description == written)
    }

    @Test(
        "anything else is refused with the reason",
        arguments: [
            "", "db.sock", "unix:", "unix:" + String(repeating: "x", count: 108), "tcp:", "tcp::6640", "tcp:h:",
            "tcp:h:0",
            "tcp:h:65536", "tcp:h:+1", "tcp:h:-1", "tcp:h:x", "tcp:::1:6640", "tcp:[::1", "tcp:[]:1", "tcp:[::1]x",
            "ssl:h:1", "ptcp:1",
            " unix:/x", "tcp:h:99999999999999999999",
        ]
    )
    func refusals(text: String) {
        let error = #expect(throws: OVSDBError.self) { try Remote(text) }
        guard case .invalidRemote(text, let reason) = error, !reason.isEmpty else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test("a list is read in order, and a broken part or none at all is refused")
    func lists() throws {
        #expect(try Remote.list("unix:/a,tcp:h:1,") == [.unix(path: "/a"), .tcp(host: "h", port: 1)])
        for text in ["", ",", "unix:/a,x"] { #expect(throws: OVSDBError.self) { try Remote.list(text) } }
    }
}
