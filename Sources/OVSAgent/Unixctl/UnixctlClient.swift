import Glibc
import JSONRPC
import NIOCore
import NIOPosix

/// Asks a daemon of Open vSwitch over its control socket (unixctl: JSON-RPC 1.0), on an event loop that it never holds
/// up: whoever is slow there to answer costs the caller a time limit, and the loop nothing.
enum UnixctlClient {
    /// The most that an answer may take: a trace through a thousand VM ports is far below.
    fileprivate static let limits = MessageFramer.Limits(length: 16 << 20)

    /// Sends one request; its answer as it came, for ``result(_:)``. Fails with ``CommandFailure``.
    static func ask(
        _ daemon: String,
        _ method: String,
        _ parameters: [String] = [],
        at path: String,
        on loop: any EventLoop,
        until deadline: NIODeadline
    ) -> EventLoopFuture<ByteBuffer> {
        let promise = loop.makePromise(of: ByteBuffer.self)
        @Sendable func failure(_ reason: String) -> CommandFailure {
            CommandFailure("\(daemon) does not answer at \(path): \(reason)")
        }
        let timer = loop.scheduleTask(deadline: deadline) { promise.fail(failure("nothing came in time")) }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        var request = ByteBuffer()
        request.writeJSON([
            "id": 0, "method": .string(method), "params": .array(parameters.map(JSON.string)),
        ])
        let bytes = request
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                // Whatever ends the wait ends the connection.
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(UnixctlHandler(bytes, promise, failure))
                }
            }
            .connect(unixDomainSocketPath: path)
            .whenFailure { error in
                let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
                promise.fail(failure("\(reason) (is it running?)"))
            }
        return promise.futureResult
    }

    /// The text of one answer; the daemon's own words where it refused the request.
    static func result(_ answer: ByteBuffer) throws(CommandFailure) -> String {
        guard let json = try? JSON(parsing: answer.readableBytesView), let error = json["error"] else {
            throw CommandFailure("the answer is not unixctl's")
        }
        guard error.isNull else { throw CommandFailure((error.string ?? error.text()).trimmingBlanks) }
        return json["result"]?.string ?? ""
    }
}

private final class UnixctlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: ByteBuffer
    private let promise: EventLoopPromise<ByteBuffer>
    private let failure: @Sendable (String) -> CommandFailure
    private var framer = MessageFramer(limits: UnixctlClient.limits)

    init(
        _ request: ByteBuffer,
        _ promise: EventLoopPromise<ByteBuffer>,
        _ failure: @escaping @Sendable (String) -> CommandFailure
    ) {
        self.request = request
        self.promise = promise
        self.failure = failure
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(request), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        framer.append(&bytes)
        do {
            if let answer = try framer.next() { promise.succeed(answer) }
        } catch {
            promise.fail(failure("\(error)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) { promise.fail(failure("it closed the connection")) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(failure("\(error)"))
    }
}
