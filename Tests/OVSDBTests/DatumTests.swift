import JSONRPC
import TestSupport
import Testing

@testable import OVSDB

/// Values: what is equal, and what a difference does, also against a naive model.
@Suite struct DatumTests {
    private static let nfc = "\u{E9}"
    private static let nfd = "e\u{301}"

    @Test(
        "the same value is the same datum however it was written",
        arguments: [
            (Datum(set: ["b", "a", "b"]), Datum(set: ["a", "b"])),
            (Datum(set: ["a", "a"]), "a"),
            (Datum(set: []), .emptySet),
            (
                Datum(map: [.init("k", "old"), .init("a", 1), .init("k", "new")]),
                Datum(map: [.init("a", 1), .init("k", "new")])
            ),
            (Datum(map: [.init("a", 1), .init("a", 2)]), Datum(map: [.init("a", 2)])),
            (Datum(map: ["b": "2", "a": "1"]), Datum(map: [.init("a", "1"), .init("b", "2")])),
            (Datum(.real(0)), Datum(.real(-0.0))),
        ] as [(Datum, Datum)]
    )
    func same(a: Datum, b: Datum) {
        #expect(a == b)
        #expect(a.hashValue == b.hashValue)
    }

    @Test(
        "data that the server tells apart are not equal",
        arguments: [
            (Datum(.string(nfc)), Datum(.string(nfd))),
            (Datum(map: [nfc: "x"]), Datum(map: [nfd: "x"])),
            (.emptySet, .emptyMap), (.emptySet, ""), (1, Datum(.real(1))), ("1", 1),
            (Datum(.uuid(row(1))), Datum(.uuid(row(2)))),
            (Datum(.namedUUID("a")), "a"),
        ] as [(Datum, Datum)]
    )
    func different(a: Datum, b: Datum) { #expect(a != b) }

    @Test("a datum is read by what it holds")
    func reading() {
        let set: Datum = ["c", "a", "b"]
        #expect(set.atoms == ["a", "b", "c"])
        #expect(set.contains("b") && !set.contains("d") && set.string == nil && set.count == 3 && set.entries == [])
        #expect(Datum("x").contains("x") && Datum("x").string == "x" && Datum(5).integer == 5)
        #expect(Datum(true).boolean == true && Datum(.uuid(row(1))).uuid == row(1))
        #expect(Datum(set: [.uuid(row(2)), .uuid(row(1))]).uuids == [row(1), row(2)])
        let map: Datum = ["b": "2", "a": "1"]
        #expect(map["a"] == "1" && map["c"] == nil && map.isMap && map.atoms == [] && map.count == 2)
        #expect(!map.contains("a") && map.uuids == [])
        #expect("\(set) \(map) \(Datum(7)) \(Datum.emptySet) \(Datum.emptyMap)" == "[a, b, c] {a=1, b=2} 7 [] {}")
    }

    @Test(
        "a difference moves elements in and out and replaces values of a map",
        arguments: [
            (["a", "b"], ["b", "c"], ["a", "c"]),
            ("a", "a", .emptySet),
            (.emptySet, "a", "a"),
            (["a", "b"], "a", "b"),
            ("a", "b", ["a", "b"]),
            (["a": "1"], ["a": "1"], .emptyMap),
            (["a": "1"], ["a": "2", "b": "3"], ["a": "2", "b": "3"]),
            (.emptyMap, ["a": "1"], ["a": "1"]),
            (["a": "1"], .emptyMap, ["a": "1"]),
        ] as [(Datum, Datum, Datum)]
    )
    func difference(before: Datum, difference: Datum, after: Datum) {
        var datum = before
        datum.apply(difference: difference)
        #expect(datum == after)
    }

    @Test("random differences of sets and maps, few changes and many, do what a naive model does")
    func randomDifferences() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(state: seed)
        for round in 0..<300 {
            let range: Range<Int64> = 0..<Int64.random(in: 1...60, using: &random)
            func draw() -> Set<Int64> {
                Set((0..<Int.random(in: 0...30, using: &random)).map { _ in Int64.random(in: range, using: &random) })
            }
            let (before, change) = (draw(), draw())
            let difference = Datum(set: change.map(Atom.integer))
            var set = Datum(set: before.map(Atom.integer))
            let effect = set.effect(of: difference)
            set.apply(difference: difference)
            #expect(set == Datum(set: before.symmetricDifference(change).map(Atom.integer)), "seed \(seed), \(round)")
            #expect(effect.gone == Datum(set: before.intersection(change).map(Atom.integer)), "seed \(seed), \(round)")
            #expect(effect.come == Datum(set: change.subtracting(before).map(Atom.integer)), "seed \(seed), \(round)")

            func drawMap() -> [Int64: Int64] {
                Dictionary(draw().map { ($0, Int64.random(in: 0...2, using: &random)) }) { $1 }
            }
            func datum(_ map: [Int64: Int64]) -> Datum {
                Datum(map: map.map { .init(.integer($0), .integer($1)) })
            }
            let (entries, changes) = (drawMap(), drawMap())
            var expected = entries
            for (key, value) in changes { expected[key] = entries[key] == value ? nil : value }
            var map = datum(entries)
            let moved = map.effect(of: datum(changes))
            map.apply(difference: datum(changes))
            #expect(map == datum(expected), "seed \(seed), \(round)")
            #expect(moved.gone == datum(entries.filter { changes[$0.key] != nil }), "seed \(seed), \(round)")
            #expect(moved.come == datum(changes.filter { entries[$0.key] != $0.value }), "seed \(seed), \(round)")
        }
    }

