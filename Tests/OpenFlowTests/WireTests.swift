import NIOCore
import NIOEmbedded
import NIOTestUtils
import Testing

@testable import OpenFlow

/// The bytes on the wire, against the layouts of the OpenFlow 1.4 specification.
@Suite("the wire")
struct WireTests {
    @Test(
        "a message is encoded as OpenFlow 1.4 lays it out",
        arguments: [
            (OutgoingMessage.hello, "05000010 00000007 00010008 00000020"),
            (.helloFailed("no"), "0501000e 00000007 0000 0000 6e6f"),
            (.echoRequest, "05020008 00000007"),
            (.echoReply(ByteBuffer(hex: "0102")), "0503000a 00000007 0102"),
            (.featuresRequest, "05050008 00000007"),
            (.configurationRequest, "05070008 00000007"),
            (.setConfig(.init(fragments: .drop, missSendLength: 128)), "0509000c 00000007 0001 0080"),
            (.groupsRequest, "05120010 00000007 0007 0000 00000000"),
            (.metersRequest, "05120018 00000007 000a 0000 00000000 ffffffff 00000000"),
            (.chooseMessages, "051c0020 00000007 0001 0008 00000000 0005 0008 00000000 000b 0008 00000003"),
            (.portDescriptionRequest, "05120010 00000007 000d 0000 00000000"),
            (
                .aggregateRequest,
                """
                05120038 00000007 0002 0000 00000000 ff 000000 ffffffff ffffffff 00000000
                0000000000000000 0000000000000000 0001 0004 00000000
                """
            ),
            (.barrierRequest, "05140008 00000007"),
        ]
    )
    func encoding(message: OutgoingMessage, hex: String) {
        // A second message in one buffer must patch its own length.
        var buffer = ByteBuffer(hex: "ff")
        message.encode(xid: 7, into: &buffer)
        #expect(buffer == ByteBuffer(hex: "ff" + hex))
    }

    @Test(
        "a message is decoded, and what we do not know in it is skipped",
        arguments: [
            (Frame.hello, IncomingMessage.hello(versions: [5])),
            (Frame(version: 6, .hello, "0001 0008 00000072"), .hello(versions: [1, 4, 5, 6])),
            (Frame(version: 6, .hello, "0009 0005 ff 000000 0001 0008 00000060"), .hello(versions: [5, 6])),
            (Frame(version: 1, .hello), .hello(versions: [1])),
            (Frame(version: 4, .hello), .hello(versions: [1, 2, 3, 4])),
            (Frame(version: 0, .hello), .hello(versions: [])),
            (
                Frame(version: 1, .error, "0000 0000 6e6f"),
                .error(ErrorMessage(type: 0, code: 0, text: "no"))
            ),
            (Frame(.error, "0001 0001 0512001000000007"), .error(ErrorMessage(type: 1, code: 1))),
            (Frame(.echoRequest, "0102"), .echoRequest(ByteBuffer(hex: "0102"))),
            (Frame(.echoReply), .echoReply),
            (Frame.features(xid: 1), .featuresReply(datapathID: 0x0a1b_2c3d_4e5f)),
            (Frame.aggregate(xid: 1, flows: 258), .aggregate(flowCount: 258)),
            (Frame(.barrierReply), .barrierReply),
            (
                Frame.configuration(xid: 1, fragments: 3),
                .configuration(.init(fragments: .niciraMatch, missSendLength: 0))
            ),
            (Frame(.multipartReply, "0004 0000 00000000 01020304"), .other(.multipartReply)),
            (Frame(MessageType(rawValue: 10), "0102"), .other(MessageType(rawValue: 10))),
            (Frame.ports(xid: 1, []), .portDescription([], more: false)),
            (
                Frame.ports(xid: 1, more: true, [(40000, "br0.local.n"), (0xffff_fffe, "sixteen-bytes-xx")]),
                .portDescription(
                    [
                        SwitchPort(number: 40000, name: "br0.local.n", hardwareAddress: .test, state: .live),
                        SwitchPort(
                            number: SwitchPort.local,
                            name: "sixteen-bytes-xx",
                            hardwareAddress: .test,
                            state: .live
                        ),
                    ],
                    more: true
                )
            ),
            (
                Frame.portStatus(.deleted, 7, "eth0"),
                .portStatus(.deleted, SwitchPort(number: 7, name: "eth0", hardwareAddress: .test, state: .live))
            ),
        ]
    )
    func decoding(frame: Frame, message: IncomingMessage) throws {
        #expect(try IncomingMessage(decoding: frame) == message)
    }

