import NIOCore

// Headers and values of fields (OpenFlow 1.4, 7.2.2.2), in matches and in actions.

extension ByteBuffer {
    /// The lowest bytes of a number, highest first.
    mutating func writeUnsigned(_ value: UInt128, bytes: Int) {
        for index in stride(from: bytes - 1, through: 0, by: -1) {
            writeInteger(UInt8(truncatingIfNeeded: value >> UInt128(8 * index)))
        }
    }

    /// A number of at most 16 bytes; `nil`, and nothing read, when there are fewer.
    mutating func readUnsigned(bytes: Int) -> UInt128? {
        guard bytes <= 16, let slice = readSlice(length: bytes) else { return nil }
        return slice.readableBytesView.reduce(0) { $0 << 8 | UInt128($1) }
    }

    /// The header of a field that stands for the field alone, as in actions, or before a value.
    mutating func writeOXMHeader(_ header: OXMHeader, masked: Bool = false, valueBytes: Int) {
        let isExperimenter = header.class == OXMHeader.experimenterClass
        writeMultipleIntegers(
            header.class,
            header.field << 1 | (masked ? 1 : 0),
            UInt8(valueBytes * (masked ? 2 : 1) + (isExperimenter ? 4 : 0))
        )
        if isExperimenter { writeInteger(header.experimenter) }
    }

    mutating func writeOXM(_ match: FieldMatch) {
        let bytes = match.field.bytes
        writeOXMHeader(match.field.matchHeader, masked: !match.isExact, valueBytes: bytes)
        writeUnsigned(match.value, bytes: bytes)
        if !match.isExact { writeUnsigned(match.mask, bytes: bytes) }
    }

    /// The header of a field in an action.
    mutating func writeField(_ field: Field) {
        writeOXMHeader(field.actionHeader, valueBytes: field.bytes)
    }

    /// A field that stands alone; `nil` for one that this module does not know and for too few bytes.
    mutating func readField() -> Field? {
        guard let (oxmClass, number, _) = readMultipleIntegers(as: (UInt16, UInt8, UInt8).self) else { return nil }
        var header = OXMHeader(class: oxmClass, field: number >> 1)
        if oxmClass == OXMHeader.experimenterClass {
            guard let experimenter = readInteger(as: UInt32.self) else { return nil }
            header.experimenter = experimenter
        }
        return Field(header)
    }

    /// A field and its value.
    mutating func readOXM() throws(OpenFlowError) -> ReadOXM {
        let start = self
        guard let (oxmClass, number, length) = readMultipleIntegers(as: (UInt16, UInt8, UInt8).self),
            var payload = readSlice(length: Int(length))
        else { throw .short("match field") }
        var header = OXMHeader(class: oxmClass, field: number >> 1)
        if oxmClass == OXMHeader.experimenterClass {
            guard let experimenter = payload.readInteger(as: UInt32.self) else { throw .short("match field") }
            header.experimenter = experimenter
        }
        guard let field = Field(header) else {
            let whole = start.readableBytesView.dropFirst(4).prefix(Int(length))
            let headerWord = start.getInteger(at: start.readerIndex, as: UInt32.self) ?? 0
            return .opaque(OpaqueField(header: headerWord, payload: Array(whole)))
        }
        let isMasked = number & 1 != 0
        guard payload.readableBytes == field.bytes * (isMasked ? 2 : 1),
            let value = payload.readUnsigned(bytes: field.bytes)
        else { throw .protocolViolation("a match on \(field.name) of \(length) bytes") }
        let mask = isMasked ? payload.readUnsigned(bytes: field.bytes) : nil
        return .known(FieldMatch(field, value, mask: mask))
    }

    enum ReadOXM {
        case known(FieldMatch)
        case opaque(OpaqueField)
    }

    /// Zeros up to a multiple of eight bytes after `start`.
    mutating func pad(from start: Int) {
        writeRepeatingByte(0, count: (8 - (writerIndex - start) % 8) % 8)
    }
}

extension Match {
    /// Writes `struct ofp_match` with its padding.
    func encode(into buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        buffer.writeMultipleIntegers(Self.oxmType, UInt16(0))
        // The type of the frame comes first: other fields require it.
        if let type = self[.ethernetType] { buffer.writeOXM(type) }
        for entry in entries where entry.field != .ethernetType { buffer.writeOXM(entry) }
        for field in opaque {
            buffer.writeInteger(field.header)
            buffer.writeBytes(field.payload)
        }
        buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - start), at: start + 2)
        buffer.pad(from: start)
    }

    /// Takes `struct ofp_match` and its padding off the buffer.
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let (type, length) = buffer.readMultipleIntegers(as: (UInt16, UInt16).self) else { throw .short("match") }
        guard type == Self.oxmType, length >= 4, var fields = buffer.readSlice(length: Int(length) - 4),
            buffer.skip((8 - Int(length) % 8) % 8)
        else { throw .protocolViolation("a match of type \(type) and \(length) bytes") }
        self.init()
        while fields.readableBytes > 0 {
            switch try fields.readOXM() {
            case .known(let field): add(field)
            case .opaque(let field): add(field)
            }
        }
    }

    private static let oxmType: UInt16 = 1
}
