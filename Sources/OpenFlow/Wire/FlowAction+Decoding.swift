import NIOCore

extension [FlowAction] {
    /// Takes all of the buffer. Actions that this module does not know, and those in which something is that it does
    /// not know, are kept as they came.
    init(decoding buffer: inout ByteBuffer, depth: Int = 0) throws(OpenFlowError) {
        self.init()
        while buffer.readableBytes > 0 {
            guard let (_, length) = buffer.peekMultipleIntegers(as: (UInt16, UInt16).self) else {
                throw .short("action")
            }
            guard length >= 8, length % 8 == 0, let whole = buffer.readSlice(length: Int(length)) else {
                throw .protocolViolation("an action of \(length) bytes")
            }
            // Nothing nests this deep but an attack on our stack.
            let known = depth < 16 ? try FlowAction(decoding: whole, depth: depth) : nil
            append(known ?? .opaque(OpaqueAction(bytes: Array<UInt8>(whole.readableBytesView))))
        }
    }
}

extension FlowAction {
    /// `nil` for an action that this module does not know in this form.
    fileprivate init?(decoding whole: ByteBuffer, depth: Int) throws(OpenFlowError) {
        var body = whole
        guard let (type, _) = body.readMultipleIntegers(as: (UInt16, UInt16).self) else { return nil }
        switch type {
        case ActionType.output:
            guard let (port, maxLength) = body.readMultipleIntegers(as: (UInt32, UInt16).self) else { return nil }
            self = port == Self.controllerPort ? .controller(maxLength: maxLength) : .output(port)
        case ActionType.pushVLAN:
            guard let type = body.readInteger(as: UInt16.self) else { return nil }
            self = .pushVLAN(EtherType(rawValue: type))
        case ActionType.popVLAN: self = .popVLAN
        case ActionType.decrementTTL: self = .decrementTTL
        case ActionType.group:
            guard let number = body.readInteger(as: UInt32.self) else { return nil }
            self = .group(number)
        case ActionType.setField:
            guard case .known(let field) = try body.readOXM() else { return nil }
            self = .setField(field)
        case ActionType.experimenter:
            guard let (experimenter, subtype) = body.readMultipleIntegers(as: (UInt32, UInt16).self),
                experimenter == NiciraAction.experimenter,
                let action = try Self.nicira(subtype, &body, depth: depth)
            else { return nil }
            self = action
        default: return nil
        }
    }

    private static func nicira(
        _ subtype: UInt16,
        _ body: inout ByteBuffer,
        depth: Int
    ) throws(OpenFlowError) -> FlowAction? {
        switch subtype {
        case NiciraAction.resubmit:
            return body.readInteger(as: UInt16.self).map { .resubmit(port: resubmitPort($0)) }
        case NiciraAction.resubmitTable, NiciraAction.resubmitTableCT:
            guard let (port, table) = body.readMultipleIntegers(as: (UInt16, UInt8).self) else { return nil }
            return .resubmit(
                port: resubmitPort(port),
                table: table == NiciraAction.noTable ? nil : table,
                ct: subtype == NiciraAction.resubmitTableCT
            )
        case NiciraAction.load:
            guard let bits = body.readInteger(as: UInt16.self), let field = body.readField(),
                let value = body.readInteger(as: UInt64.self), let target = Subfield(field, packed: bits)
            else { return nil }
            return .load(value, target)
        case NiciraAction.move:
            guard let (count, from, to) = body.readMultipleIntegers(as: (UInt16, UInt16, UInt16).self),
                let source = body.readField().flatMap({ Subfield(checking: $0, offset: from, count: count) }),
                let target = body.readField().flatMap({ Subfield(checking: $0, offset: to, count: count) })
            else { return nil }
            return .move(from: source, to: target)
        case NiciraAction.outputField:
            guard let bits = body.readInteger(as: UInt16.self), let field = body.readField(),
                let maxLength = body.readInteger(as: UInt16.self), let source = Subfield(field, packed: bits)
            else { return nil }
            return .outputField(source, maxLength: maxLength)
        case NiciraAction.outputField2:
            guard let (bits, maxLength) = body.readMultipleIntegers(as: (UInt16, UInt16).self),
                let source = body.readField().flatMap({ Subfield($0, packed: bits) })
            else { return nil }
            return .outputField(source, maxLength: maxLength)
        case NiciraAction.setField:
            guard case .known(let field) = try body.readOXM() else { return nil }
            return .setField(field)
        case NiciraAction.note: return .note(Array(body.readableBytesView))
        case NiciraAction.ctClear: return .ctClear
        case NiciraAction.checkPacketLarger:
            guard let (length, offset) = body.readMultipleIntegers(as: (UInt16, UInt16).self),
                let target = body.readField().flatMap({ Subfield(checking: $0, offset: offset, count: 1) })
            else { return nil }
            return .checkPacketLarger(length, target)
        case NiciraAction.clone:
            guard body.skip(6) else { return nil }
            return .clone(try [FlowAction](decoding: &body, depth: depth + 1))
        case NiciraAction.ct: return try ConnectionTracking(decoding: &body, depth: depth).map { .ct($0) }
        case NiciraAction.learn: return Learn(decoding: &body, isLonger: false).map { .learn($0) }
        case NiciraAction.learn2: return Learn(decoding: &body, isLonger: true).map { .learn($0) }
        default: return nil
        }
    }

