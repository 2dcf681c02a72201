import NIOCore

/// `enum ofp_instruction_type`.
private enum InstructionType {
    static let goto: UInt16 = 1
    static let writeMetadata: UInt16 = 2
    static let writeActions: UInt16 = 3
    static let applyActions: UInt16 = 4
    static let clearActions: UInt16 = 5
    static let meter: UInt16 = 6
}

extension Instructions {
    func encode(into buffer: inout ByteBuffer) {
        if let meter { buffer.writeMultipleIntegers(InstructionType.meter, UInt16(8), meter) }
        if !actions.isEmpty { encode(actions, as: InstructionType.applyActions, into: &buffer) }
        if clearsActionSet { buffer.writeMultipleIntegers(InstructionType.clearActions, UInt16(8), UInt32(0)) }
        if !actionSet.isEmpty { encode(actionSet, as: InstructionType.writeActions, into: &buffer) }
        if let metadata {
            buffer.writeMultipleIntegers(
                InstructionType.writeMetadata,
                UInt16(24),
                UInt32(0),
                metadata.value,
                metadata.mask
            )
        }
        for instruction in opaque { buffer.writeBytes(instruction) }
        if let goto {
            buffer.writeMultipleIntegers(InstructionType.goto, UInt16(8), goto)
            buffer.writeRepeatingByte(0, count: 3)
        }
    }

    private func encode(_ actions: [FlowAction], as type: UInt16, into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeMultipleIntegers(type, UInt16(0), UInt32(0))
        buffer.writeActions(actions)
        buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - start), at: start + 2)
    }

    /// Takes all of the buffer.
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        self.init()
        while buffer.readableBytes > 0 {
            guard let (type, length) = buffer.peekMultipleIntegers(as: (UInt16, UInt16).self) else {
                throw .short("instruction")
            }
            guard length >= 8, length % 8 == 0, let whole = buffer.readSlice(length: Int(length)) else {
                throw .protocolViolation("an instruction of \(length) bytes")
            }
            var body = whole
            body.moveReaderIndex(forwardBy: 4)
            switch type {
            case InstructionType.goto: goto = body.readInteger()
            case InstructionType.meter: meter = body.readInteger()
            case InstructionType.clearActions: clearsActionSet = true
            case InstructionType.applyActions:
                body.moveReaderIndex(forwardBy: 4)
                actions += try [FlowAction](decoding: &body)
            case InstructionType.writeActions:
                body.moveReaderIndex(forwardBy: 4)
                actionSet += try [FlowAction](decoding: &body)
            case InstructionType.writeMetadata:
                guard let (_, value, mask) = body.readMultipleIntegers(as: (UInt32, UInt64, UInt64).self) else {
                    throw .protocolViolation("an instruction of \(length) bytes")
                }
                metadata = MetadataWrite(value, mask: mask)
            default: opaque.append(Array(whole.readableBytesView))
            }
        }
    }
}
