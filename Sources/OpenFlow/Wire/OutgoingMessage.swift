import NIOCore

/// What we send, without its transaction id.
enum OutgoingMessage: Hashable, Sendable {
    /// Greets with a version bitmap that holds OpenFlow 1.4 alone.
    case hello
    /// Tells the peer why its greeting was not accepted.
    case helloFailed(String)
    case echoRequest
    case echoReply(ByteBuffer)
    case featuresRequest
    /// Bytes of a packet to send on a table miss. A service connection gets asynchronous messages, port status
    /// among them, only while this is not zero.
    case setConfig(missSendLength: UInt16)
    /// Asks not to be sent packets and expired flows, which asynchronous messages would otherwise include: somebody's
    /// `controller` action must not turn a port's whole traffic toward us.
    case mutePackets
    case portDescriptionRequest
    /// Counts every flow of every table.
    case aggregateRequest
    case barrierRequest

    func encode(xid: UInt32, into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeMultipleIntegers(openFlowVersion, type.rawValue, UInt16(0), xid)
        encodeBody(into: &buffer)
        // The longest message is an echo reply, whose data came in a message with the same header.
        buffer.setInteger(UInt16(buffer.writerIndex - start), at: start + 2)
    }

    private var type: MessageType {
        switch self {
        case .hello: .hello
        case .helloFailed: .error
        case .echoRequest: .echoRequest
        case .echoReply: .echoReply
        case .featuresRequest: .featuresRequest
        case .setConfig: .setConfig
        case .mutePackets: .setAsync
        case .portDescriptionRequest, .aggregateRequest: .multipartRequest
        case .barrierRequest: .barrierRequest
        }
    }

    private func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .hello:
            // One element: version bitmap, 8 bytes long, bit 5.
            buffer.writeMultipleIntegers(HelloElement.versionBitmap, UInt16(8), UInt32(1) << UInt32(openFlowVersion))
        case .helloFailed(let text):
            buffer.writeMultipleIntegers(ErrorMessage.helloFailed, ErrorMessage.incompatible)
            buffer.writeString(text)
        case .echoReply(let data):
            buffer.writeImmutableBuffer(data)
        case .setConfig(let missSendLength):
            // Flags zero: fragments are handled like other packets, Open vSwitch's default.
            buffer.writeMultipleIntegers(UInt16(0), missSendLength)
        case .mutePackets:
            for property in [AsyncProperty.packetIn, AsyncProperty.flowRemoved] {
                // Eight bytes long; no reason is of interest.
                buffer.writeMultipleIntegers(property, UInt16(8), UInt32(0))
            }
        case .portDescriptionRequest:
            writeMultipartHeader(.portDescription, into: &buffer)
        case .aggregateRequest:
            writeMultipartHeader(.aggregate, into: &buffer)
            let anyTable: UInt8 = 0xff
            let any: UInt32 = 0xffff_ffff
            buffer.writeInteger(anyTable)
            buffer.writeRepeatingByte(0, count: 3)
            buffer.writeMultipleIntegers(any, any, UInt32(0), UInt64(0), UInt64(0))
            // An empty OXM match: type 1, length 4 without the padding to 8.
            buffer.writeMultipleIntegers(UInt16(1), UInt16(4), UInt32(0))
        case .echoRequest, .featuresRequest, .barrierRequest:
            break
        }
    }

    private func writeMultipartHeader(_ type: MultipartType, into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(type.rawValue, UInt16(0), UInt32(0))
    }
}

/// `enum ofp_hello_elem_type`.
enum HelloElement {
    static let versionBitmap: UInt16 = 1
}

/// `enum ofp_async_config_prop_type`, those for a connection that is not a slave.
enum AsyncProperty {
    static let packetIn: UInt16 = 1
    static let flowRemoved: UInt16 = 5
}

/// `enum ofp_multipart_type`.
struct MultipartType: RawRepresentable, Hashable, Sendable {
    var rawValue: UInt16
    static let aggregate = MultipartType(rawValue: 2)
    static let portDescription = MultipartType(rawValue: 13)
}
