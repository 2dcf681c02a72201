import Glibc
import JSONRPC
import Testing

@testable import OVSDB

/// Schemas as `get_schema` answers them.
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

    @Test("where a vocabulary's columns stand is found when a table is selected, and without it by their names")
    func vocabulary() {
        let type = ColumnType(key: .init(.string))
        let columns = ["a", "b", "c"].enumerated().map { Column("t", $0, $1) }
        let table = Table("t", columns.reversed())
        // A server that lacks c.
        let bare = DatabaseSchema(
            name: "d",
            version: "1.0.0",
            tables: ["t": TableSchema(name: "t", columns: ["z", "b", "a"].map { .init($0, type) })]
        )
        let resolved = bare.selecting([.init(table, columns: [columns[1], columns[2], columns[0]])])
        let narrowed = resolved.selecting([.init("t", columns: ["a"])])
        #expect(columns.map { bare.tables["t"]?.position(of: $0) } == [2, 1, nil])
        #expect(columns.map { resolved.tables["t"]?.position(of: $0) } == [1, 0, nil])
        #expect(columns.map { narrowed.tables["t"]?.position(of: $0) } == [0, nil, nil])
        #expect(narrowed.tables["t"]?.vocabulary == table)
    }
}
