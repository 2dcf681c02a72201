import NIOCore

/// The channel's end of a session: hands what happens on the connection to the client, on the event loop they share.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// What happens on a connection.
    enum Event: Sendable {
        case opened
        case received(ByteBuffer)
        case failed(any Error)
        case closed
    }

    private let report: @Sendable (Event) -> Void

    init(report: @escaping @Sendable (Event) -> Void) {
        self.report = report
    }

    func channelActive(context: ChannelHandlerContext) {
        report(.opened)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        report(.received(unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        report(.failed(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        report(.closed)
        context.fireChannelInactive()
    }
}
