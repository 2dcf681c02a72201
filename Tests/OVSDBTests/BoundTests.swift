import JSONRPC
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSDB

/// How much a server may make a client hold, and what comes of a stream in which anything may be broken.
@Suite(.timeLimit(.minutes(3))) struct BoundTests {
    private typealias Manner = ScriptedPeer.Manner

    private static func snapshot(rows: Int, nameLength: Int) -> String {
        let name = String(repeating: "n", count: nameLength)
        let rows = (0..<rows).map { #""\#(row($0))":{"initial":{"name":"\#(name)\#($0)"}}"# }.joined(separator: ",")
        return #"{"id":ID,"result":[false,"\#(row(100))",{"T":{\#(rows)}}],"error":null}"#
    }

    @Test("by itself a client takes a snapshot of 1 GiB, and of all else 64 MiB")
    func defaults() {
        let configuration = OVSDBClient.Configuration(remotes: [], database: "db", followed: [])
        #expect(configuration.longestSnapshot == 1024 * 1024 * 1024)
        #expect(configuration.longestMessage == 64 * 1024 * 1024)
        #expect(MessageFramer.Limits(length: 1).depth == 1000)
    }

    @Test(
        "a snapshot may be longer than any row of it and than any other message, and each has its bound",
        arguments: [
            (snapshot(rows: 40, nameLength: 9_000), nil),
            (snapshot(rows: 120, nameLength: 9_000), "longer than 1000000 bytes"),
            (snapshot(rows: 1, nameLength: 200_000), "a row of a table is longer than 100000 bytes"),
            (#"{"id":ID,"result":[false,"\#(String(repeating: "x", count: 200_000))"#, "longer than 100000 bytes"),
            (
                Manner.snapshot(#"{"name":"x"}"#)
                    + Manner.update(#"{"name":"\#(String(repeating: "x", count: 200_000))"}"#),
                "message is longer than 100000 bytes"
            ),
            (
                Manner.snapshot(#"{"name":"x"}"#)
                    + #"{"id":null,"method":"echo","params":["\#(String(repeating: "x", count: 99_000))"]}"#, nil
            ),
        ] as [(String, String?)]
    )
    func bounds(answer: String, reason: String?) async throws {
        try await ScriptedPeer.with([.monitor(answer), .good("new")]) { peer in
            var configuration = TransactingClient.configuration(peer)
            configuration.longestSnapshot = 1_000_000
            let client = try await TransactingClient.start(configuration)
            if let reason {
                let error = try #require(await client.disconnected()).error
                #expect(error.description.contains(reason), "\(error)")
                #expect(await client.has("new+"))
            } else {
                for await report in client.reports { if case .synced = report.event { break } }
                // A call's failure would say that the connection is gone.
                #expect(try await client.client.call("echo", []) == [])
            }
            await client.finish()
        }
    }

    @Test("a stream in which anything is broken costs a connection at most", arguments: 0..<8)
    func garbled(part: Int) async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Seeded(state: seed)
        // As a client's requests on its first connection are numbered.
        let whole = [
            #"{"id":2,"result":\#(ScriptedPeer.schema),"error":null}"#,
            #"{"id":3,"result":{"locked":true},"error":null}"#,
            #"{"id":4,"result":[false,"\#(row(100))",{"T":{"\#(row(1))":{"initial":{"name":"a","more":["set",["x","é"]]}},"\#(row(2))":{"initial":{"name":"b","number":-5}}}}],"error":null}"#,
            #"{"id":5,"result":{},"error":null}"#,
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(101))",{"T":{"\#(row(1))":{"modify":{"more":"y"}},"\#(row(3))":{"insert":{"name":"\"\\\u{1}c"}}}}]}"#,
            #"{"id":1,"result":[{}],"error":null}"#,
            #"{"id":null,"method":"update3","params":["ovsdb","\#(row(102))",{"T":{"\#(row(2))":{"delete":null}}}]}"#,
        ]
        let bytes = Array(whole.joined(separator: "\n").utf8)
        for number in 0..<40 {
            var manner = Manner()
            manner.greeting = bytes.garbled(using: &random)
            (manner.length, manner.ending) = (manner.greeting.count, .close)
            try await ScriptedPeer.with([manner, .good("new")]) { peer in
                let client = try await TransactingClient.start(TransactingClient.configuration(peer))
                #expect(await client.has("new+"), "seed \(seed), stream \(number)")
                await client.finish()
            }
        }
    }
}

extension [UInt8] {
    /// These bytes with one to three of their parts lost, doubled, replaced or moved.
    fileprivate func garbled(using random: inout Seeded) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let part = start..<Swift.min(bytes.count, start + Int.random(in: 1...40, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[start] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes[start] = #"{}[]",:\0-9et"#.utf8.randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(part)
            case 3: bytes.insert(contentsOf: bytes[part], at: part.upperBound)
            case 4: bytes.insert(contentsOf: bytes[part], at: Int.random(in: 0...bytes.count, using: &random))
            default: bytes[part].reverse()
            }
            if bytes.isEmpty { return self }
        }
        return bytes
    }
}
