import JSONRPC
import OVSDB
import Testing

@testable import OVSAgent

/// A database in memory that is written as text and can execute a plan's operations, with the server's rules that
/// matter to plans: guards, references, garbage collection, at least one interface a port, unique names at the end.
///
///     bridge br0 fail_mode=standalone other_config:hwaddr=02:00:00:00:00:01
///       port br0 tag=5              (a port without interface lines has one of its own name)
///         interface br0 type=internal
///       port &eth0                  (refers to a row that stands further up)
///       controller tcp:192.0.2.1
struct PlanDatabase: CustomStringConvertible {
    struct Key: Hashable {
        var table: String
        var uuid: UUID
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var rows: [Key: [String: Datum]] = [:]
    private var made = 0

    init(_ text: String = "", hasRoot: Bool = true) {
        guard hasRoot else { return }
        let root = add("Open_vSwitch", [:])
        var bridge: Key?
        var port: Key?
        func close(_ rows: inout PlanDatabase) {
            guard let open = port, rows.rows[open]?["interfaces"] == nil else { return }
            let name = rows.rows[open]?["name"]?.string ?? ""
            let type = bridge.flatMap { rows.rows[$0]?["name"] } == Datum(.string(name)) ? "internal" : ""
            let interface = rows.add("Interface", ["name": Datum(.string(name)), "type": Datum(.string(type))])
            rows.refer(open, "interfaces", interface)
        }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count > 1 else { continue }
            switch words[0] {
            case "root":
                for word in words.dropFirst() { set(root, word) }
            case "bridge":
                close(&self)
                port = nil
                let new = row("Bridge", words)
                refer(root, "bridges", new)
                bridge = new
            case "port":
                close(&self)
                let new = row("Port", words)
                if let bridge { refer(bridge, "ports", new) }
                port = new
            case "interface":
                if let port { refer(port, "interfaces", row("Interface", words)) }
            case "controller":
                if let bridge { refer(bridge, "controller", add("Controller", ["target": Datum(.string(words[1]))])) }
            default: Issue.record("what is \(line)?")
            }
        }
        close(&self)
    }

    // MARK: Reading

    func uuid(_ table: String, _ name: String) -> UUID? {
        rows.first { $0.key.table == table && $0.value["name"]?.string == name }?.key.uuid
    }

    func names(_ table: String) -> [String] {
        rows.filter { $0.key.table == table }.compactMap { $0.value["name"]?.string }.sorted()
    }

    /// A column, or one key as in `other_config:hwaddr`, as text; `nil` where the row, the value or the key is absent.
    subscript(_ table: String, _ name: String, _ column: String) -> String? {
        guard let uuid = uuid(table, name), let row = rows[Key(table: table, uuid: uuid)] else { return nil }
        let words = column.split(separator: ":", maxSplits: 1).map(String.init)
        let value = row[words[0]] ?? defaultValue(table, words[0])
        if words.count == 2 { return value[words[1]] }
        return value.isEmpty ? nil : value.description
    }

    /// The names of what a row refers to, sorted.
    func children(_ table: String, _ name: String) -> [String] {
        guard let uuid = uuid(table, name), let row = rows[Key(table: table, uuid: uuid)] else { return [] }
        let (column, child) = table == "Bridge" ? ("ports", "Port") : ("interfaces", "Interface")
        return (row[column]?.uuids ?? []).map { rows[Key(table: child, uuid: $0)]?["name"]?.string ?? "?" }.sorted()
    }

    var replica: Replica {
        var replica = Replica(schema: PlanSchema.followed)
        let inserts = rows.map { key, row in
            let values = row.compactMap { column, value in
                PlanSchema.followed.tables[key.table]?.position(of: column)
                    .map { TableUpdates.ColumnValue(position: $0, value: value) }
            }
            return TableUpdates.RowUpdate(table: key.table, uuid: key.uuid, change: .insert(values))
        }
        #expect(throws: Never.self) { try replica.apply(TableUpdates(rows: inserts)) }
        return replica
    }

    var description: String {
        names("Bridge").map { bridge in
            "bridge \(bridge)\n"
                + children("Bridge", bridge).map { "  port \($0): \(children("Port", $0).joined(separator: " "))\n" }
                .joined()
        }.joined()
    }

    // MARK: Editing, as others do

    /// Sets a column, or one key of a map.
    mutating func set(_ table: String, _ name: String, _ assignment: String) {
        guard let uuid = uuid(table, name) else {
            Issue.record("no \(table) \(name)")
            return
        }
        set(Key(table: table, uuid: uuid), assignment)
    }

