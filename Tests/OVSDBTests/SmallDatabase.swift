import Glibc
import TestSupport
import Testing

@testable import OVSDB

/// A database `small` of one table beside the switch's own, on a real server, that a test may convert and take away.
enum SmallDatabase {
    static let columns = [
        #""name":{"type":"string"}"#, #""number":{"type":"integer"}"#, #""real":{"type":"real"}"#,
        #""flag":{"type":"boolean"}"#,
        #""choice":{"type":{"key":{"type":"integer","enum":["set",[-1,0,1]]}}}"#,
        #""optional":{"type":{"key":"string","min":0}}"#,
        #""some":{"type":{"key":"string","min":1,"max":"unlimited"}}"#,
        #""tags":{"type":{"key":"string","min":0,"max":"unlimited"}}"#,
        #""ids":{"type":{"key":"uuid","min":0,"max":4}}"#,
        #""options":{"type":{"key":"string","value":"string","min":0,"max":"unlimited"}}"#,
        #""pair":{"type":{"key":"string","value":"integer","min":0,"max":1}}"#,
        #""two":{"type":{"key":"integer","value":"real","min":1,"max":4}}"#,
    ]

    /// A client that follows all of it, and a column `more` where there is one.
    static func follow(_ body: (PrivateSwitch, FollowingDatabase) async throws -> Void) async throws {
        try await with { ovs in
            let database = try await follow(at: Remote(ovs.databaseRemote))
            #expect(await database.synced())
            try await body(ovs, database)
            try await database.finish()
        }
    }

    static func follow(at remote: Remote, lock: String? = nil) async throws -> FollowingDatabase {
        let names = columns.compactMap { $0.split(separator: "\"").first.map(String.init) }
        let followed = [FollowedTable("T", columns: names + ["more"])]
        return try await .start(remotes: [remote], database: "small", lock: lock, followed: followed)
    }

    static func with(_ body: (PrivateSwitch) async throws -> Void) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let path = "\(ovs.runFolder)/small"
            try write("1.0.0", columns, to: "\(path).ovsschema")
            try await ovs.check("ovsdb-tool", "create", "\(path).db", "\(path).ovsschema")
            try await control(ovs, "ovsdb-server/add-db", "\(path).db")
            try await body(ovs)
        }
    }

    static func convert(_ ovs: PrivateSwitch, to version: String, _ columns: [String]) async throws {
        let path = "\(ovs.runFolder)/next.ovsschema"
        try write(version, columns, to: path)
        try await ovs.check("ovsdb-client", "convert", ovs.databaseRemote, path)
    }

    static func control(_ ovs: PrivateSwitch, _ arguments: String...) async throws {
        let process = try #require(ovs.serverProcess)
        let socket = "\(ovs.runFolder)/ovsdb-server.\(process).ctl"
        let result = try await ovs.run("ovs-appctl", ["-t", socket] + arguments)
        #expect(result.exitCode == 0, "\(result.errorOutput)")
    }

    private static func write(_ version: String, _ columns: [String], to path: String) throws {
        let text = """
            {"name":"small","version":"\(version)","tables":{"T":{"isRoot":true,"indexes":[["name"]],
            "columns":{\(columns.joined(separator: ","))}}}}
            """
        try write(text, to: path)
    }

    /// Replaces a file's contents.
    static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }
}
