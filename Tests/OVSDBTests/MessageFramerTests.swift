import JSONRPC
import NIOCore
import Testing

@Suite struct MessageFramerTests {
    /// All messages that `chunks` make, in order.
    private func frame(_ chunks: [String], limits: MessageFramer.Limits = .init(length: 1000)) throws -> [String] {
        var framer = MessageFramer(limits: limits)
        var messages: [String] = []
        for chunk in chunks {
            var bytes = ByteBuffer(string: chunk)
            framer.append(&bytes)
            while let message = try framer.next() { messages.append(String(buffer: message)) }
        }
        return messages
    }

    @Test("messages come out whole wherever the stream is cut in two")
    func everySplit() throws {
        let messages = [
            #"{"a":[1,{"b":"}]{["}],"c":"\"\\"}"#, "{}", #"{"é":"\\\\\" }"}"#, #"{"x":{"y":{"z":[[[]]]}}}"#,
        ]
        let stream = Array(" \(messages[0])\n\(messages[1])\(messages[2])\t\r\n \(messages[3])\n".utf8)
        for cut in 0...stream.count {
            var framer = MessageFramer(limits: .init(length: 100))
            var found: [String] = []
            for part in [stream[..<cut], stream[cut...]] {
                var bytes = ByteBuffer(bytes: part)
                framer.append(&bytes)
                while let message = try framer.next() { found.append(String(buffer: message)) }
            }
            #expect(found == messages, "cut at byte \(cut)")
            #expect(!framer.isInsideMessage)
        }
    }

    @Test("messages come out whole when every byte arrives alone")
    func byteByByte() throws {
        let stream = #"{"a":"[\"{"}  {"b":[{}]}"#
        #expect(try frame(stream.map(String.init)) == [#"{"a":"[\"{"}"#, #"{"b":[{}]}"#])
    }

    @Test(
        "what is no JSON-RPC ends the stream with a reason",
        arguments: [
            ("[1]", FramingError.notAnObject(found: 0x5B)),
            ("{} junk", .notAnObject(found: 0x6A)),
            ("}", .notAnObject(found: 0x7D)),
            ("\u{0}", .notAnObject(found: 0)),
            (#"{"a":[[[[[]]]]]}"#, .tooDeep(limit: 5)),
            (#"{"a":"\#(String(repeating: "x", count: 100))"}"#, .tooLong(limit: 64)),
            (#"{"a":"\#(String(repeating: "x", count: 100))"#, .tooLong(limit: 64)),
        ]
    )
    func refusals(stream: String, error: FramingError) {
        #expect(throws: error) { try frame([stream], limits: .init(length: 64, depth: 5)) }
    }
}
