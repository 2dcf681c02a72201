import NIOCore

extension ByteBuffer {
    /// Writes a request for each change, and a barrier request, under transaction ids that count up from `firstXID`.
    ///
    /// - Throws: ``OpenFlowError/modTooLong(_:)`` for a change that no message can hold.
    mutating func writeMods(_ mods: [SwitchMod], firstXID: UInt32) throws(OpenFlowError) {
        var xid = firstXID
        for mod in mods {
            let start = writerIndex
            writeMultipleIntegers(openFlowVersion, mod.type.rawValue, UInt16(0), xid)
            mod.encodeBody(into: &self)
            guard let length = UInt16(exactly: writerIndex - start) else { throw .modTooLong(mod) }
            setInteger(length, at: start + 2)
            xid &+= 1
        }
        OutgoingMessage.barrierRequest.encode(xid: xid, into: &self)
    }
}

extension SwitchMod {
    fileprivate var type: MessageType {
        switch self {
        case .group: .groupMod
        case .meter: .meterMod
        case .port: .portMod
        case .fragments: .setConfig
        case .packet: .packetOut
        }
    }

    fileprivate func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .group(let mod): mod.encodeBody(into: &buffer)
        case .meter(let mod): mod.encodeBody(into: &buffer)
        case .port(let mod): mod.encodeBody(into: &buffer)
        case .fragments(let handling):
            buffer.writeMultipleIntegers(handling.rawValue, SwitchConfiguration.missSendLength)
        case .packet(let packet): packet.encodeBody(into: &buffer)
        }
    }
}

extension PacketOut {
    /// Of a packet that no buffer of the switch holds.
    private static let noBuffer = UInt32.max

    /// Writes `struct ofp_packet_out` without its header.
    fileprivate func encodeBody(into buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(Self.noBuffer, inPort)
        let length = buffer.writerIndex
        buffer.writeRepeatingByte(0, count: 8)
        let start = buffer.writerIndex
        buffer.writeActions(actions)
        buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - start), at: length)
        buffer.writeBytes(bytes)
    }
}

extension PortMod {
    /// Writes `struct ofp_port_mod` without its header and with no properties.
    fileprivate func encodeBody(into buffer: inout ByteBuffer) {
        let address = hardwareAddress.rawValue
        buffer.writeMultipleIntegers(number, UInt32(0), UInt16(truncatingIfNeeded: address >> 32))
        buffer.writeMultipleIntegers(UInt32(truncatingIfNeeded: address), UInt16(0))
        buffer.writeMultipleIntegers(configuration.rawValue, mask.rawValue)
    }
}