    /// Hooks ports, written as in ``init(_:hasRoot:)``, into a bridge that stands.
    mutating func addPorts(_ bridge: String, _ text: String) {
        guard let uuid = uuid("Bridge", bridge) else { return }
        var key: Key?
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "port" {
                let port = row("Port", words)
                refer(Key(table: "Bridge", uuid: uuid), "ports", port)
                key = port
                if text.contains("\n") || words[1].hasPrefix("&") { continue }
                refer(port, "interfaces", add("Interface", ["name": Datum(.string(words[1]))]))
            } else if let key {
                refer(key, "interfaces", row("Interface", words))
            }
        }
    }

    /// Adds a bridge with ports.
    mutating func addBridge(_ text: String) {
        let lines = text.split(separator: "\n").map(String.init)
        guard let root = rows.keys.first(where: { $0.table == "Open_vSwitch" }) else { return }
        let words = lines[0].split(separator: " ").map(String.init)
        refer(root, "bridges", row("Bridge", words))
        for line in lines.dropFirst() { addPorts(words[1], line) }
    }

    mutating func addInterfaces(_ port: String, _ text: String) {
        guard let uuid = uuid("Port", port) else { return }
        refer(
            Key(table: "Port", uuid: uuid),
            "interfaces",
            row("Interface", text.split(separator: " ").map(String.init))
        )
    }

    mutating func addController(_ bridge: String, _ target: String) {
        guard let uuid = uuid("Bridge", bridge) else { return }
        refer(Key(table: "Bridge", uuid: uuid), "controller", add("Controller", ["target": Datum(.string(target))]))
    }

    mutating func movePort(_ port: String, to bridge: String) {
        guard let row = uuid("Port", port), let place = uuid("Bridge", bridge) else { return }
        unhook(row)
        refer(Key(table: "Bridge", uuid: place), "ports", Key(table: "Port", uuid: row))
    }

    /// Takes a row out of what refers to it, so that it goes.
    mutating func remove(_ table: String, _ name: String) {
        guard let row = uuid(table, name) else {
            Issue.record("no \(table) \(name)")
            return
        }
        unhook(row)
        collectGarbage()
    }

    private mutating func unhook(_ row: UUID) {
        for (key, columns) in rows {
            for (column, value) in columns where value.contains(.uuid(row)) {
                let rest = Datum(set: value.atoms.filter { $0 != .uuid(row) })
                rows[key]?[column] = rest
                // The server has no port without an interface.
                if key.table == "Port", rest.isEmpty { unhook(key.uuid) }
            }
        }
    }

    // MARK: Executing

    /// Commits, or throws and changes nothing.
    mutating func commit(_ operations: [OVSDB.Operation]) throws {
        var next = self
        var symbols: [String: UUID] = [:]
        for case .insert(_, _, let name?) in operations {
            next.made += 1
            symbols[name] = Self.uuid(next.made)
        }
        for operation in operations { try next.execute(operation, symbols) }
        next.collectGarbage()
        try next.check()
        self = next
    }

    private mutating func execute(_ operation: OVSDB.Operation, _ symbols: [String: UUID]) throws {
        func resolve(_ datum: Datum) throws -> Datum {
            if datum.isMap { return datum }
            return Datum(
                set: try datum.atoms.map { atom in
                    guard case .namedUUID(let symbol) = atom else { return atom }
                    guard let uuid = symbols[symbol] else { throw Failure(description: "no row named \(symbol)") }
                    return .uuid(uuid)
                }
            )
        }
        func target(_ table: String, _ conditions: [Condition]) throws -> Key? {
            guard conditions.count == 1, conditions[0].column == "_uuid", conditions[0].function == .equal,
                let uuid = try resolve(conditions[0].value).uuid
            else { throw Failure(description: "a plan finds rows by identity only") }
            let key = Key(table: table, uuid: uuid)
            return rows[key] == nil ? nil : key
        }
        switch operation {
        // Mirrors are of no table of this schema; a real server shows what becomes of them.
        case .mutate("Mirror", _, _), .update("Mirror", _, _): break
        case .insert(let table, let row, let name):
            guard let uuid = symbols[name ?? ""] else { throw Failure(description: "insert without a name") }
            rows[Key(table: table, uuid: uuid)] = try row.mapValues(resolve)
        case .wait(let table, let conditions, let columns, let equal, let wanted, let timeout):
            guard timeout == 0, equal, wanted.count == 1 else { throw Failure(description: "a guard that waits") }
            guard let key = try target(table, conditions) else { throw Failure(description: "guard: no row") }
            for column in columns where (rows[key]?[column] ?? defaultValue(table, column)) != wanted[0][column] {
                throw Failure(description: "guard: \(table) \(column)")
            }
        case .update(let table, let conditions, let row):
            guard let key = try target(table, conditions) else { return }
            for (column, value) in row { rows[key]?[column] = try resolve(value) }
        case .mutate(let table, let conditions, let mutations):
            guard let key = try target(table, conditions) else { return }
            for mutation in mutations { try mutate(key, mutation, resolve(mutation.value)) }
        case .select, .comment, .assert: break
        default: throw Failure(description: "unexpected \(operation)")
        }
    }

    private mutating func mutate(_ key: Key, _ mutation: Mutation, _ value: Datum) throws {
        let before = rows[key]?[mutation.column] ?? defaultValue(key.table, mutation.column)
        let after: Datum
        switch (mutation.mutator, before.isMap) {
        case (.add, _): after = Datum(.integer((before.integer ?? 0) + (value.integer ?? 0)))
        case (.insert, true): after = Datum(map: value.entries + before.entries)
        case (.insert, false): after = Datum(set: before.atoms + value.atoms)
        case (.delete, true): after = Datum(map: before.entries.filter { !value.contains($0.key) })
        case (.delete, false): after = Datum(set: before.atoms.filter { !value.contains($0) })
        default: throw Failure(description: "unexpected \(mutation)")
        }
        if mutation.column == "interfaces", after.isEmpty { throw Failure(description: "a port without interface") }
        rows[key]?[mutation.column] = after
    }

    private mutating func collectGarbage() {
        while true {
            let referred = Set(rows.values.flatMap { $0.values.flatMap(\.uuids) })
            let dead = rows.keys.filter { $0.table != "Open_vSwitch" && !referred.contains($0.uuid) }
            if dead.isEmpty { return }
            for key in dead { rows[key] = nil }
        }
    }

    private func check() throws {
        var seen: Set<String> = []
        let uuids = Set(rows.keys.map(\.uuid))
        for (key, row) in rows {
            if let name = row["name"]?.string, !seen.insert("\(key.table) \(name)").inserted {
                throw Failure(description: "two rows \(key.table) \(name)")
            }
            for (column, value) in row {
                guard PlanSchema.whole.tables[key.table]?.position(of: column) != nil else {
                    throw Failure(description: "no column \(column)")
                }
                guard value.uuids.allSatisfy(uuids.contains) else {
                    throw Failure(description: "\(key.table) \(column) refers to no row")
                }
            }
            if key.table == "Port", row["interfaces"]?.isEmpty ?? true {
                throw Failure(description: "a port without interface")
            }
        }
    }

    // MARK: Writing rows

    private mutating func row(_ table: String, _ words: [String]) -> Key {
        if words[1].hasPrefix("&") {
            return uuid(table, String(words[1].dropFirst())).map { Key(table: table, uuid: $0) } ?? add(table, [:])
        }
        let key = add(table, ["name": Datum(.string(words[1]))])
        for word in words.dropFirst(2) { set(key, word) }
        return key
    }

    private mutating func add(_ table: String, _ row: [String: Datum]) -> Key {
        made += 1
        let key = Key(table: table, uuid: Self.uuid(made))
        rows[key] = row
        return key
    }

    private mutating func refer(_ key: Key, _ column: String, _ child: Key) {
        let before = rows[key]?[column]?.atoms ?? []
        rows[key]?[column] = Datum(set: before + [.uuid(child.uuid)])
    }

    private mutating func set(_ key: Key, _ assignment: String) {
        let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let column = parts[0].split(separator: ":", maxSplits: 1).map(String.init)
        guard let type = PlanSchema.whole.tables[key.table]?[column[0]]?.type, parts.count == 2 else {
            Issue.record("no column \(assignment)")
            return
        }
        if column.count == 2 {
            let entries = (rows[key]?[column[0]]?.entries ?? []) + [Datum.Entry(.string(column[1]), .string(parts[1]))]
            rows[key]?[column[0]] = Datum(map: entries)
        } else if parts[1].isEmpty {
            rows[key]?[column[0]] = type.defaultValue
        } else {
            rows[key]?[column[0]] = Datum(
                set: parts[1].split(separator: ",").map { text in
                    switch type.key.kind {
                    case .integer: .integer(Int64(text) ?? -1)
                    case .boolean: .boolean(text == "true")
                    default: .string(String(text))
                    }
                }
            )
        }
    }

    private func defaultValue(_ table: String, _ column: String) -> Datum {
        PlanSchema.whole.tables[table]?[column]?.type.defaultValue ?? .emptySet
    }

    private static func uuid(_ number: Int) -> UUID {
        let digits = String(number, radix: 16)
        let text = "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
        return UUID(text) ?? .zero
    }
}
