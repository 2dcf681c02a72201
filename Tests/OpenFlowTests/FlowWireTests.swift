import NIOCore
import TestSupport
import Testing

@testable import OpenFlow

/// Flows as bytes, against the layouts of OpenFlow 1.4, 7.2, and of Nicira's extensions as ovs-actions(7) and
/// ovs-fields(7) have them.
@Suite("flows on the wire")
struct FlowWireTests {
    @Test(
        "a match is a list of fields, padded",
        arguments: [
            (Match(), "0001 0004 00000000"),
            (Match(.inPort(7)), "0001 000a 0000 0002 0007 000000000000"),
            (Match(.register(1, 2, mask: 3)), "0001 0010 0001 0308 00000002 00000003"),
            (
                Match(.tcpDestination(80), .ipProtocol(.tcp), .ethernetType(.ipv4), .ctMark(1)),
                "0001 001d 8000 0a02 0800 0001 d604 00000001 8000 1401 06 8000 1c02 0050 000000"
            ),
            (Match(FieldMatch(.actionSetOutput, 5)), "0001 0010 ffff 5608 4f4e4600 00000005"),
        ]
    )
    func match(match: Match, hex: String) throws {
        var buffer = ByteBuffer()
        match.encode(into: &buffer)
        #expect(buffer == ByteBuffer(hex: hex), "\(buffer.hex)")
        #expect(try Match(decoding: &buffer) == match)
        #expect(buffer.readableBytes == 0)
    }

    @Test(
        "an action has its length in front and is padded",
        arguments: [
            (FlowAction.output(7), "0000 0010 00000007 0000 000000000000"),
            (.controller(), "0000 0010 fffffffd ffff 000000000000"),
            (.pushVLAN(), "0011 0008 8100 0000"), (.popVLAN, "0012 0008 00000000"), (.group(9), "0016 0008 00000009"),
            (.setVLAN(10), "0019 0010 8000 0c02 100a 000000000000"),
            (.setField(.register(1, 2, mask: 3)), "ffff 0018 00002320 0021 0001 0308 00000002 00000003 0000"),
            (
                .load(5, Subfield(.register(2), offset: 4, count: 8)),
                "ffff 0018 00002320 0007 0107 0001 0404 0000000000000005"
            ),
            (
                .move(from: Subfield(.ethernetSource), to: Subfield(.ethernetDestination)),
                "ffff 0018 00002320 0006 0030 0000 0000 0000 0406 0000 0206"
            ),
            (.outputField(Subfield(.register(0))), "ffff 0018 00002320 000f 001f 0001 0004 ffff 000000000000"),
            (.resubmit(port: 5), "ffff 0010 00002320 0001 0005 00000000"),
            (.resubmit(table: 5), "ffff 0010 00002320 000e fff8 05 000000"),
            (.clone([.popVLAN]), "ffff 0018 00002320 002a 000000000000 0012 0008 00000000"),
            (
                .ct(ConnectionTracking(commit: true, zone: .number(3), table: 4, exec: [.load(1, .ctMark)])),
                """
                ffff 0030 00002320 0023 0001 00000000 0003 04 000000 0000
                ffff 0018 00002320 0007 001f 0001 d604 0000000000000001
                """
            ),
            (
                .learn(
                    Learn(
                        table: 4,
                        hardTimeout: 9,
                        specs: [.match(.ethernetSource), .load(1, to: Subfield(.register(0)))]
                    )
                ),
                """
                ffff 0040 00002320 0010 0000 0009 8000 0000000000000000 0000 04 00 0000 0000
                0030 00000406 0000 00000406 0000 2820 00000001 00010004 0000 000000000000
                """
            ),
        ]
    )
    func action(action: FlowAction, hex: String) throws {
        var buffer = ByteBuffer()
        buffer.writeActions([action])
        #expect(buffer == ByteBuffer(hex: hex), "\(buffer.hex)")
        #expect(try [FlowAction](decoding: &buffer) == [action])
    }

    @Test(
        "what we do not know is kept, shown as such, and written back as it came",
        arguments: [
            // NAT, a future action, a known action on an unknown field, and one with bits beyond its field.
            ("0004 0018 00000000 ffff 0010 00002320 0024 000000000000", "action:0xffff001000002320"),
            ("0004 0010 00000000 0077 0008 01020304", "action:0x0077000801020304"),
            ("0004 0018 00000000 0019 0010 8000 7e02 1234 000000000000", "action:0x0019001080007e02"),
            ("0004 0020 00000000 ffff 0018 00002320 0007 07ff 0001 0404 0000000000000005", "action:0xffff0018"),
            ("0077 0010 0102030405060708 090a0b0c", "instruction:0x00770010010203"),
        ]
    )
    func unknown(hex: String, text: String) throws {
        var bytes = ByteBuffer(hex: hex)
        let instructions = try Instructions(decoding: &bytes)
        #expect(instructions.description.hasPrefix(text), "\(instructions)")
        var written = ByteBuffer()
        instructions.encode(into: &written)
        #expect(written == ByteBuffer(hex: hex))
    }

