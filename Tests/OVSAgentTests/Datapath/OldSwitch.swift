import Glibc
import NIOCore
import NIOPosix

@testable import OpenFlow

/// Stands before the sockets of a real switch's bridges and passes everything on but requests for a flow monitor, which
/// it refuses as a switch does that does not know them over OpenFlow 1.4: Open vSwitch 2.17.
struct OldSwitch {
    /// Runs `body` with the folder of its sockets.
    static func with(_ bridges: [String], in folder: String, _ body: (String) async throws -> Void) async throws {
        let own = "\(folder)/old"
        guard mkdir(own, 0o700) == 0 else { throw IOError(errnoCode: errno, reason: "mkdir") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Void, any Error>
        do {
            for bridge in bridges {
                _ = try await ServerBootstrap(group: group)
                    .childChannelInitializer { client in connect(client, to: "\(folder)/\(bridge).mgmt") }
                    .bind(unixDomainSocketPath: "\(own)/\(bridge).mgmt").get()
            }
            result = .success(try await body(own))
        } catch {
            result = .failure(error)
        }
        // Ends every connection.
        try await group.shutdownGracefully()
        try result.get()
    }

    private static func connect(_ client: any Channel, to path: String) -> EventLoopFuture<Void> {
        ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    try server.pipeline.syncOperations.addHandler(PassingOn(to: client))
                }
            }
            .connect(unixDomainSocketPath: path)
            .flatMap { server in
                client.eventLoop.makeCompletedFuture {
                    try client.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(FrameDecoder()), Refusing(to: server),
                    ])
                }
            }
    }

    private final class PassingOn: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            other.writeAndFlush(unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }

    private final class Refusing: ChannelInboundHandler {
        typealias InboundIn = Frame
        typealias OutboundOut = ByteBuffer
        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelActive(context: ChannelHandlerContext) {
            other.setOption(.autoRead, value: true).whenFailure { _ in }
            other.read()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            var buffer = context.channel.allocator.buffer(capacity: frame.body.readableBytes + 16)
            let type = frame.body.getInteger(at: frame.body.readerIndex, as: UInt16.self)
            if frame.type == .multipartRequest, type == MultipartType.flowMonitor.rawValue {
                let badRequest: UInt16 = 1
                let badMultipart: UInt16 = 2
                buffer.writeMultipleIntegers(openFlowVersion, MessageType.error.rawValue, UInt16(12), frame.xid)
                buffer.writeMultipleIntegers(badRequest, badMultipart)
                context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
                return
            }
            let length = UInt16(frame.body.readableBytes + Frame.headerLength)
            buffer.writeMultipleIntegers(frame.version, frame.type.rawValue, length, frame.xid)
            buffer.writeImmutableBuffer(frame.body)
            other.writeAndFlush(buffer, promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    }
}
