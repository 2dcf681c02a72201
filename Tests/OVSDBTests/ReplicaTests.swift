import JSONRPC
import TestSupport
import Testing

@testable import OVSDB

/// Bridges that refer to ports in a set, and queues under numbers in a map, as Open vSwitch's own tables do.
private let schema: DatabaseSchema = {
    let name = ColumnSchema("name", .init(key: .init(.string)))
    func references(_ table: String, minimum: Int = 0, maximum: Int = .max) -> ColumnType {
        .init(key: .init(.uuid, reference: .strong(table: table)), minimum: minimum, maximum: maximum)
    }
    let queues = ColumnType(
        key: .init(.integer),
        value: .init(.uuid, reference: .strong(table: "Queue")),
        minimum: 0,
        maximum: .max
    )
    let weak = ColumnType(key: .init(.uuid, reference: .weak(table: "Port")), minimum: 0, maximum: .max)
    let tables = [
        TableSchema(
            name: "Bridge",
            columns: [name, .init("ports", references("Port")), .init("mirrored", weak)],
            indexes: [["name"]]
        ),
        TableSchema(name: "Port", columns: [name, .init("qos", references("QoS", maximum: 1))], indexes: [["name"]]),
        TableSchema(name: "QoS", columns: [.init("queues", queues)]),
        TableSchema(name: "Queue", columns: []),
        TableSchema(name: "Mirror", columns: [name]),
        TableSchema(
            name: "One",
            columns: [.init("pair", .init(key: .init(.string), value: .init(.string), minimum: 0))]
        ),
    ]
    return DatabaseSchema(
        name: "d",
        version: "1",
        tables: Dictionary(uniqueKeysWithValues: tables.map { ($0.name, $0) })
    )
}()

private func uuids(_ numbers: some Sequence<Int>) -> Datum { Datum(set: numbers.map { Atom.uuid(row($0)) }) }

extension TableUpdates {
    fileprivate static func one(_ table: String, _ number: Int, _ change: Change) -> TableUpdates {
        .init(rows: [.init(table: table, uuid: row(number), change: change)])
    }
}

/// Updates as monitors carry them, in both forms.
@Suite struct TableUpdatesTests {
    private static let a = row(1).description
    private static let named: [TableUpdates.ColumnValue] = [.init(position: 0, value: "x")]

