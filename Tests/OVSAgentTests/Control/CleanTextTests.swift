import JSONRPC
import Logging
import TestSupport
import Testing

@testable import OVSAgent

/// What somebody else named reaches people on one line, without commands to a terminal and in the direction it is read.
struct CleanTextTests {
    /// Of each kind that steers rather than shows: controls, line ends, directions, what nobody sees.
    static let steering: [Unicode.Scalar] = [
        "\n", "\r", "\t", "\0", "\u{7}", "\u{1B}", "\u{7F}", "\u{85}", "\u{9B}", "\u{2028}", "\u{2029}", "\u{61C}",
        "\u{200E}", "\u{200F}", "\u{202A}", "\u{202B}", "\u{202C}", "\u{202D}", "\u{202E}", "\u{2066}", "\u{2067}",
        "\u{2068}", "\u{2069}", "\u{AD}", "\u{200B}", "\u{200C}", "\u{200D}", "\u{2060}", "\u{FEFF}", "\u{180E}",
        "\u{3164}", "\u{115F}", "\u{E0041}", "\u{FFF9}",
    ]

    /// A port's name that wants to be a line of its own, and be read backwards.
    static let hostile = "a\n  ! forged\r\u{1B}[31m\u{202E}b\u{200B}c\u{2028}d"
    static let cleaned = "a   ! forged  [31m b c d"

    @Test("whatever steers becomes a blank, and all else stays", arguments: steering)
    func scalars(scalar: Unicode.Scalar) {
        #expect("a\(scalar)b".onOneLine == "a b", "U+\(String(scalar.value, radix: 16))")
        #expect("a\(scalar)b".onLines == (scalar == "\n" ? "a\nb" : "a b"))
    }

    @Test(
        "names in any script stay as they are",
        arguments: ["vnet0", "Produktion-Süd", "网络", "شبكة", "e\u{301}t", "☁"]
    )
    func scripts(name: String) { #expect(name.onOneLine == name) }

    @Test("random text is one line without anything that steers", arguments: 0..<50 as Range<UInt64>)
    func random(seed: UInt64) {
        var random = Seeded(state: seed)
        let text = String(
            String.UnicodeScalarView(
                (0..<40).compactMap { _ in
                    Bool.random(using: &random)
                        ? Self.steering.randomElement(using: &random)
                        : Unicode.Scalar(UInt32.random(in: 0x20...0x3000, using: &random))
                }
            )
        )
        let clean = text.onOneLine
        #expect(clean.unicodeScalars.count == text.unicodeScalars.count, "seed \(seed)")
        #expect(!clean.unicodeScalars.contains { Self.steering.contains($0) }, "seed \(seed)")
        #expect(clean.onOneLine == clean)
    }

    /// Every text that the daemon answers with, about something of this name.
    private static func texts(_ name: String) throws -> [(what: String, text: any ReadableText)] {
        let lane = try #require(Lane(0))
        let layout = Layout(virtualSwitches: [Layout.VirtualSwitch(name: name, lane: lane)])
        // A name that no text of a database in these tests could hold.
        let port = Topology.Port(name: name, vlans: .init(network: name), interfaceID: name, mac: name, role: name)
        let entry = VMListing.Entry(
            port: port,
            lane: lane,
            vm: name,
            vmName: name,
            service: .unserved(.init(name, details: [name], remedy: name))
        )
        let switches = [
            Topology.VirtualSwitch(
                name: name,
                lane: lane,
                bridge: name,
                bridgePresent: true,
                uplink: .init(
                    name: name,
                    present: true,
                    members: [.init(name: name, linkUp: true, speedMbps: nil, enabled: true)]
                ),
                hostPort: port,
                directPorts: [port],
                chain: [
                    .init(
                        wireSide: .init(name: name, present: true),
                        vmSide: .init(name: name, present: true),
                        bridge: name,
                        bridgePresent: true
                    )
                ],
                vmPorts: [entry]
            )
        ]
        let status = Status(
            state: .degraded,
            reasons: [.init(name, details: [name], remedy: name)],
            warnings: [name],
            pid: 1,
            database: .init(remote: name, connected: true),
            layout: .init(path: name, digest: name),
            virtualSwitches: [
                .init(
                    name: name,
                    bridge: name,
                    uplink: .init(
                        name: name,
                        isPresent: true,
                        mode: name,
                        lacp: name,
                        lacpStatus: .off,
                        members: [.init(name: name, linkUp: true, enabled: true)]
                    ),
                    bridges: [.init(bridge: name, present: true)]
                )
            ],
            chain: [.init(bridge: name, present: true)]
        )
        var journal = Journal(instance: "run")
        journal.append(
            .init(.drift, object: "Port \(name)", column: name, found: name, wanted: name, reason: name),
            at: Timestamp(microseconds: 0)
        )
        let plan = PlanAnswer(
            lines: [Change(.add, "Port \(name)", name, wanted: name).description],
            changes: [[:]],
            notes: [name]
        )
        let database = PlanDatabase("bridge br0.local\n port br0.local\n bridge br0\n")
        let question = Result { () throws(CommandFailure) in
            try TraceQuestion(
                port: name,
                frame: name,
                replica: database.replica,
                layout: layout,
                chain: ChainStanding()
            )
        }
        guard case .failure(let unknownPort) = question else { throw CommandFailure("a port of that name") }
        return [
            ("status", status), ("show", Topology(virtualSwitches: switches)), ("vms", VMListing(ports: [entry])),
            ("events", journal.excerpt(since: 0)), ("plan", plan.answer), ("trace's error", unknownPort),
            ("a command's error", CommandFailure(name)),
            ("reload's error", CommandFailure(LayoutRejection(findings: [name, name]))),
            ("an unknown command", CommandFailure(name)),
        ]
    }

    @Test("a hostile name makes no line of its own in any answer, and leads no eye astray")
    func answers() throws {
        let plain = try Self.texts("vnet0")
        for (hostile, plain) in zip(try Self.texts(Self.hostile), plain) {
            let text = hostile.text.text
            #expect(text.contains(Self.cleaned), "\(hostile.what): \(text)")
            #expect(!text.unicodeScalars.contains { $0 != "\n" && Self.steering.contains($0) }, "\(hostile.what)")
            #expect(
                text.split(separator: "\n", omittingEmptySubsequences: false).count
                    == plain.text.text.split(separator: "\n", omittingEmptySubsequences: false).count,
                "\(hostile.what): \(text)"
            )
        }
    }
}
