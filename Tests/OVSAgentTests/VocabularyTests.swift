import Glibc
import JSONRPC
import Testing

@testable import OVSAgent
@testable import OVSDB

@Suite("The vocabulary of the database")
struct VocabularyTests {
    private static let tables = ReplicaColumns.tables + [Mirror.table]

    @Test("every table and column that the agent knows is in the installed schema", .enabled(if: isInstalled))
    func installed() throws {
        let installed = try Self.installedSchema()
        for vocabulary in Self.tables {
            let table = try #require(installed.tables[vocabulary.name], "\(vocabulary.name)")
            for column in vocabulary.columns {
                let position = try #require(table.position(of: column.name), "\(vocabulary.name): \(column.name)")
                #expect(table.position(of: column) == position)
            }
        }
    }

    @Test("every installed column is known as configuration or as status, not as both", .enabled(if: isInstalled))
    func covered() throws {
        let installed = try Self.installedSchema()
        #expect(ConfigurationColumns.unknown(in: installed).isEmpty)
        for table in ReplicaColumns.tables {
            let known = Set(installed.tables[table.name]?.columns.map(\.name).filter { !$0.hasPrefix("_") } ?? [])
            #expect(known == Set(table.columns.map(\.name)), "\(table.name)")
            #expect(Set(table.columns).count == table.columns.count, "\(table.name)")
        }
    }

    @Test("what is read of any row has the same number in all tables")
    func common() {
        for table in [Bridge.table, Port.table, Interface.table] {
            for column in [Column.externalIDs, .rowName] { #expect(table.columns[column.ordinal].name == column.name) }
        }
    }

    @Test("a column is read the same with the vocabulary resolved, without it, and where the server lacks it")
    func reading() throws {
        let columns = ["tag", "external_ids", "name"].compactMap { PlanSchema.whole.tables["Port"]?[$0] }
        let bare = TableSchema(name: "Port", columns: columns)
        let resolved = TableSchema(name: "Port", columns: columns, vocabulary: Port.table)
        for schema in [bare, resolved] {
            #expect(schema.position(of: Port.tag) == 0)
            #expect(schema.position(of: Port.externalIDs) == 1)
            #expect(schema.position(of: Port.name) == 2)
            #expect(schema.position(of: Port.trunks) == nil)
        }
    }

    @Test("columns that an older server lacks are told once, by table")
    func lacking() {
        let former = SchemaFindings(PlanSchema.whole)
        var older = PlanSchema.whole
        for (name, gone) in [("Port", ["tag", "bond_mode"]), ("Interface", ["options"])] {
            let columns = older.tables[name]?.columns.filter { !gone.contains($0.name) } ?? []
            older.tables[name] = TableSchema(name: name, columns: columns)
        }
        let found = SchemaFindings(older)
        let news = found.news(since: former)
        #expect(news.count == 2)
        #expect(news.contains { $0.contains("table Port that this server lacks") && $0.contains("bond_mode") })
        #expect(news.contains { $0.contains("table Interface that this server lacks") && $0.contains("options") })
        #expect(found.news(since: found) == [] && found.unknown == former.unknown)
    }

    private static let path = "/usr/share/openvswitch/vswitch.ovsschema"
    private static let isInstalled = access(path, R_OK) == 0

    private static func installedSchema() throws -> DatabaseSchema {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return try bytes[..<count].withUnsafeBytes { try withJSON($0) { try DatabaseSchema($0) } }
    }
}
