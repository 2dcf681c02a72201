import NIOCore
import NIOPosix

/// What is asked of a switch over OpenFlow 1.0, since it tells or takes it over no later version.
protocol BriefQuestion {
    associatedtype Answer: Sendable
    /// Messages for the switch once it has greeted: of each its type and its body.
    var opening: BriefMessage { get }
    /// Takes a message of the switch.
    mutating func take(_ type: UInt8, _ body: ByteBuffer) throws -> BriefStep<Answer>
}

/// A message of OpenFlow 1.0 without its header.
struct BriefMessage {
    var type: UInt8
    var body: ByteBuffer
}

enum BriefStep<Answer> {
    case wait
    case send([BriefMessage])
    case done(Answer)
}

/// One conversation over OpenFlow 1.0, on a connection for that alone.
enum BriefConnection {
    /// - Parameter deadline: after which the answer is not waited for.
    static func ask<Question: BriefQuestion & Sendable>(
        _ question: Question,
        socketPath: String,
        deadline: TimeAmount,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Question.Answer> {
        let promise = eventLoop.makePromise(of: Question.Answer.self)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(FrameDecoder()), BriefHandler(question, promise),
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
private final class BriefHandler<Question: BriefQuestion>: ChannelInboundHandler {
    typealias InboundIn = Frame
    typealias OutboundOut = ByteBuffer

    private static var version: UInt8 { 0x01 }

    private var question: Question
    private let promise: EventLoopPromise<Question.Answer>
    private var isAnswered = false
    private var hasAsked = false

    init(_ question: Question, _ promise: EventLoopPromise<Question.Answer>) {
        (self.question, self.promise) = (question, promise)
    }

    func channelActive(context: ChannelHandlerContext) {
        send(BriefMessage(type: MessageType.hello.rawValue, body: ByteBuffer()), context)
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.type {
        case .hello where !hasAsked:
            hasAsked = true
            send(question.opening, context)
            context.flush()
        case .error:
            finish(.failure(OpenFlowError.protocolViolation("the switch refused a question over OpenFlow 1.0")))
        case _ where frame.version == Self.version:
            do {
                switch try question.take(frame.type.rawValue, frame.body) {
                case .wait: break
                case .send(let messages):
                    for message in messages { send(message, context) }
                    context.flush()
                case .done(let answer): finish(.success(answer))
                }
            } catch { finish(.failure(error)) }
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish(.failure(OpenFlowError.lost(errno: nil))) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(.failure(error)) }

    private func send(_ message: BriefMessage, _ context: ChannelHandlerContext) {
        let length = Frame.headerLength + message.body.readableBytes
        var frame = context.channel.allocator.buffer(capacity: length)
        frame.writeMultipleIntegers(Self.version, message.type, UInt16(length), UInt32(1))
        frame.writeImmutableBuffer(message.body)
        context.write(wrapOutboundOut(frame), promise: nil)
    }

    private func finish(_ result: Result<Question.Answer, any Error>) {
        guard !isAnswered else { return }
        isAnswered = true
        promise.completeWith(result)
    }
}
