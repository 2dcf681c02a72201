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
    case configurationRequest
    /// A service connection gets asynchronous messages, port status among them, only while the bytes of a packet to send
    /// on a table miss are not zero.
    case setConfig(SwitchConfiguration)
    /// Asks not to be sent packets and expired flows, which asynchronous messages would otherwise include: somebody's
    /// `controller` action must not turn a port's whole traffic toward us. Asks for what others do to groups and
    /// meters instead, which no monitor tells.
    case chooseMessages
    case portDescriptionRequest
    /// Counts every flow of every table.
    case aggregateRequest
    case flowsRequest(FlowFilter)
    case flowMonitor(FlowMonitorRequest)
    case groupsRequest
    case metersRequest
    case barrierRequest
    case bundleControl(BundleControl, id: UInt32)
    /// Messages that are bytes already, headers and transaction ids included.
    case encoded(ByteBuffer)

    func encode(xid: UInt32, into buffer: inout ByteBuffer) {
        if case .encoded(let bytes) = self {
            buffer.writeImmutableBuffer(bytes)
            return
        }
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
        case .configurationRequest: .configurationRequest
        case .setConfig: .setConfig
        case .chooseMessages: .setAsync
        case .portDescriptionRequest, .aggregateRequest, .flowsRequest, .flowMonitor, .groupsRequest, .metersRequest:
            .multipartRequest
        case .barrierRequest: .barrierRequest
        case .bundleControl: .bundleControl
        case .encoded: preconditionFailure("encoded messages have their own types")
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
        case .setConfig(let configuration):
            buffer.writeMultipleIntegers(configuration.fragments.rawValue, configuration.missSendLength)
        case .chooseMessages:
            // Each eight bytes long, with a bit for each reason that is of interest.
            buffer.writeMultipleIntegers(AsyncProperty.packetIn, UInt16(8), UInt32(0))
            buffer.writeMultipleIntegers(AsyncProperty.flowRemoved, UInt16(8), UInt32(0))
            buffer.writeMultipleIntegers(AsyncProperty.requestForward, UInt16(8), UInt32(1 << 0 | 1 << 1))
        case .portDescriptionRequest:
            writeMultipartHeader(.portDescription, into: &buffer)
        case .aggregateRequest:
            writeMultipartHeader(.aggregate, into: &buffer)
            FlowFilter.all.encode(into: &buffer)
        case .flowsRequest(let filter):
            writeMultipartHeader(.flows, into: &buffer)
            filter.encode(into: &buffer)
        case .flowMonitor(let monitor):
            writeMultipartHeader(.flowMonitor, into: &buffer)
            monitor.encode(into: &buffer)
        case .groupsRequest:
            writeMultipartHeader(.groups, into: &buffer)
        case .metersRequest:
            writeMultipartHeader(.meters, into: &buffer)
            buffer.writeMultipleIntegers(Meter.all, UInt32(0))
        case .bundleControl(let control, let id):
            buffer.writeMultipleIntegers(id, control.rawValue, BundleControl.flags)
        case .echoRequest, .featuresRequest, .configurationRequest, .barrierRequest, .encoded:
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
    static let requestForward: UInt16 = 11
}

/// `enum ofp_multipart_type`.
struct MultipartType: RawRepresentable, Hashable, Sendable {
    var rawValue: UInt16
    static let flows = MultipartType(rawValue: 1)
    static let aggregate = MultipartType(rawValue: 2)
    static let groups = MultipartType(rawValue: 7)
    static let meters = MultipartType(rawValue: 10)
    static let flowMonitor = MultipartType(rawValue: 16)
    static let portDescription = MultipartType(rawValue: 13)
}
