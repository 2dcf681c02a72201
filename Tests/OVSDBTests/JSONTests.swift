import JSONRPC
import Testing

@Suite struct JSONTests {
    @Test(
        "a text is written as it was read",
        arguments: [
            "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "0.5", #""""#,
            "1.0", "1e+300", #""é\n\"\\ \u0001""#, #""\r\t\u001f/\u000b""#, #"{"\"":1}"#, "[]", "{}",
            #"{"b":1,"a":[{"c":null},[],"x"]}"#,
        ]
    )
    func roundTrip(text: String) throws {
        #expect(try JSON(parsing: text.utf8).text() == text)
    }

    @Test("a text for people has a line for each element and member")
    func indented() {
        let json: JSON = ["a": [1, .real(.nan)], "b": [:], "c": []]
        #expect(
            json.text(indent: 2) == """
                {
                  "a": [
                    1,
                    null
                  ],
                  "b": {},
                  "c": []
                }
                """
        )
    }

    @Test("a long text is written whole")
    func longText() throws {
        let json = JSON.array((0..<5000).map { .string("element \($0)") })
        #expect(try JSON(parsing: json.text().utf8) == json)
        #expect(try JSON(parsing: json.text(indent: 2).utf8) == json)
    }

    @Test(
        "what RFC 7047 has no place for is refused with the position",
        arguments: [
            ("", 0), ("{", 1), (#"{"a":1,"a":2}"#, 10), ("9223372036854775808", 19), (#""\u0000""#, 8), ("[1] x", 5),
            ("\"\u{1}\"", 1), ("nul", 3), ("1e999", 5),
        ]
    )
    func refusals(text: String, offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: text.utf8) }
        #expect(error?.offset == offset)
        #expect(error?.reason.isEmpty == false)
    }

    @Test("a text of more values than memory may be taken for is refused, however short each of them is")
    func tooManyValues() throws {
        func text(_ value: String, _ count: Int) -> String {
            "[" + String(repeating: "\(value),", count: count - 2) + "\(value)]"
        }
        for value in ["[]", "{}"] {
            let error = #expect(throws: JSONError.self) { try JSON(parsing: text(value, 2_100_000).utf8) }
            #expect(error?.reason == "more than 4194304 values")
        }
        #expect(try JSON(parsing: text("[]", 400_000).utf8).array?.count == 399_999)
        // What stands in a string is no value.
        let long = String(repeating: #"[\",{"#, count: 1_500_000)
        #expect(throws: Never.self) { try JSON(parsing: #"["\#(long)"]"#.utf8) }
    }

    @Test("a string that is no UTF-8 is refused")
    func invalidUTF8() {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xC3, 0x28, 0x22]) }
    }
}
