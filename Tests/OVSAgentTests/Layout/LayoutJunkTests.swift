// What is no layout, and often no YAML or no text: it costs an error with a place, never a crash or a wait.

import TestSupport
import Testing

@testable import OVSAgent

@Suite struct LayoutJunkTests {
    private func refusals(_ bytes: [UInt8]) -> [String] {
        guard case .refused(let findings) = LayoutParser.parse(bytes, file: "f") else { return [] }
        return findings.map(\.description)
    }

    struct Junk: CustomTestStringConvertible, Sendable {
        var bytes: [UInt8]
        var start: String
        var fragment: String

        init(_ text: String, _ start: String, _ fragment: String) {
            self.init(Array(text.utf8), start, fragment)
        }

        init(_ bytes: [UInt8], _ start: String, _ fragment: String) {
            self.bytes = bytes
            self.start = start
            self.fragment = fragment
        }

        var testDescription: String { "\(start) \(fragment)" }
    }

    @Test(arguments: [
        Junk("", "1:1", "holds no layout"),
        Junk("\n\n", "1:1", "holds no layout"),
        Junk("# comment\n", "1:1", "holds no layout"),
        Junk([0x61, 0x0A, 0xC3, 0x28], "2:1", "not UTF-8 text"),
        Junk("a: b\nc: \u{0}\n", "2:4", "the character U+0000 is not allowed"),
        Junk("ä: \u{7F}\n", "1:4", "the character U+007F is not allowed"),
        Junk([0xFF, 0xFE, 0x61, 0x00], "1:1", "UTF-16"),
        Junk([0x7F, 0x45, 0x4C, 0x46], "1:1", "U+007F"),
        Junk("version: 1\n\tvirtualSwitches: []\n", "2:1", "a tab stands here, wanted spaces"),
        Junk("a: @home\n", "1:4", "a value cannot begin with \"@\""),
        Junk("ü: `x`\n", "1:4", "a value cannot begin with \"`\""),
        Junk("a: b: c\n", "1:5", "a ':' stands where no key can be"),
        Junk("version: 1\nvirtualSwitches\n", "3:1", "a key without its ':'"),
        Junk("a: [1, 2\nb: 3\n", "2:2", "brackets is not closed or lacks a comma"),
        Junk("a: {b: 1\n", "2:1", "braces is not closed"),
        Junk("a: \"text\n", "2:1", "close the quotes"),
        Junk("a:\n  b: 1\n c: 2\n", "3:2", "the indentation does not fit"),
        Junk("a: \"\\q\"\n", "1:5", "unknown escape"),
        Junk("a: &x [1]\n", "1:4", "the anchor \"&x\" is not taken in a layout"),
        Junk("a: *x\n", "1:4", "the alias \"*x\" is not taken in a layout"),
        Junk("a: !!int 5\n", "1:4", "the tag \"tag:yaml.org,2002:int\" is not taken"),
        Junk("a: |\n\t b\n", "2:1", "a tab stands here, wanted spaces"),
        Junk("\u{FEFF}", "1:1", "holds no layout"),
        Junk("\u{FEFF}a: @\n", "1:4", "cannot begin with \"@\""),
        Junk("a: \u{FEFF}b\n", "1:4", "the character U+FEFF"),
        Junk("? [a]\n: b\n", "1:3", "a list or mapping stands where a key belongs"),
        Junk("version: 1\n---\nversion: 1\n", "2:1", "a second YAML document begins here"),
        Junk("# a\n%TAG ! !x\n---\na: 1\n", "2:1", "begins with '%'"),
    ])
    func `what is no YAML for a layout is refused at its place, in plain words`(_ junk: Junk) {
        let found = refusals(junk.bytes)
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("f:\(junk.start): error: ") == true, "\(found)")
        #expect(found.first?.contains(junk.fragment) == true, "\(found)")
    }

    @Test func `a file of 10 MB is refused with its size and the limit, unread`() {
        let bytes = [UInt8](repeating: UInt8(ascii: "["), count: 10_000_000)
        let expected = "f:1:1: error: the file has 10000000 bytes, wanted at most 1048576: is this really a layout?"
        #expect(refusals(bytes) == [expected])
    }

    @Test(arguments: ["[", "- ", "{a: ", "- - "])
    func `nesting without end is refused`(_ opening: String) {
        let deep = String(repeating: opening, count: YAMLReader.sizeLimit / opening.utf8.count)
        for text in [deep, String(deep.prefix(opening.utf8.count * 70))] {
            let found = refusals(Array(text.utf8))
            #expect(found.count == 1)
            #expect(found.first?.contains("more than 64 levels deep") == true, "\(found)")
        }
    }

    @Test func `an alias bomb is refused at its first anchor`() {
        var bomb = "a0: &a0 [x, x]\n"
        for level in 1...30 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(refusals(Array(bomb.utf8)).first?.hasPrefix("f:1:5: error: the anchor \"&a0\"") == true)
    }

    @Test func `a file full of mistakes gives a bounded list that says how many are left`() {
        let text = "version: 1\n" + (0..<20_000).map { "key\($0): 1\n" }.joined()
        let found = refusals(Array(text.utf8))
        #expect(found.count == Diagnostics.limit + 1)
        #expect(found.last?.contains("19951 more of these are not shown") == true, "\(found.last ?? "")")
    }

    @Test func `ten thousand unknown names cost no more than the findings that are kept`() {
        let switches = (0..<1000).map { "- {name: a\($0), bridge: br\($0)}\n" }.joined()
        let networks = (0..<10_000).map { "- {name: n\($0), virtualSwitch: b\($0), vlan: 1}\n" }.joined()
        let text = "version: 1\nvirtualSwitches:\n\(switches)networks:\n\(networks)"
        #expect(refusals(Array(text.utf8)).last?.contains("9950 more") == true)
    }

    @Test func `warnings do not crowd out the error that refuses a layout`() {
        let switches = (0..<100).map { "- {name: v\($0), bridge: br\($0), uplink: {nics: [n\($0)]}}\n" }.joined()
        let warned = "version: 1\nvirtualSwitches:\n" + switches
        guard case .accepted(_, let warnings) = parse(warned) else {
            Issue.record("refused")
            return
        }
        #expect(warnings.count == Diagnostics.limit + 1)
        let refused = parse(warned + "networks: [{name: n, virtualSwitch: v100, vlan: 1}]\n")
        #expect(refused.errors.map(\.line) == [103])
    }

    @Test(arguments: [
        "version: \"\(String(repeating: "x", count: 100_000))\"",
        "version: &\(String(repeating: "x", count: 100_000)) 1",
        "version: \"a\\nb\\e[31m\\u202E\\u2028\"",
        "\"a\\nb\": 1",
        layout(nics: "\"a\\nb\""),
        layout(nics: "[\"a\\nb\"]"),
        layout(uplink: "mode: \"a\\nb\""),
        layout(uplink: "primary: \"a\\nb\""),
        layout(top: "networks: [{name: n, virtualSwitch: vs0, vlan: \"\\e\"}]"),
    ])
    func `what a message repeats from the file is short, on one line and safe for a terminal`(_ text: String) {
        let found = refusals(Array(text.utf8))
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.utf8.count < 300 && !$0.unicodeScalars.contains { $0.isInvisible } })
    }

    @Test func `the example cut off at any byte is taken or refused, never more`() {
        let example = Array(LayoutTests.example.utf8)
        for count in 0..<example.count {
            switch LayoutParser.parse(Array(example.prefix(count)), file: "f") {
            case .accepted(let layout, _): #expect(!layout.virtualSwitches.isEmpty)
            case .refused(let findings): #expect(findings.contains { $0.severity == .error })
            }
        }
    }

    @Test func `random bytes and random damage are taken or refused, never more`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var random = Seeded(state: seed)
        let example = Array(LayoutTests.example.utf8)
        let marks = Array("{}[]:,-#&*!|>'\"%@` \n\t?~0".utf8)
        for round in 0..<1000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            } else {
                bytes = example
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let index = Int.random(in: bytes.indices, using: &random)
                    bytes[index] = marks.randomElement(using: &random) ?? 0
                }
            }
            if case .refused(let findings) = LayoutParser.parse(bytes, file: "f") {
                let lines = bytes.count { $0 == 0x0A || $0 == 0x0D } + 1
                #expect(!findings.isEmpty, "seed \(seed)")
                // One more: a file that ends too early is faulted behind its last line break. U+0085 breaks lines too.
                #expect(findings.allSatisfy { $0.line <= lines + 1 && $0.column > 0 }, "seed \(seed): \(findings)")
            }
        }
    }
}