    @Test(
        "updates are read in both forms",
        arguments: [
            (#"{"Mirror":{"\#(a)":{"initial":{"name":"x"}}}}"#, .differences, .insert(named)),
            (#"{"Mirror":{"\#(a)":{"insert":{"name":"x"}}}}"#, .differences, .insert(named)),
            (#"{"Mirror":{"\#(a)":{"insert":{}}}}"#, .differences, .insert([])),
            (#"{"Mirror":{"\#(a)":{"modify":{"name":"x"}}}}"#, .differences, .modify(named)),
            (#"{"Mirror":{"\#(a)":{"delete":null}}}"#, .differences, .delete),
            (#"{"Mirror":{"\#(a)":{"new":{"name":"x"}}}}"#, .values, .insert(named)),
            (#"{"Mirror":{"\#(a)":{"old":{"name":"y"},"new":{"name":"x"}}}}"#, .values, .replace(named)),
            (#"{"Mirror":{"\#(a)":{"old":{"name":"y"}}}}"#, .values, .delete),
        ] as [(String, TableUpdates.Form, TableUpdates.Change)]
    )
    func forms(text: String, form: TableUpdates.Form, change: TableUpdates.Change) throws {
        let updates = try reading(text) { try TableUpdates($0, form: form, schema: schema) }
        #expect(updates == .one("Mirror", 1, change))
    }

    @Test("no updates are none", arguments: ["{}", #"{"Bridge":{}}"#])
    func none(text: String) throws {
        #expect(try reading(text) { try TableUpdates($0, form: .differences, schema: schema) }.rows.isEmpty)
    }

    @Test(
        "what the schema does not have is refused",
        arguments: [
            "[]", "null", "5", #"{"Bridge":5}"#, #"{"Bridge":null}"#, #"{"Nowhere":{}}"#,
            #"{"Bridge":{"x":{"delete":null}}}"#,
            #"{"Bridge":{"\#(a)":{}}}"#, #"{"Bridge":{"\#(a)":5}}"#, #"{"Bridge":{"\#(a)":{"insert":[]}}}"#,
            #"{"Bridge":{"\#(a)":{"insert":{"color":"x"}}}}"#, #"{"Bridge":{"\#(a)":{"insert":{"name":5}}}}"#,
            #"{"Bridge":{"\#(a)":{"modify":null}}}"#, #"{"Bridge":{"\#(a)":{"grow":{}}}}"#,
        ]
    )
    func refusals(text: String) {
        for form in [TableUpdates.Form.differences, .values] {
            #expect(throws: OVSDBError.self) { try reading(text) { try TableUpdates($0, form: form, schema: schema) } }
        }
    }
}

/// The replica against scripts of notifications, and against a naive model.
@Suite struct ReplicaTests {
    @Test("a name that moves between rows in one notification is found at its new row, whatever comes first")
    func namesMove() throws {
        let changes: [TableUpdates.RowUpdate] = [
            .init(table: "Bridge", uuid: row(1), change: .modify([.init(position: 0, value: "b")])),
            .init(table: "Bridge", uuid: row(2), change: .modify([.init(position: 0, value: "a")])),
            .init(table: "Bridge", uuid: row(3), change: .delete),
            .init(table: "Bridge", uuid: row(4), change: .insert([.init(position: 0, value: "c")])),
        ]
        let orders = [[0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1]]
        for order in orders {
            var replica = Replica(schema: schema)
            for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
                try replica.apply(.one("Bridge", number, .insert([.init(position: 0, value: Datum(.string(name)))])))
            }
            try replica.apply(.init(rows: order.map { changes[$0] }))
            let bridges = replica["Bridge"]
            #expect(bridges[name: "a"]?.uuid == row(2) && bridges[name: "b"]?.uuid == row(1))
            #expect(bridges[name: "c"]?.uuid == row(4) && bridges.count == 3)
        }
    }

    @Test("names are told apart by their bytes")
    func nameBytes() throws {
        var replica = Replica(schema: schema)
        for (number, name) in [(1, "\u{E9}"), (2, "e\u{301}")] {
            try replica.apply(.one("Bridge", number, .insert([.init(position: 0, value: Datum(.string(name)))])))
        }
        #expect(replica["Bridge"][name: "\u{E9}"]?.uuid == row(1))
        #expect(replica["Bridge"][name: "e\u{301}"]?.uuid == row(2))
        try replica.apply(.one("Bridge", 1, .modify([.init(position: 0, value: "e")])))
        #expect(replica["Bridge"][name: "\u{E9}"] == nil && replica["Bridge"][name: "e\u{301}"]?.uuid == row(2))
    }

    @Test("of rows that share a name another one is found when one goes")
    func sharedNames() throws {
        var replica = Replica(schema: schema)
        for number in 1...2 { try replica.apply(.one("Mirror", number, .insert([.init(position: 0, value: "m")]))) }
        #expect(replica["Mirror"][name: "m"] != nil)
        try replica.apply(.one("Mirror", 2, .delete))
        #expect(replica["Mirror"][name: "m"]?.uuid == row(1))
        #expect(replica["Mirror"][name: "n"] == nil && replica["QoS"][name: "m"] == nil)
    }

    @Test("a map of at most one entry is replaced whole")
    func mapOfOne() throws {
        var replica = Replica(schema: schema)
        try replica.apply(.one("One", 1, .insert([.init(position: 0, value: ["a": "1"])])))
        try replica.apply(.one("One", 1, .modify([.init(position: 0, value: ["b": "2"])])))
        #expect(replica["One"][row(1)]?["pair"] == ["b": "2"])
        try replica.apply(.one("One", 1, .modify([.init(position: 0, value: .emptyMap)])))
        #expect(replica["One"][row(1)]?["pair"] == .emptyMap)
    }

    @Test(
        "a change of a row that is not here, or of another table, changes nothing at all",
        arguments: [
            (TableUpdates.Change.modify([]), "Bridge"), (.replace([]), "Bridge"), (.delete, "Nowhere"),
        ]
    )
    func misfits(change: TableUpdates.Change, table: String) throws {
        var replica = Replica(schema: schema)
        try replica.apply(
            .one("Bridge", 1, .insert([.init(position: 0, value: "a"), .init(position: 1, value: uuids([7]))]))
        )
        #expect(throws: ReplicaError.self) {
            try replica.apply(
                .init(rows: [
                    .init(table: "Bridge", uuid: row(1), change: .delete),
                    .init(table: "Bridge", uuid: row(2), change: .insert([])),
                    .init(table: table, uuid: row(9), change: change),
                ])
            )
        }
        #expect(replica["Bridge"].count == 1 && replica["Bridge"][name: "a"]?.uuid == row(1))
        #expect(replica.referrers(of: row(7)) == [Reference(table: "Bridge", column: "ports", row: row(1))])
    }

    @Test("the changes told are those made; what is inserted twice is replaced, what is deleted twice is gone")
    func changes() throws {
        var replica = Replica(schema: schema)
        let insert = TableUpdates.one("Bridge", 1, .insert([.init(position: 1, value: uuids([7]))]))
        #expect(try replica.apply(insert) == [.init(table: "Bridge", uuid: row(1), kind: .inserted)])
        #expect(try replica.apply(insert) == [.init(table: "Bridge", uuid: row(1), kind: .inserted)])
        #expect(replica.referrerCount(of: row(7)) == 1)
        #expect(
            try replica.apply(.one("Bridge", 1, .modify([.init(position: 0, value: "b")])))
                == [.init(table: "Bridge", uuid: row(1), kind: .modified([.init(position: 0, old: "")]))]
        )
        #expect(
            try replica.apply(.one("Bridge", 1, .delete))
                == [.init(table: "Bridge", uuid: row(1), kind: .deleted(old: ["b", uuids([7]), .emptySet]))]
        )
        #expect(try replica.apply(.one("Bridge", 1, .delete)) == [])
        #expect(replica.referrers(of: row(7)) == [] && replica["Bridge"].count == 0)
    }

    @Test("a row is read by column; what is not followed is empty and told apart")
    func rows() throws {
        var replica = Replica(schema: schema)
        try replica.apply(.one("Bridge", 1, .insert([.init(position: 0, value: "a")])))
        let bridge = try #require(replica["Bridge"][row(1)])
        #expect(bridge.name == "a" && bridge["ports"] == .emptySet && bridge.has("ports"))
        #expect(bridge["tag"] == .emptySet && !bridge.has("tag"))
        #expect(
            replica["Nowhere"].count == 0 && replica["Nowhere"][name: "a"] == nil && replica["Bridge"][row(2)] == nil
        )
    }

    @Test("values, names and referrers stay those of a naive model through random edits", arguments: 0..<4)
    func randomEdits(_: Int) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(state: seed)
        var replica = Replica(schema: schema)
        var model: [String: [JSONRPC.UUID: [Datum]]] = ["Bridge": [:], "Port": [:], "QoS": [:]]

        func value(_ table: String, _ column: Int) -> Datum {
            switch (table, column) {
            case (_, 0) where table != "QoS": return Datum(.string("n\(Int.random(in: 0...9, using: &random))"))
            case ("Port", 1):
                return Bool.random(using: &random) ? .emptySet : uuids([.random(in: 60...62, using: &random)])
            case ("QoS", _):
                let keys = Set(
                    (0..<Int.random(in: 0...12, using: &random)).map { _ in Int64.random(in: 0...15, using: &random) }
                )
                return Datum(map: keys.map { .init(.integer($0), .uuid(row(.random(in: 80...83, using: &random)))) })
            default:
                return uuids(
                    (0..<Int.random(in: 0...14, using: &random)).map { _ in .random(in: 40...59, using: &random) }
                )
            }
        }
        func difference(_ from: Datum, _ to: Datum) -> Datum {
            if from.isMap {
                let old = Dictionary(uniqueKeysWithValues: from.entries.map { ($0.key, $0.value) })
                let new = Dictionary(uniqueKeysWithValues: to.entries.map { ($0.key, $0.value) })
                return Datum(
                    map: from.entries.filter { new[$0.key] == nil } + to.entries.filter { old[$0.key] != $0.value }
                )
            }
            return Datum(set: Set(from.atoms).symmetricDifference(to.atoms))
        }

        for step in 0..<400 {
            var updates = TableUpdates()
            for (table, numbers) in [("Bridge", 1...3), ("Port", 40...50), ("QoS", 60...62)] {
                let columns = schema.tables[table]?.columns ?? []
                for number in numbers where Int.random(in: 0..<4, using: &random) == 0 {
                    let uuid = row(number)
                    var values = columns.indices.map { value(table, $0) }
                    let old = model[table]?[uuid]
                    let change: TableUpdates.Change
                    switch (old, Int.random(in: 0..<5, using: &random)) {
                    case (nil, _), (_, 0): change = .insert(values.enumerated().map { .init(position: $0, value: $1) })
                    case (_, 1):
                        change = .delete
                        model[table]?[uuid] = nil
                        updates.rows.append(.init(table: table, uuid: uuid, change: change))
                        continue
                    case (let old?, let kind):
                        let changed = columns.indices.filter { _ in Bool.random(using: &random) }
                        for index in columns.indices where !changed.contains(index) { values[index] = old[index] }
                        if kind == 2 {
                            change = .replace(changed.map { .init(position: $0, value: values[$0]) })
                        } else {
                            change = .modify(
                                changed.map { position in
                                    let whole = columns[position].type.isReplacedWhole
                                    let value = whole ? values[position] : difference(old[position], values[position])
                                    return .init(position: position, value: value)
                                }
                            )
                        }
                    }
                    model[table]?[uuid] = values
                    updates.rows.append(.init(table: table, uuid: uuid, change: change))
                }
            }
            updates.rows.shuffle(using: &random)
            let before = replica
            for change in try replica.apply(updates) {
                try expectOldValues(of: change, from: before, in: replica, "seed \(seed), step \(step)")
            }
            // The model gives several rows one name, which no server would.
            let faults = replica.inconsistencies(isWhole: false).filter { !$0.contains("by name") }
            #expect(faults == [], "seed \(seed), step \(step)")

            var referrers: [JSONRPC.UUID: Set<Reference>] = [:]
            for (table, rows) in model {
                #expect(replica[table].count == rows.count, "seed \(seed), step \(step)")
                for (uuid, values) in rows {
                    #expect(replica[table][uuid]?.values == values, "seed \(seed), step \(step)")
                    let strong = table == "QoS" ? values[0].entries.map(\.value) : values[1].atoms
                    let column = ["Bridge": "ports", "Port": "qos", "QoS": "queues"][table] ?? ""
                    for case .uuid(let target) in strong {
                        referrers[target, default: []].insert(.init(table: table, column: column, row: uuid))
                    }
                }
            }
            for number in Array(40...62) + Array(80...83) {
                let found = replica.referrers(of: row(number))
                #expect(Set(found) == referrers[row(number), default: []], "seed \(seed), step \(step), row \(number)")
                #expect(found.count == replica.referrerCount(of: row(number)) && Set(found).count == found.count)
            }
        }
    }

    private func expectOldValues(
        of change: RowChange,
        from before: Replica,
        in replica: Replica,
        _ comment: Comment
    ) throws {
        let old = before[change.table][change.uuid]
        switch change.kind {
        case .inserted: break
        case .deleted(let values): #expect(values == old?.values, comment)
        case .modified:
            let row = try #require(replica[change.table][change.uuid])
            for (position, column) in row.schema.columns.enumerated() {
                #expect(change.old(column.name, of: row) == old?.values[position], comment)
            }
        }
    }

    @Test(
        "one element of a large set, and one of very many referrers, cost no walk over the rest, which would take minutes",
        .timeLimit(.minutes(5))
    )
    func largeSets() throws {
        var replica = Replica(schema: schema)
        let count = 10_000
        let all = uuids(1000..<1000 + count)
        try replica.apply(.one("Bridge", 1, .insert([.init(position: 0, value: "b"), .init(position: 1, value: all)])))
        for number in 1000..<1000 + count {
            if number.isMultiple(of: 10) {
                try replica.apply(.one("Bridge", 1, .modify([.init(position: 1, value: uuids([number]))])))
            }
            try replica.apply(.one("Port", number, .insert([.init(position: 1, value: uuids([1]))])))
        }
        for number in 1000..<1000 + count { try replica.apply(.one("Port", number, .delete)) }
        #expect(replica["Bridge"][row(1)]?["ports"].count == count * 9 / 10 && replica.referrers(of: row(1)) == [])
        #expect(replica.referrerCount(of: row(1500)) == 0 && replica.referrerCount(of: row(1501)) == 1)
    }
}
