import JSONRPC
import NIOCore
import Testing

@testable import OVSDB

@Suite("Rows are cut out of a reply that is still arriving") struct RowSlicerTests {
    private static let one = "550e8400-e29b-41d4-a716-446655440000"
    private static let two = "550e8400-e29b-41d4-a716-446655440001"

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var message: String
        var skeleton: String
        var rows: [String]
        var isContinued = false
    }

    static let cases: [Case] = [
        Case(
            testDescription: "monitor_cond_since",
            message: #"""
                {"id":3,"result":[false,"00000000-0000-0000-0000-000000000000",{"Port":{"\#(one)":{"initial":{"name":\#
                "a}\"{"}},"\#(two)":{"initial":{}}},"Bridge":{},"Interface":{ "\#(two)" : {"initial":{"x":[["y"]]}} }}],\#
                "error":null}
                """#,
            skeleton: #"""
                {"id":3,"result":[false,"00000000-0000-0000-0000-000000000000",{"Port":{},"Bridge":{},"Interface":{ }}],\#
                "error":null}
                """#,
            rows: [
                #"Port \#(one) {"initial":{"name":"a}\"{"}}"#, #"Port \#(two) {"initial":{}}"#,
                #"Interface \#(two) {"initial":{"x":[["y"]]}}"#,
            ]
        ),
        Case(
            testDescription: "monitor_cond_since that goes on, with its id last",
            message: #"{"error":null,"result":[true,"x",{"Port":{"\#(one)":{"delete":null}}}],"id":3}"#,
            skeleton: #"{"error":null,"result":[true,"x",{"Port":{}}],"id":3}"#,
            rows: [#"Port \#(one) {"delete":null}"#],
            isContinued: true
        ),
        Case(
            testDescription: "monitor_cond and monitor",
            message: #"{"id":3,"result":{"Port":{"\#(one)":{"new":{"a":1}}},"Other":{"\#(two)":{}}},"error":null}"#,
            skeleton: #"{"id":3,"result":{"Port":{},"Other":{}},"error":null}"#,
            rows: [#"Port \#(one) {"new":{"a":1}}"#, "Other \(two) {}"]
        ),
        Case(
            testDescription: "a schema stays whole",
            message: #"{"id":1,"result":{"name":"x","tables":{"T":{"columns":{"c":{"type":"string"}}}}},"error":null}"#,
            skeleton:
                #"{"id":1,"result":{"name":"x","tables":{"T":{"columns":{"c":{"type":"string"}}}}},"error":null}"#,
            rows: []
        ),
        Case(
            testDescription: "a transaction's results, an error and a notification stay whole",
            message:
                #"{"id":1,"result":[{"rows":[{"a":{"b":1}}]},{"details":{"\\":{"c":true}}}],"error":{"r":{"s":{"t":{}}}}}"#,
            skeleton:
                #"{"id":1,"result":[{"rows":[{"a":{"b":1}}]},{"details":{"\\":{"c":true}}}],"error":{"r":{"s":{"t":{}}}}}"#,
            rows: []
        ),
        Case(
            testDescription: "an update, which is no reply, stays whole",
            message: #"{"id":null,"method":"update3","params":["m","x",{"Port":{"\#(one)":{"modify":{}}}}]}"#,
            skeleton: #"{"id":null,"method":"update3","params":["m","x",{"Port":{"\#(one)":{"modify":{}}}}]}"#,
            rows: []
        ),
    ]

    private func slice(_ chunks: [ArraySlice<UInt8>], limit: Int = 10_000) throws -> ([String], [String], Set<Bool>) {
        var framer = MessageFramer(limits: .init(length: limit))
        var messages: [String] = []
        var rows: [String] = []
        var continued: Set<Bool> = []
        for chunk in chunks {
            var bytes = ByteBuffer(bytes: chunk)
            framer.append(&bytes)
            while true {
                let message = try framer.next { row, text, isContinued in
                    rows.append("\(row.table) \(row.uuid) \(String(decoding: text, as: UTF8.self))")
                    continued.insert(isContinued)
                }
                guard let message else { break }
                messages.append(String(buffer: message))
            }
        }
        return (messages, rows, continued)
    }

    @Test("wherever the stream is cut in two, and byte by byte", arguments: cases)
    func everySplit(_ test: Case) throws {
        let stream = Array("\n\(test.message) {}\n\(test.message)".utf8)
        let cuts = (0...stream.count).map { [stream[..<$0], stream[$0...]] } + [stream.indices.map { stream[$0...$0] }]
        for chunks in cuts {
            let (messages, rows, continued) = try slice(chunks)
            #expect(messages == [test.skeleton, "{}", test.skeleton], "cut at byte \(chunks[0].count)")
            #expect(rows == test.rows + test.rows, "cut at byte \(chunks[0].count)")
            #expect(rows.isEmpty || continued == [test.isContinued])
        }
    }

    @Test("the rows of a snapshot are dropped as they are shown, and its whole length still counts")
    func bounded() throws {
        let row = #""\#(Self.one)":{"initial":{"name":"0123456789"}}"#
        let rows = Array(repeating: row, count: 1000).joined(separator: ",")
        let stream = Array(#"{"id":3,"result":{"Port":{\#(rows)}},"error":null}"#.utf8)
        let chunks = stride(from: 0, to: stream.count, by: 100).map { stream[$0..<min($0 + 100, stream.count)] }
        #expect(try slice(chunks, limit: stream.count).1.count == 1000)
        #expect(throws: FramingError.tooLong(limit: stream.count - 1)) { try slice(chunks, limit: stream.count - 1) }
    }

    @Test(
        "what cannot stand between rows ends the stream",
        arguments: [
            #"{"result":{"Port":{"\#(one)":{}x"#, #"{"result":{"Port":{"\#(one)":{},}"#,
            #"{"result":{"Port":{"\#(one)",5"#,
            #"{"result":{"Port":{"\#(one)":[]"#, #"{"result":{"Port":{"\#(one)":{},"short":{}}"#,
        ]
    )
    func refusals(stream: String) {
        #expect(throws: FramingError.self) { try slice([Array(stream.utf8)[...]]) }
    }
}
