import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import OpenFlow

/// What a broken or hostile peer can do: cost one connection, with a reason, and nothing else.
@Suite("a peer that sends garbage")
struct GarbageTests {
    @Test("costs one connection, however the bytes are cut", arguments: 0..<200 as Range<UInt64>)
    func garbage(run: UInt64) throws {
        let seed = run &* 0x5851_f42d_4c95_7f2d &+ UInt64.random(in: 0..<1 << 32)
        var random = Seeded(state: seed)
        var reasons: [OpenFlowError] = []
        let channel = EmbeddedChannel(
            handlers: [
                ByteToMessageHandler(FrameDecoder()),
                SessionHandler(timing: .init()) { if case .down(let error) = $0 { reasons.append(error) } },
            ]
        )
        try channel.connect(to: .init(unixDomainSocketPath: "/x")).wait()

        var stream = conversation(&random)
        while channel.isActive,
            let piece = stream.readSlice(length: min(.random(in: 1...300, using: &random), stream.readableBytes)),
            piece.readableBytes > 0
        {
            // A violation also comes out of here, as an error that no handler holds back.
            _ = try? channel.writeInbound(piece)
            channel.embeddedEventLoop.run()
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(30))
        #expect(!channel.isActive, "seed \(seed)")
        #expect(reasons.count == 1, "seed \(seed): \(reasons)")
        _ = try? channel.finish()
    }

    /// Valid messages in the right order, of which some bytes are changed, dropped or added; sometimes mere noise.
    private func conversation(_ random: inout Seeded) -> ByteBuffer {
        var bytes: [UInt8] = []
        if Int.random(in: 0..<5, using: &random) > 0 {
            let frames: [Frame] = [
                .hello, .configuration(xid: 2), .features(xid: 3), .ports(xid: 6, more: true, [(1, "a"), (2, "b")]),
                .ports(xid: 6, [(3, "c")]), .aggregate(xid: 7, flows: 9), .portStatus(.added, 7, "d"),
                Frame(.echoRequest, "0102"),
                .portStatus(.deleted, 1, "a"), Frame(.barrierReply),
            ]
            for frame in frames {
                var buffer = ByteBuffer()
                buffer.writeMultipleIntegers(
                    frame.version,
                    frame.type.rawValue,
                    UInt16(frame.body.readableBytes + 8),
                    frame.xid
                )
                buffer.writeImmutableBuffer(frame.body)
                bytes += buffer.readableBytesView
            }
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(.random(in: 0...255, using: &random), at: index)
                }
            }
        }
        bytes += (0..<Int.random(in: 0..<2000, using: &random)).map { _ in .random(in: 0...255, using: &random) }
        return ByteBuffer(bytes: bytes)
    }
}
