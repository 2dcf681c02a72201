import NIOCore

/// What "any" is in the fields of requests about flows.
private enum Wildcard {
    static let table: UInt8 = 0xff
    static let port: UInt32 = 0xffff_ffff
    static let group: UInt32 = 0xffff_ffff
    static let noBuffer: UInt32 = 0xffff_ffff
}

/// `enum ofp_flow_mod_command`.
private enum FlowModCommand {
    static let add: UInt8 = 0
    static let modifyStrict: UInt8 = 2
    static let delete: UInt8 = 3
    static let deleteStrict: UInt8 = 4
}

extension FlowMod {
    /// Writes `struct ofp_flow_mod` without its header.
    func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .add(let flow): Self.encode(flow, FlowModCommand.add, into: &buffer)
        case .modifyStrict(let flow): Self.encode(flow, FlowModCommand.modifyStrict, into: &buffer)
        case .deleteStrict(let key, let cookie):
            Self.encode(
                Flow(key: key, instructions: Instructions()),
                FlowModCommand.deleteStrict,
                cookie,
                into: &buffer
            )
        case .delete(let filter):
            let key = Flow.Key(table: filter.table ?? Wildcard.table, priority: 0, match: filter.match)
            Self.encode(
                Flow(key: key, instructions: Instructions()),
                FlowModCommand.delete,
                filter.cookie,
                into: &buffer
            )
        }
    }

    private static func encode(
        _ flow: Flow,
        _ command: UInt8,
        _ cookie: CookieFilter? = nil,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeMultipleIntegers(
            cookie?.value ?? flow.cookie,
            cookie?.mask ?? 0,
            flow.table,
            command,
            flow.idleTimeout,
            flow.hardTimeout,
            flow.priority,
            Wildcard.noBuffer,
            Wildcard.port,
            Wildcard.group,
            flow.flags.rawValue,
            flow.importance
        )
        flow.match.encode(into: &buffer)
        flow.instructions.encode(into: &buffer)
    }
}

extension FlowFilter {
    /// Writes the body of a request for flows or for their number (OpenFlow 1.4, 7.3.5.2 and 7.3.5.3).
    func encode(into buffer: inout ByteBuffer) {
        buffer.writeInteger(table ?? Wildcard.table)
        buffer.writeRepeatingByte(0, count: 3)
        buffer.writeMultipleIntegers(Wildcard.port, Wildcard.group, UInt32(0), cookie.value, cookie.mask)
        match.encode(into: &buffer)
    }
}

extension FlowEntry {
    /// Takes one `struct ofp_flow_stats` off the buffer (OpenFlow 1.4, 7.3.5.2).
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { throw .short("flow") }
        guard length >= 48, var entry = buffer.readSlice(length: Int(length)), entry.skip(2),
            let (table, _, _, _, priority, idle, hard, flags, importance, _) = entry.readMultipleIntegers(
                as: (UInt8, UInt8, UInt32, UInt32, UInt16, UInt16, UInt16, UInt16, UInt16, UInt16).self
            ),
            let (cookie, packets, bytes) = entry.readMultipleIntegers(as: (UInt64, UInt64, UInt64).self)
        else { throw .protocolViolation("a flow of \(length) bytes") }
        let match = try Match(decoding: &entry)
        self.init(
            flow: Flow(
                key: Flow.Key(table: table, priority: priority, match: match),
                cookie: cookie,
                idleTimeout: idle,
                hardTimeout: hard,
                importance: importance,
                flags: Flow.Flags(rawValue: flags),
                instructions: try Instructions(decoding: &entry)
            ),
            packetCount: packets,
            byteCount: bytes
        )
    }
}