    @Test("an unknown field of a match is kept too")
    func unknownField() throws {
        let hex = "0001 001a 0000 0002 0007 0001 fe04 01020304 ffff 0204 00000009 000000000000"
        var bytes = ByteBuffer(hex: hex)
        let match = try Match(decoding: &bytes)
        #expect(match.description == "in_port=7,oxm_0x0001fe04=0x01020304,oxm_0xffff0204=0x00000009")
        var written = ByteBuffer()
        match.encode(into: &written)
        #expect(written == ByteBuffer(hex: hex))
    }

    @Test(
        "a field is understood by either of its names",
        arguments: [
            ("8000 0004 00000007", Match(.inPort(7))), ("8000 0004 fffffffe", Match(.inPort(SwitchPort.local))),
            ("8000 0c02 100a 8000 0e01 03", Match(.vlan(10), .vlanPriority(3))),
            ("8000 0d04 1000 1000", Match(.vlanTCI(0x1000, mask: 0x1000))),
            ("8001 0110 0000000100000002 ffffffff00000000", Match(.register(0, 1))),
            ("0000 0a01 b8", Match(FieldMatch(.ipDSCP, 46))),
            ("0000 0d0c 0102030405060000 ffffffff0000", nil),
            ("0000 0406 010203040506", Match(.ethernetSource(EthernetAddress(rawValue: 0x0102_0304_0506)))),
        ]
    )
    func names(fields: String, match: Match?) throws {
        let content = ByteBuffer(hex: fields)
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(UInt16(1), UInt16(content.readableBytes + 4))
        bytes.writeImmutableBuffer(content)
        bytes.pad(from: 0)
        guard let match else {
            // Ethernet addresses have six bytes.
            #expect(throws: OpenFlowError.self) { try Match(decoding: &bytes) }
            return
        }
        #expect(try Match(decoding: &bytes) == match)
    }

    @Test("a bundle is opened, filled and closed under transaction ids in a row")
    func bundle() throws {
        var buffer = ByteBuffer()
        let key = Flow.Key(table: 2, priority: 3, match: Match())
        try buffer.writeBundle(id: 9, [.add(Flow(table: 1, cookie: 5, goto: 2)), .deleteStrict(key)], firstXID: 100)
        let expected = """
            05210010 00000064 00000009 0000 0003
            05220050 00000065 00000009 0000 0003
            050e0040 00000065 0000000000000005 0000000000000000 01 00 0000 0000 8000 ffffffff ffffffff ffffffff 0000 0000
            0001 0004 00000000 0001 0008 02 000000
            05220048 00000066 00000009 0000 0003
            050e0038 00000066 0000000000000000 0000000000000000 02 04 0000 0000 0003 ffffffff ffffffff ffffffff 0000 0000
            0001 0004 00000000
            05210010 00000067 00000009 0002 0003
            """
        #expect(buffer == ByteBuffer(hex: expected), "\(buffer.hex)")
    }

    @Test("every flow comes out of its bytes as it went in")
    func roundTrip() throws {
        for flow in FlowTable.flows {
            var bytes = Self.entry(flow)
            #expect(try FlowEntry(decoding: &bytes).flow == flow)
            #expect(bytes.readableBytes == 0)
        }
    }

    @Test("garbage in a flow is an error or another flow, never more than that", arguments: 0..<40 as Range<UInt64>)
    func garbage(run: UInt64) throws {
        let seed = run &* 0x5851_f42d_4c95_7f2d &+ UInt64.random(in: 0..<1 << 32)
        var random = Seeded(state: seed)
        for flow in FlowTable.flows {
            var bytes = Array(Self.entry(flow).readableBytesView)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // The length in front stays, so that the inside is looked at.
                bytes[.random(in: 2..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            var buffer = ByteBuffer(bytes: bytes)
            guard let read = try? FlowEntry(decoding: &buffer).flow else { continue }
            #expect(!read.description.isEmpty)
            // What is read can be written, and read again as the same.
            var again = Self.entry(read)
            #expect(try FlowEntry(decoding: &again).flow == read, "seed \(seed): \(read)")
        }
    }

    @Test("actions within actions end somewhere")
    func depth() throws {
        // As a peer may send them. A value like this one could not be made: what is read never nests so deep.
        let header = 16
        var buffer = ByteBuffer()
        for inner in (0..<3000).reversed() {
            buffer.writeMultipleIntegers(UInt16.max, UInt16(header * (inner + 1)), UInt32(0x2320), UInt16(42))
            buffer.writeRepeatingByte(0, count: 6)
        }
        let read = try [FlowAction](decoding: &buffer)
        #expect(read.description.contains("action:0x"))
    }

    /// As the switch describes a flow.
    private static func entry(_ flow: Flow) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(UInt16(0), flow.table, UInt8(0), UInt32(0), UInt32(0), flow.priority)
        buffer.writeMultipleIntegers(
            flow.idleTimeout,
            flow.hardTimeout,
            flow.flags.rawValue,
            flow.importance,
            UInt16(0)
        )
        buffer.writeMultipleIntegers(flow.cookie, UInt64(1), UInt64(2))
        flow.match.encode(into: &buffer)
        flow.instructions.encode(into: &buffer)
        buffer.setInteger(UInt16(buffer.writerIndex), at: 0)
        return buffer
    }
}
