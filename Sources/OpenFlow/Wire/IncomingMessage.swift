import NIOCore

/// What a switch sends, decoded as far as we use it. Bytes after what we know are skipped: OpenFlow lets a message
/// grow by elements and properties.
enum IncomingMessage: Hashable, Sendable {
    /// The wire versions that the peer offers, in order.
    case hello(versions: [UInt8])
    case error(ErrorMessage)
    case echoRequest(ByteBuffer)
    case echoReply
    case featuresReply(datapathID: UInt64)
    case portStatus(PortChange, SwitchPort)
    /// `more`: further parts of this reply follow.
    case portDescription([SwitchPort], more: Bool)
    case aggregate(flowCount: UInt32)
    /// `more`: further parts of this reply follow.
    case flows([FlowEntry], more: Bool)
    /// `more`: further parts of this report follow.
    case flowUpdates([FlowUpdate], more: Bool)
    /// `more`: further parts of this reply follow.
    case groups([Group], more: Bool)
    /// `more`: further parts of this reply follow.
    case meters([Meter], more: Bool)
    case configuration(SwitchConfiguration)
    /// What another client asked for.
    case forwarded(SwitchChange)
    case barrierReply
    case bundleControl(BundleControl)
    /// A message of no use to us, such as a packet-in.
    case other(MessageType)

    /// `enum ofp_port_reason`.
    enum PortChange: UInt8, Hashable, Sendable {
        case added = 0
        case deleted = 1
        case modified = 2
    }

    init(decoding frame: Frame) throws(OpenFlowError) {
        var body = frame.body
        // Only a greeting, and the error that refuses one, may come in another version than the agreed one.
        guard frame.version == openFlowVersion || frame.type == .hello || frame.type == .error else {
            throw .protocolViolation("message type \(frame.type.rawValue) in version \(frame.version)")
        }
        switch frame.type {
        case .hello: self = .hello(versions: try Self.versions(version: frame.version, body: &body))
        case .error: self = .error(try ErrorMessage(decoding: body))
        case .echoRequest: self = .echoRequest(body)
        case .echoReply: self = .echoReply
        case .featuresReply:
            guard let datapathID = body.readInteger(as: UInt64.self) else { throw .short("features reply") }
            self = .featuresReply(datapathID: datapathID)
        case .portStatus:
            guard let reason = body.readInteger(as: UInt8.self), body.skip(7) else { throw .short("port status") }
            guard let change = PortChange(rawValue: reason) else {
                throw .protocolViolation("port status with reason \(reason)")
            }
            self = .portStatus(change, try SwitchPort(decoding: &body))
        case .configurationReply:
            guard let (flags, length) = body.readMultipleIntegers(as: (UInt16, UInt16).self) else {
                throw .short("configuration reply")
            }
            // The upper bits say other things.
            self = .configuration(.init(fragments: FragmentHandling(rawValue: flags & 3), missSendLength: length))
        case .multipartReply: self = try Self.multipart(&body)
        case .barrierReply: self = .barrierReply
        case .bundleControl:
            guard let (_, type) = body.readMultipleIntegers(as: (UInt32, UInt16).self) else {
                throw .short("bundle control")
            }
            guard let control = BundleControl(rawValue: type) else {
                throw .protocolViolation("bundle control of type \(type)")
            }
            self = .bundleControl(control)
        case .requestForward: self = try SwitchChange(forwarded: body).map { .forwarded($0) } ?? .other(frame.type)
        default: self = .other(frame.type)
        }
    }

    /// A peer that sends no bitmap speaks its version and, we have to believe, those before it (OpenFlow 1.4, 6.3.1).
    private static func versions(version: UInt8, body: inout ByteBuffer) throws(OpenFlowError) -> [UInt8] {
        while let (type, length) = body.readMultipleIntegers(as: (UInt16, UInt16).self) {
            guard length >= 4, var element = body.readSlice(length: Int(length) - 4) else {
                throw .protocolViolation("a hello element of \(length) bytes")
            }
            if type == HelloElement.versionBitmap {
                // The first word holds versions 0 to 31, which is more than there are.
                let bits = element.readInteger(as: UInt32.self) ?? 0
                return (0..<32).filter { bits & (1 << UInt32($0)) != 0 }
            }
            // Elements are padded to eight bytes; the last one's padding may be missing.
            body.moveReaderIndex(forwardBy: min(body.readableBytes, (8 - Int(length) % 8) % 8))
        }
        return version == 0 ? [] : Array(1...version)
    }

    private static func multipart(_ body: inout ByteBuffer) throws(OpenFlowError) -> IncomingMessage {
        guard let (type, flags, _) = body.readMultipleIntegers(as: (UInt16, UInt16, UInt32).self) else {
            throw .short("multipart reply")
        }
        switch MultipartType(rawValue: type) {
        case .portDescription:
            var ports: [SwitchPort] = []
            while body.readableBytes > 0 { ports.append(try SwitchPort(decoding: &body)) }
            return .portDescription(ports, more: flags & 1 != 0)
        case .flowMonitor:
            var updates: [FlowUpdate] = []
            while body.readableBytes > 0 { updates.append(try FlowUpdate(decoding: &body)) }
            return .flowUpdates(updates, more: flags & 1 != 0)
        case .flows:
            var entries: [FlowEntry] = []
            while body.readableBytes > 0 { entries.append(try FlowEntry(decoding: &body)) }
            return .flows(entries, more: flags & 1 != 0)
        case .groups:
            var groups: [Group] = []
            while body.readableBytes > 0 { groups.append(try Group(decoding: &body)) }
            return .groups(groups, more: flags & 1 != 0)
        case .meters:
            var meters: [Meter] = []
            while body.readableBytes > 0 { meters.append(try Meter(decoding: &body)) }
            return .meters(meters, more: flags & 1 != 0)
        case .aggregate:
            guard let (_, _, flowCount) = body.readMultipleIntegers(as: (UInt64, UInt64, UInt32).self) else {
                throw .short("aggregate reply")
            }
            return .aggregate(flowCount: flowCount)
        default:
            return .other(.multipartReply)
        }
    }
}

extension SwitchPort {
    /// Takes one port description (OpenFlow 1.4, 7.2.1) off the buffer, its properties included.
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let (number, length, _) = buffer.peekMultipleIntegers(as: (UInt32, UInt16, UInt16).self) else {
            throw .short("port description")
        }
        // 40 bytes, of which the address has 6 from byte 8 on and the name 16 from byte 16 on, then properties.
        guard length >= 40, var port = buffer.readSlice(length: Int(length)), port.skip(8),
            let (high, low, _) = port.readMultipleIntegers(as: (UInt16, UInt32, UInt16).self),
            let name = port.readSlice(length: 16),
            let (configuration, state) = port.readMultipleIntegers(as: (UInt32, UInt32).self)
        else { throw .protocolViolation("a port description of \(length) bytes") }
        guard (1...Self.highest).contains(number) || number == Self.local else {
            throw .protocolViolation("a port with the reserved number \(number)")
        }
        self.init(
            number: number,
            name: String(decoding: name.readableBytesView.prefix { $0 != 0 }, as: UTF8.self),
            hardwareAddress: EthernetAddress(rawValue: UInt64(high) << 32 | UInt64(low)),
            configuration: Configuration(rawValue: configuration),
            state: State(rawValue: state)
        )
    }
}
