import Glibc
import NIOCore
import NIOPosix

/// Tells of files that come into a folder at the moment they come, by inotify(7), for whom the next attempt to connect
/// to a socket would be late: ovs-vswitchd makes `<bridge>.mgmt` anew whenever it starts.
///
/// Bound to one event loop: make and close it there, and expect `onEvent` there. It costs a file descriptor, and nothing
/// while nothing comes. It lives until ``close()`` or ``Event/ended``, held by its event loop.
public final class FolderWatch {
    public enum Event: Hashable, Sendable {
        /// A file of this name was made or moved here. A socket may be there a moment before it is listened on.
        case came(String)
        /// A file of this name was removed or moved away; for who asked to be told.
        case went(String)
        /// More came than the system told of.
        case missed
        /// The folder is gone, or can't be watched any more; nothing is told after this.
        case ended
    }

    private let handler: FolderWatchHandler
    private let channel: EventLoopFuture<any Channel>

    /// What came before is not told. `nil` where there is no such folder, or the system has no watch to give.
    ///
    /// - Parameters:
    ///   - tellsWhatGoes: whether ``Event/went(_:)`` is told, too, and a folder that is moved away counts as gone.
    ///   - onEvent: is never called from within this call or ``close()``, nor after ``close()``.
    public init?(
        _ folder: String,
        tellsWhatGoes: Bool = false,
        eventLoop: any EventLoop,
        onEvent: @escaping (Event) -> Void
    ) {
        eventLoop.preconditionInEventLoop()
        let descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard descriptor >= 0 else { return nil }
        let going = tellsWhatGoes ? IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF : 0
        let kinds = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | going
        guard inotify_add_watch(descriptor, folder, UInt32(kinds)) >= 0 else {
            Glibc.close(descriptor)
            return nil
        }
        let handler = NIOLoopBound(FolderWatchHandler(onEvent), eventLoop: eventLoop)
        self.handler = handler.value
        channel = NIOPipeBootstrap(group: eventLoop)
            // Room for the longest name, without which nothing is given.
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 << 10))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
    }

    /// Ends it; nothing is told any more. May be called again.
    public func close() {
        handler.onEvent = nil
        channel.whenSuccess { $0.close(promise: nil) }
    }
}

/// Takes the system's records apart (inotify(7), "Reading events from an inotify file descriptor").
final class FolderWatchHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    fileprivate(set) var onEvent: ((FolderWatch.Event) -> Void)?

    init(_ onEvent: @escaping (FolderWatch.Event) -> Void) {
        self.onEvent = onEvent
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var records = unwrapInboundIn(data)
        while let (_, mask, _, length) = records.readMultipleIntegers(
            endianness: .host,
            as: (Int32, UInt32, UInt32, UInt32).self
        ) {
            let name = records.readSlice(length: Int(length)).map {
                String(decoding: $0.readableBytesView.prefix { $0 != 0 }, as: UTF8.self)
            }
            if mask & UInt32(IN_Q_OVERFLOW) != 0 {
                onEvent?(.missed)
            } else if mask & UInt32(IN_IGNORED | IN_MOVE_SELF) != 0 {
                context.close(promise: nil)
            } else if let name, !name.isEmpty {
                onEvent?(mask & UInt32(IN_DELETE | IN_MOVED_FROM) != 0 ? .went(name) : .came(name))
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        let onEvent = self.onEvent
        self.onEvent = nil
        onEvent?(.ended)
    }
}
