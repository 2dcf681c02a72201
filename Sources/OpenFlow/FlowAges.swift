import NIOCore
import NIOPosix

/// For how long no packet has met flows, which a switch does not tell over OpenFlow 1.4: asked of it once, over
/// OpenFlow 1.0 with Nicira's extension (`NXST_FLOW`, as `ovs-ofctl dump-flows` does), on a connection for that alone.
public enum FlowAges {
    /// The fewest whole seconds for which none of the flows of a cookie in a table met a packet; `nil` where there are
    /// none, or the switch has not counted.
    ///
    /// - Parameter deadline: after which the answer is not waited for.
    public static func idleSeconds(
        socketPath: String,
        table: UInt8,
        cookie: UInt64,
        deadline: TimeAmount = .seconds(2),
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Int?> {
        let promise = eventLoop.makePromise(of: Int?.self)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(FrameDecoder()),
                        FlowAgeHandler(table: table, cookie: cookie, promise),
                    ])
                }
            }
            .connect(unixDomainSocketPath: socketPath)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    let timer = eventLoop.scheduleTask(in: deadline) { channel.close(promise: nil) }
                    promise.futureResult.whenComplete { _ in
                        timer.cancel()
                        channel.close(promise: nil)
                    }
                case .failure(let error): promise.fail(error)
                }
            }
        return promise.futureResult
    }
}

/// Greets, asks, and takes the answer.
private final class FlowAgeHandler: ChannelInboundHandler {
    typealias InboundIn = Frame
    typealias OutboundOut = ByteBuffer

    private static let version: UInt8 = 0x01
    private static let statisticsRequest: UInt8 = 16
    private static let statisticsReply: UInt8 = 17
    /// Type `vendor`, no flags, Nicira, `NXST_FLOW`, padding.
    private static let header: (UInt16, UInt16, UInt32, UInt32, UInt32) = (0xffff, 0, 0x2320, 0, 0)
    /// `NXM_NX_COOKIE`, eight bytes.
    private static let cookieField: UInt32 = 1 << 16 | 30 << 9 | 8

    private let table: UInt8
    private let cookie: UInt64
    private let promise: EventLoopPromise<Int?>
    private var isAnswered = false
    private var hasAsked = false
    private var least: Int?

    init(table: UInt8, cookie: UInt64, _ promise: EventLoopPromise<Int?>) {
        (self.table, self.cookie, self.promise) = (table, cookie, promise)
    }

    func channelActive(context: ChannelHandlerContext) {
        var hello = context.channel.allocator.buffer(capacity: 8)
        hello.writeMultipleIntegers(Self.version, MessageType.hello.rawValue, UInt16(8), UInt32(1))
        context.writeAndFlush(wrapOutboundOut(hello), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.type.rawValue {
        case MessageType.hello.rawValue where !hasAsked:
            hasAsked = true
            ask(context)
        case Self.statisticsReply where frame.version == Self.version: read(frame.body)
        case MessageType.error.rawValue:
            finish(.failure(OpenFlowError.protocolViolation("the switch refused to tell the age of flows")))
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.failure(OpenFlowError.lost(errno: nil))) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(.failure(error)) }

    private func ask(_ context: ChannelHandlerContext) {
        var request = context.channel.allocator.buffer(capacity: 56)
        request.writeMultipleIntegers(Self.version, Self.statisticsRequest, UInt16(0), UInt32(2))
        let (type, flags, vendor, subtype, padding) = Self.header
        request.writeMultipleIntegers(type, flags, vendor, subtype, padding)
        // Any way out; a match of twelve bytes, padded to sixteen.
        request.writeMultipleIntegers(UInt16.max, UInt16(12), table, UInt8(0), UInt16(0))
        request.writeMultipleIntegers(Self.cookieField, cookie, UInt32(0))
        request.setInteger(UInt16(request.readableBytes), at: 2)
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    private func read(_ body: ByteBuffer) {
        var body = body
        guard let (_, flags) = body.readMultipleIntegers(as: (UInt16, UInt16).self), body.skip(12) else {
            return finish(.failure(OpenFlowError.short("flow ages")))
        }
        while body.readableBytes > 0 {
            // `struct nx_flow_stats`: its length first, and at byte 20 the age, one more than it is.
            guard let length = body.getInteger(at: body.readerIndex, as: UInt16.self), length >= 48,
                let age = body.getInteger(at: body.readerIndex + 20, as: UInt16.self), body.skip(Int(length))
            else { return finish(.failure(OpenFlowError.short("flow ages"))) }
            if age > 0 { least = min(least ?? .max, Int(age) - 1) }
        }
        if flags & 1 == 0 { finish(.success(least)) }
    }

    private func finish(_ result: Result<Int?, any Error>) {
        guard !isAnswered else { return }
        isAnswered = true
        promise.completeWith(result)
    }
}