    /// A port of OpenFlow 1.0 with its number of today; `nil` for the packet's own.
    private static func resubmitPort(_ port: UInt16) -> UInt32? {
        switch port {
        case 0xfff8: nil
        case 0xff00...: UInt32(port) | 0xffff_0000
        default: UInt32(port)
        }
    }
}

extension ConnectionTracking {
    fileprivate init?(decoding body: inout ByteBuffer, depth: Int) throws(OpenFlowError) {
        guard let flags = body.readInteger(as: UInt16.self),
            let zoneField = body.getInteger(at: body.readerIndex, as: UInt32.self)
        else { return nil }
        var zone: Zone
        if zoneField == 0 {
            guard body.skip(4), let number = body.readInteger(as: UInt16.self) else { return nil }
            zone = .number(number)
        } else {
            guard let field = body.readField(), let bits = body.readInteger(as: UInt16.self),
                let source = Subfield(field, packed: bits)
            else { return nil }
            zone = .field(source)
        }
        guard flags & ~(NiciraAction.ctCommit | NiciraAction.ctForce) == 0,
            let table = body.readInteger(as: UInt8.self),
            body.skip(3), let helper = body.readInteger(as: UInt16.self)
        else { return nil }
        self.init(
            commit: flags & NiciraAction.ctCommit != 0,
            force: flags & NiciraAction.ctForce != 0,
            zone: zone,
            table: table == NiciraAction.noTable ? nil : table,
            exec: try [FlowAction](decoding: &body, depth: depth + 1),
            helper: helper
        )
    }
}

extension Learn {
    fileprivate init?(decoding body: inout ByteBuffer, isLonger: Bool) {
        guard let (idle, hard, priority) = body.readMultipleIntegers(as: (UInt16, UInt16, UInt16).self),
            let (cookie, flags, table, _) = body.readMultipleIntegers(as: (UInt64, UInt16, UInt8, UInt8).self),
            let (finIdle, finHard) = body.readMultipleIntegers(as: (UInt16, UInt16).self)
        else { return nil }
        self.init(
            table: table,
            priority: priority,
            cookie: cookie,
            idleTimeout: idle,
            hardTimeout: hard,
            flags: Flags(rawValue: flags).subtracting(.writeResult),
            specs: []
        )
        finIdleTimeout = finIdle
        finHardTimeout = finHard
        if isLonger {
            guard let (limit, offset, _) = body.readMultipleIntegers(as: (UInt32, UInt16, UInt16).self) else {
                return nil
            }
            self.limit = limit
            if Flags(rawValue: flags).contains(.writeResult) {
                guard let result = body.readField().flatMap({ Subfield(checking: $0, offset: offset, count: 1) }) else {
                    return nil
                }
                self.result = result
            }
        }
        // Zeros pad the action; no part of it begins with one.
        while let header = body.readInteger(as: UInt16.self), header != 0 {
            guard let spec = Spec(header, decoding: &body) else { return nil }
            specs.append(spec)
        }
    }
}

extension Learn.Spec {
    fileprivate init?(_ header: UInt16, decoding body: inout ByteBuffer) {
        let count = header & NiciraAction.learnBits
        let destination = header & NiciraAction.learnDestination
        if header & NiciraAction.learnImmediate != 0 {
            guard let value = body.readUnsigned(bytes: (Int(count) + 15) / 16 * 2),
                let target = Subfield(decoding: &body, count: count)
            else { return nil }
            switch destination {
            case 0: self = .match(target, value)
            case NiciraAction.learnLoad: self = .load(value, to: target)
            default: return nil
            }
            return
        }
        guard let source = Subfield(decoding: &body, count: count) else { return nil }
        switch destination {
        case NiciraAction.learnOutput: self = .output(source)
        case 0, NiciraAction.learnLoad:
            guard let target = Subfield(decoding: &body, count: count) else { return nil }
            self = destination == 0 ? .matchField(target, from: source) : .loadField(source, to: target)
        default: return nil
        }
    }
}

extension Subfield {
    /// `nil` for bits that the field does not have.
    fileprivate init?(checking field: Field, offset: UInt16, count: UInt16) {
        guard count > 0, Int(offset) + Int(count) <= field.bits else { return nil }
        self.init(field, offset: Int(offset), count: Int(count))
    }

    /// - Parameter bits: the offset and the number of bits less one, in one word.
    fileprivate init?(_ field: Field, packed bits: UInt16) {
        self.init(checking: field, offset: bits >> 6, count: (bits & 0x3f) + 1)
    }

    fileprivate init?(decoding body: inout ByteBuffer, count: UInt16) {
        guard let field = body.readField(), let offset = body.readInteger(as: UInt16.self) else { return nil }
        self.init(checking: field, offset: offset, count: count)
    }
}
