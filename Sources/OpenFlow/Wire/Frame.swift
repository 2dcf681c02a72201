import NIOCore

/// One whole OpenFlow message, its header understood and its body still bytes (OpenFlow 1.4, 7.1).
struct Frame: Hashable, Sendable {
    var version: UInt8
    var type: MessageType
    /// Pairs a reply with its request.
    var xid: UInt32
    var body: ByteBuffer

    /// Bytes of the header.
    static let headerLength = 8
}

/// OpenFlow's wire version that this module speaks: 1.4.
let openFlowVersion: UInt8 = 0x05

/// `enum ofp_type`; a struct, since a peer may send types that we have no name for.
struct MessageType: RawRepresentable, Hashable, Sendable {
    var rawValue: UInt8
    static let hello = MessageType(rawValue: 0)
    static let error = MessageType(rawValue: 1)
    static let echoRequest = MessageType(rawValue: 2)
    static let echoReply = MessageType(rawValue: 3)
    static let featuresRequest = MessageType(rawValue: 5)
    static let featuresReply = MessageType(rawValue: 6)
    static let configurationRequest = MessageType(rawValue: 7)
    static let configurationReply = MessageType(rawValue: 8)
    static let setConfig = MessageType(rawValue: 9)
    static let portStatus = MessageType(rawValue: 12)
    static let packetOut = MessageType(rawValue: 13)
    static let flowMod = MessageType(rawValue: 14)
    static let groupMod = MessageType(rawValue: 15)
    static let portMod = MessageType(rawValue: 16)
    static let multipartRequest = MessageType(rawValue: 18)
    static let multipartReply = MessageType(rawValue: 19)
    static let barrierRequest = MessageType(rawValue: 20)
    static let barrierReply = MessageType(rawValue: 21)
    static let setAsync = MessageType(rawValue: 28)
    static let meterMod = MessageType(rawValue: 29)
    static let requestForward = MessageType(rawValue: 32)
    static let bundleControl = MessageType(rawValue: 33)
    static let bundleAddMessage = MessageType(rawValue: 34)
}

/// Cuts the byte stream into frames. A message is at most 65535 bytes, by its own length field, so that is also the
/// most a peer can make us hold.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = Frame

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        guard let frame = try Self.next(from: &buffer) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }

    /// The next frame, or `nil` and an untouched buffer while it is not whole.
    static func next(from buffer: inout ByteBuffer) throws(OpenFlowError) -> Frame? {
        let start = buffer.readerIndex
        guard
            let (version, type, length, xid) = buffer.peekMultipleIntegers(as: (UInt8, UInt8, UInt16, UInt32).self)
        else { return nil }
        guard length >= Frame.headerLength else {
            throw .protocolViolation("a message of \(length) bytes, shorter than its header")
        }
        guard let body = buffer.getSlice(at: start + Frame.headerLength, length: Int(length) - Frame.headerLength)
        else { return nil }
        buffer.moveReaderIndex(forwardBy: Int(length))
        return Frame(version: version, type: MessageType(rawValue: type), xid: xid, body: body)
    }
}
