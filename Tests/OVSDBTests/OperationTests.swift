import JSONRPC
import Testing

@testable import OVSDB

/// Operations as RFC 7047 writes them, and results, of which none that is unclear may pass for success.
@Suite struct OperationTests {
    private static let id = JSONRPC.UUID("550e8400-e29b-41d4-a716-446655440000") ?? .zero

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
    func wireForm(operation: OVSDB.Operation, text: String) { #expect("\(operation)" == text) }

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