    @Test(
        "a message that breaks the layout is an error that says what is wrong",
        arguments: [
            (Frame(.hello, "0001 0003"), "hello element of 3 bytes"),
            (Frame(.hello, "0001 0009 00000020"), "hello element of 9 bytes"),
            (Frame(.error, "0001"), "an error message"),
            (Frame(.featuresReply, "00"), "features reply cut short"),
            (Frame(version: 4, .echoRequest), "type 2 in version 4"),
            (Frame(.portStatus, "00"), "port status cut short"),
            (Frame(.portStatus, "00 00000000000000 00000001"), "port description cut short"),
            (Frame(.portStatus, "03 00000000000000"), "reason 3"),
            (Frame(.multipartReply, "000d"), "multipart reply cut short"),
            (Frame(.multipartReply, "0002 0000 00000000 00"), "aggregate reply cut short"),
            (Frame(.multipartReply, "000d 0000 00000000 00000001 0028 0000"), "port description of 40 bytes"),
            (Frame(.multipartReply, "000d 0000 00000000 00000001 0000 0000"), "port description of 0 bytes"),
            (Frame.ports(xid: 1, [(0, "zero")]), "reserved number 0"),
            (Frame.ports(xid: 1, [(0xff00, "high")]), "reserved number 65280"),
        ]
    )
    func violations(frame: Frame, text: String) {
        let error = #expect(throws: OpenFlowError.self) { try IncomingMessage(decoding: frame) }
        #expect(error?.description.contains(text) == true, "\(String(describing: error))")
    }

    @Test("frames come out the same wherever the stream is cut")
    func framing() throws {
        let frames = [
            Frame.hello, Frame(.echoRequest), .ports(xid: 4, [(1, "a"), (2, "b")]),
            Frame(version: 5, type: .echoReply, xid: 9, body: ByteBuffer(repeating: 7, count: 65535 - 8)),
        ]
        let pairs = frames.prefix(3).map { (bytes($0), [$0]) }
        try ByteToMessageDecoderVerifier.verifyDecoder(inputOutputPairs: pairs) { FrameDecoder() }

        let stream = frames.map(bytes).reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        for cut in Array(0...200) + [65535, stream.readableBytes - 1] {
            var rest = stream
            let head = rest.readSlice(length: cut)
            var buffer = try #require(head)
            var decoded: [Frame] = []
            while let frame = try FrameDecoder.next(from: &buffer) { decoded.append(frame) }
            buffer.writeImmutableBuffer(rest)
            while let frame = try FrameDecoder.next(from: &buffer) { decoded.append(frame) }
            #expect(decoded == frames, "cut at \(cut)")
        }
    }

    @Test("a length shorter than the header is a protocol error", arguments: 0..<8)
    func shortLength(length: Int) {
        var buffer = ByteBuffer(hex: "0500 000\(length) 00000001")
        #expect(throws: OpenFlowError.self) { try FrameDecoder.next(from: &buffer) }
    }

    @Test(
        "an error reads as a sentence",
        arguments: [
            (
                OpenFlowError.refused(ErrorMessage(type: 0, code: 0, text: "no")),
                "hello failed, no version in common: no"
            ),
            (.refused(ErrorMessage(type: 5, code: 99)), "flow mod failed, code 99"),
            (.refused(ErrorMessage(type: 99, code: 1)), "type 99, code 1"),
            (
                .versionNotOffered(offered: [1, 4]),
                "add OpenFlow14 to the bridge's protocols); offered: OpenFlow 1.0, OpenFlow 1.3"
            ),
            (.unreachable(errno: 13), "permission denied (the socket belongs to the user of ovs-vswitchd)"),
            (.lost(errno: 104), "connection lost: Connection reset by peer"),
            (.silent(milliseconds: 10000), "no answer for 10000 ms"),
        ]
    )
    func sentences(error: OpenFlowError, text: String) {
        #expect(error.description.contains(text), "\(error)")
    }

    private func bytes(_ frame: Frame) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(
            frame.version,
            frame.type.rawValue,
            UInt16(frame.body.readableBytes + 8),
            frame.xid
        )
        buffer.writeImmutableBuffer(frame.body)
        return buffer
    }
}
