import JSONRPC
import OpenFlow
import TestSupport
import Testing

@testable import OVSAgent

/// Who came, spoke, moved and went, in which order.
@Suite("Claims") struct ClaimsTests {
    private static let (a, b) = (UUID.random(), UUID.random())
    private static let mac = EthernetAddress(rawValue: 0x02_00_00_00_00_0a)
    private static let other = EthernetAddress(rawValue: 0x02_00_00_00_00_0b)

    @Test("a port is expected, speaks, is elsewhere, speaks again, and goes")
    func life() {
        var claims = Claims()
        // Of a port that nobody knows.
        expect(!claims.spoke(Self.a))
        expect(!claims.moved(Self.a))
        expect(claims.came(Self.a, address: Self.mac) == .expected(since: 1))
        expect(claims.came(Self.a, address: Self.mac) == .expected(since: 1))
        // It was never here.
        expect(!claims.moved(Self.a))
        expect(claims.spoke(Self.a))
        #expect(claims[Self.a] == .present(since: 2))
        let version = claims.version
        expect(!claims.spoke(Self.a))
        #expect(claims.version == version)
        expect(claims.moved(Self.a))
        #expect(claims[Self.a] == .expected(since: 3))
        expect(claims.spoke(Self.a))
        expect(claims.went(Self.a))
        expect(!claims.went(Self.a))
        #expect(claims[Self.a] == nil && claims.version > version)
        expect(claims.came(Self.a, address: Self.mac) == .expected(since: 5))
    }

    @Test("a port that declares another MAC is another VM's, and one without a MAC never speaks with it")
    func address() {
        var claims = Claims()
        _ = claims.came(Self.a, address: Self.mac)
        expect(claims.spoke(Self.a))
        expect(claims.came(Self.a, address: Self.other) == .expected(since: 3))
        _ = claims.came(Self.b, address: nil)
        expect(!claims.spoke(Self.b))
    }

    @Test("whoever has spoken is before who has not, and then whoever came or spoke earlier", arguments: 1...20)
    func order(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let ports = (0..<6).map { _ in UUID.random() }
        var claims = Claims()
        var (plugged, spoken): ([UUID], [UUID]) = ([], [])
        for _ in 0..<60 {
            let port = ports.randomElement(using: &random)!
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                _ = claims.came(port, address: Self.mac)
                if !plugged.contains(port), !spoken.contains(port) { plugged.append(port) }
            case 1:
                if claims.spoke(port) { (plugged, spoken) = (plugged.filter { $0 != port }, spoken + [port]) }
            case 2:
                if claims.moved(port) { (plugged, spoken) = (plugged + [port], spoken.filter { $0 != port }) }
            default:
                claims.went(port)
                (plugged, spoken) = (plugged.filter { $0 != port }, spoken.filter { $0 != port })
            }
            // A restart in between changes nothing.
            if random.chance(4) { claims = Claims(bytes: claims.bytes)! }
            let sorted = claims.claims.sorted { $0.value.presence < $1.value.presence }.map(\.key)
            #expect(sorted == spoken + plugged, "seed \(seed)")
        }
    }

    @Test("what is kept is read as it was, and nothing else is")
    func kept() {
        var claims = Claims()
        _ = claims.came(Self.a, address: Self.mac)
        _ = claims.came(Self.b, address: nil)
        expect(claims.spoke(Self.a))
        #expect(Claims(bytes: claims.bytes)?.claims == claims.claims)
        #expect(Claims(bytes: [])?.claims == [:])
        let line = "\(Self.a) 02:00:00:00:00:0a present 3"
        #expect(Claims(bytes: Array("\(line)\n".utf8)) != nil)
        for damaged in [
            line, "\(line) 4\n", "x\(line)\n", "\(Self.a) 02:00 present 3\n", "\(Self.a) - absent 3\n",
            "\(Self.a) - present -3\n", "\(Self.a) - present\n", "\u{0}\n",
        ] {
            #expect(Claims(bytes: Array(damaged.utf8)) == nil, "\(damaged)")
        }
    }
}