    @Test("what a peer can send in one message is put in order in a moment, whatever its order")
    func hostileOrder() throws {
        let count = 300_000
        let clock = ContinuousClock()
        let spent = clock.measure {
            let map = Datum(map: (0..<count).reversed().map { .init(.integer(Int64($0)), 1) })
            #expect(map.count == count)
            var set = Datum(set: (count..<2 * count).map { .integer(Int64($0)) })
            set.apply(difference: Datum(set: (0..<count).map { .integer(Int64($0)) }))
            #expect(set.count == 2 * count)
        }
        #expect(spent < .seconds(60), "moving what stands behind for each would take minutes")
    }
}

/// Values on the wire, both ways, and what is refused.
@Suite struct DatumJSONTests {
    private static let id = "550e8400-e29b-41d4-a716-446655440000"
    private static let uuid = JSONRPC.UUID(id) ?? .zero
    private static let strings = ColumnType(key: .init(.string), minimum: 0, maximum: .max)
    private static let map = ColumnType(key: .init(.string), value: .init(.integer), minimum: 0, maximum: .max)

    @Test(
        "a value on the wire and a datum are one, both ways",
        arguments: [
            (#""a""#, strings, "a"), (#"["set",[]]"#, strings, .emptySet),
            (#"["set",["a","b"]]"#, strings, ["a", "b"]),
            (#"["map",[]]"#, map, .emptyMap), (#"["map",[["a",1],["b",-2]]]"#, map, ["a": 1, "b": -2]),
            ("9223372036854775807", .init(key: .init(.integer)), Datum(.integer(.max))),
            ("-0.5", .init(key: .init(.real)), Datum(.real(-0.5))), ("true", .init(key: .init(.boolean)), true),
            (#"["uuid","550e8400-e29b-41d4-a716-446655440000"]"#, .init(key: .init(.uuid)), Datum(.uuid(uuid))),
            (#""set""#, strings, "set"), (#""é\u0001""#, strings, "é\u{1}"),
        ] as [(String, ColumnType, Datum)]
    )
    func bothWays(text: String, type: ColumnType, datum: Datum) throws {
        #expect(try OVSDBTests.reading(text) { try Datum($0, ColumnShape(type)) } == datum)
        #expect(datum.json.text() == text)
        var written = JSONText()
        written.append(datum)
        #expect(written.string == text)
    }

    @Test(
        "a value is read in every form that RFC 7047 allows",
        arguments: [
            (#"["set",["a"]]"#, strings, "a"), (#"["set",["b","a","b"]]"#, strings, ["a", "b"]),
            ("1", .init(key: .init(.real)), Datum(.real(1))),
            (#"["map",[["b",2],["a",1]]]"#, map, ["a": 1, "b": 2]),
            (#"["uuid","550E8400-E29B-41D4-A716-446655440000"]"#, .init(key: .init(.uuid)), Datum(.uuid(uuid))),
        ] as [(String, ColumnType, Datum)]
    )
    func otherForms(text: String, type: ColumnType, datum: Datum) throws {
        #expect(try OVSDBTests.reading(text) { try Datum($0, ColumnShape(type)) } == datum)
    }

    @Test(
        "a value of another type is refused with what was found",
        arguments: [
            ("1", strings), ("null", strings), ("{}", strings), ("[]", strings), (#"["set","a"]"#, strings),
            (#"["set",["a",1]]"#, strings), (#"["set",["a"],1]"#, strings), (#"["set"]"#, strings),
            (#"["map",[["a",1]]]"#, strings), (#""a""#, map), (#"["map",[["a"]]]"#, map),
            (#"["map",[["a",1,2]]]"#, map),
            (#"["map",{"a":1}]"#, map), (#"["map",[["a","1"]]]"#, map), (#"["set",[]]"#, map), (#"["map",[1]]"#, map),
            ("1.0", .init(key: .init(.integer))), ("true", .init(key: .init(.integer))),
            (#""1""#, .init(key: .init(.real))),
            ("1", .init(key: .init(.boolean))), (#""\#(id)""#, .init(key: .init(.uuid))),
            (#"["uuid","x"]"#, .init(key: .init(.uuid))), (#"["named-uuid","a"]"#, .init(key: .init(.uuid))),
            (#"["uuid","\#(id)",1]"#, .init(key: .init(.uuid))),
        ] as [(String, ColumnType)]
    )
    func refusals(text: String, type: ColumnType) throws {
        let error = #expect(throws: OVSDBError.self) {
            try OVSDBTests.reading(text) { try Datum($0, ColumnShape(type)) }
        }
        #expect("\(try #require(error))".contains("the server broke the protocol: expected "))
    }

    @Test("what is refused is told in part only, however large it is")
    func excerpts() throws {
        let text = #"["set",[\#((0..<50_000).map(String.init).joined(separator: ","))]]"#
        let error = #expect(throws: OVSDBError.self) {
            try OVSDBTests.reading(text) { try Datum($0, ColumnShape(Self.map)) }
        }
        let told = "\(try #require(error))"
        #expect(told.hasSuffix("...") && told.utf8.count < 200)
        #expect(told.contains(#"["set",[0,1,2"#))
    }

    @Test("a named uuid is written", arguments: [(Atom.namedUUID("row1"), #"["named-uuid","row1"]"#)])
    func named(atom: Atom, text: String) { #expect(atom.json.text() == text) }

    @Test(
        "a uuid has one text form, and nothing else is one",
        arguments: [
            id, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "01234567-89ab-cdef-0123-456789abcdef",
        ]
    )
    func uuidText(text: String) {
        #expect(JSONRPC.UUID(text)?.description == text)
        #expect(JSONRPC.UUID(text.uppercased())?.description == text)
        for broken in [
            String(text.dropLast()), text + "0", " " + text.dropFirst(), String(text.map { $0 == "-" ? "0" : $0 }), "",
            "g" + text.dropFirst(), "{\(text)}", "é" + text.dropFirst(2),
        ] { #expect(JSONRPC.UUID(broken) == nil, "\(broken)") }
    }

    @Test("random uuids are of version 4, read back as they were and are ordered as their text")
    func uuidRandom() throws {
        let uuids = (0..<100).map { _ in JSONRPC.UUID.random() }
        for uuid in uuids {
            let text = Array(uuid.description)
            #expect(text[14] == "4" && "89ab".contains(text[19]))
            #expect(JSONRPC.UUID(uuid.description) == uuid)
        }
        #expect(uuids.sorted().map(\.description) == uuids.map(\.description).sorted())
    }
}
