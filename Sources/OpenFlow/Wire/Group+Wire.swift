import NIOCore

/// `enum ofp_group_mod_command`.
private enum GroupModCommand {
    static let add: UInt16 = 0
    static let modify: UInt16 = 1
    static let delete: UInt16 = 2
}

/// `enum ofp_group` and what "any" is in a bucket.
private enum GroupNumber {
    static let all: UInt32 = 0xffff_fffc
    static let any: UInt32 = 0xffff_ffff
}

extension GroupMod {
    /// Writes `struct ofp_group_mod` without its header.
    func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .add(let group): group.encode(GroupModCommand.add, into: &buffer)
        case .modify(let group): group.encode(GroupModCommand.modify, into: &buffer)
        case .delete(let number): Group(number, .all).encode(GroupModCommand.delete, into: &buffer)
        case .deleteAll: Group(GroupNumber.all, .all).encode(GroupModCommand.delete, into: &buffer)
        }
    }

    /// Takes all of the buffer. Open vSwitch has commands of its own, to add a group or else modify it and to add or
    /// remove buckets: each of them modifies the group.
    init(decoding body: inout ByteBuffer) throws(OpenFlowError) {
        guard let (command, kind, _, number) = body.readMultipleIntegers(as: (UInt16, UInt8, UInt8, UInt32).self)
        else { throw .short("group mod") }
        guard command != GroupModCommand.delete else {
            self = number == GroupNumber.all ? .deleteAll : .delete(number)
            return
        }
        let group = try Group(number, kind: kind, buckets: &body)
        self = command == GroupModCommand.add ? .add(group) : .modify(group)
    }
}

extension Group {
    fileprivate func encode(_ command: UInt16, into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(command, kind.rawValue, UInt8(0), number)
        for bucket in buckets {
            let start = buffer.writerIndex
            let (port, group) = (bucket.watchPort ?? GroupNumber.any, bucket.watchGroup ?? GroupNumber.any)
            buffer.writeMultipleIntegers(UInt16(0), bucket.weight, port, group, UInt32(0))
            buffer.writeActions(bucket.actions)
            // One that is longer makes a message that is too long.
            buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - start), at: start)
        }
    }

    fileprivate init(_ number: UInt32, kind: UInt8, buckets body: inout ByteBuffer) throws(OpenFlowError) {
        guard let kind = Kind(rawValue: kind) else { throw .protocolViolation("a group of type \(kind)") }
        self.init(number, kind)
        while body.readableBytes > 0 {
            guard let length = body.getInteger(at: body.readerIndex, as: UInt16.self) else { throw .short("bucket") }
            guard length >= 16, var bytes = body.readSlice(length: Int(length)), bytes.skip(2),
                let (weight, port, group, _) = bytes.readMultipleIntegers(as: (UInt16, UInt32, UInt32, UInt32).self)
            else { throw .protocolViolation("a bucket of \(length) bytes") }
            buckets.append(
                Bucket(
                    weight: weight,
                    watchPort: port == GroupNumber.any ? nil : port,
                    watchGroup: group == GroupNumber.any ? nil : group,
                    actions: try [FlowAction](decoding: &bytes)
                )
            )
        }
    }

    /// Takes one `struct ofp_group_desc` off the buffer (OpenFlow 1.4, 7.3.5.9).
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { throw .short("group") }
        guard length >= 8, var body = buffer.readSlice(length: Int(length)), body.skip(2),
            let (kind, _, number) = body.readMultipleIntegers(as: (UInt8, UInt8, UInt32).self)
        else { throw .protocolViolation("a group of \(length) bytes") }
        try self.init(number, kind: kind, buckets: &body)
    }
}
