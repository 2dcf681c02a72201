import Testing

@testable import OVSDB

/// Rows found by what makes them one of a kind and by who refers to whom, and replicas that contradict themselves.
@Suite struct ReplicaIndexTests {
    private static let schema: DatabaseSchema = {
        let text = ColumnType(key: .init(.string))
        let hops = ColumnType(
            key: .init(.uuid, reference: .strong(table: "Hop")),
            value: .init(.uuid, reference: .weak(table: "Route")),
            minimum: 0,
            maximum: 2
        )
        let kind = ColumnType(key: .init(.string, allowed: ["near", "far"]), minimum: 0)
        let route = TableSchema(
            name: "Route",
            columns: [
                .init("from", text), .init("to", text), .init("hops", hops), .init("kind", kind), .init("name", text),
            ],
            indexes: [["to", "from"], ["kind", "nowhere"]]
        )
        let hop = TableSchema(name: "Hop", columns: [.init("name", text)], indexes: [["name"]])
        return DatabaseSchema(name: "d", version: "1", tables: ["Route": route, "Hop": hop])
    }()

    private static func updates(_ rows: (String, Int, TableUpdates.Change)...) -> TableUpdates {
        .init(rows: rows.map { .init(table: $0.0, uuid: row($0.1), change: $0.2) })
    }

    private static func route(
        _ from: String,
        _ to: String,
        hops: Datum = .emptyMap,
        kind: Datum = "near"
    )
        -> TableUpdates.Change
    {
        .insert(
            [Datum(.string(from)), Datum(.string(to)), hops, kind].enumerated().map {
                .init(position: $0, value: $1)
            }
        )
    }

    @Test("an index of several columns finds its row through every change, in whatever order the columns are named")
    func composite() throws {
        var replica = Replica(schema: Self.schema)
        try replica.apply(Self.updates(("Route", 1, Self.route("a", "b")), ("Route", 2, Self.route("b", "a"))))
        #expect(replica["Route"].indexes.map(\.positions) == [[1, 0]])
        #expect(replica["Route"].first(where: ["from": "a", "to": "b"])?.uuid == row(1))
        #expect(replica["Route"].first(where: ["to": "a", "from": "b"])?.uuid == row(2))
        // Two rows change places in one transaction.
        let swapped: (String, String) -> TableUpdates.Change = { from, to in
            .modify([.init(position: 0, value: Datum(.string(from))), .init(position: 1, value: Datum(.string(to)))])
        }
        try replica.apply(Self.updates(("Route", 1, swapped("b", "a")), ("Route", 2, swapped("a", "b"))))
        #expect(replica["Route"].first(where: ["from": "a", "to": "b"])?.uuid == row(2))
        #expect(replica["Route"].first(where: ["from": "b", "to": "a"])?.uuid == row(1))
        try replica.apply(Self.updates(("Route", 2, .delete)))
        #expect(replica["Route"].first(where: ["from": "a", "to": "b"]) == nil)
        #expect(replica.inconsistencies() == [])
    }

    @Test("what no index is on is found by looking, and what is no column is not found")
    func scanned() throws {
        var replica = Replica(schema: Self.schema)
        try replica.apply(Self.updates(("Route", 1, Self.route("a", "b", kind: "far"))))
        #expect(replica["Route"].first(where: ["kind": "far"])?.uuid == row(1))
        #expect(replica["Route"].first(where: ["kind": "far", "from": "b"]) == nil)
        #expect(replica["Route"].first(where: ["colour": "red"]) == nil)
        #expect(replica["Nowhere"].first(where: ["kind": "far"]) == nil)
    }

    @Test("references are followed to the rows they name, of keys and values alike")
    func traversal() throws {
        var replica = Replica(schema: Self.schema)
        let hops = Datum(map: [.init(.uuid(row(5)), .uuid(row(1))), .init(.uuid(row(6)), .uuid(row(9)))])
        try replica.apply(
            Self.updates(
                ("Route", 1, Self.route("a", "b", hops: hops)),
                ("Hop", 5, .insert([.init(position: 0, value: "h")]))
            )
        )
        let route = try #require(replica["Route"][row(1)])
        #expect(replica.referenced(by: route, "hops").map(\.uuid) == [row(5), row(1)])
        #expect(replica.referenced(by: route, "from").isEmpty && replica.referenced(by: route, "x").isEmpty)
        #expect(replica.inconsistencies(isWhole: false) == [])
        let place = "Route \(row(1)) hops"
        #expect(
            replica.inconsistencies() == [
                "\(place): no row \(row(6)) in Hop", "\(place): no row \(row(9)) in Route",
            ]
        )
    }

    @Test(
        "a value that its column can't have and an index that does not fit are told",
        arguments: [
            (Self.updates(("Route", 1, Self.route("a", "b", kind: "blue"))), "blue is not allowed"),
            (Self.updates(("Route", 1, Self.route("a", "b", kind: 5))), "5 is not allowed"),
            (Self.updates(("Route", 1, Self.route("a", "b", kind: .emptyMap))), "a map"),
            (Self.updates(("Route", 1, Self.route("a", "b", hops: ["x"]))), "not a map"),
            (Self.updates(("Route", 1, Self.route("a", "b", kind: ["far", "near"]))), "2 elements"),
            (
                Self.updates(("Route", 1, Self.route("a", "b")), ("Route", 2, Self.route("a", "b"))),
                "indexed by to, from"
            ),
        ]
    )
    func inconsistent(updates: TableUpdates, fault: String) throws {
        var replica = Replica(schema: Self.schema)
        try replica.apply(updates)
        let found = replica.inconsistencies()
        #expect(found.contains { $0.contains(fault) }, "\(found)")
    }
}
