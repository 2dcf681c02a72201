import NIOCore

/// `enum ofp_meter_mod_command`.
private enum MeterModCommand {
    static let add: UInt16 = 0
    static let modify: UInt16 = 1
    static let delete: UInt16 = 2
}

/// `enum ofp_meter_flags`.
private enum MeterFlags {
    static let kilobits: UInt16 = 1 << 0
    static let packets: UInt16 = 1 << 1
    static let bursts: UInt16 = 1 << 2
    static let statistics: UInt16 = 1 << 3
}

/// `enum ofp_meter_band_type`.
private enum BandType {
    static let drop: UInt16 = 1
    static let remark: UInt16 = 2
}

extension MeterMod {
    /// Writes `struct ofp_meter_mod` without its header.
    func encodeBody(into buffer: inout ByteBuffer) {
        switch self {
        case .add(let meter): meter.encode(MeterModCommand.add, into: &buffer)
        case .modify(let meter): meter.encode(MeterModCommand.modify, into: &buffer)
        case .delete(let number): buffer.writeMultipleIntegers(MeterModCommand.delete, UInt16(0), number)
        case .deleteAll: buffer.writeMultipleIntegers(MeterModCommand.delete, UInt16(0), Meter.all)
        }
    }

    /// Takes all of the buffer.
    init(decoding body: inout ByteBuffer) throws(OpenFlowError) {
        guard let (command, flags, number) = body.readMultipleIntegers(as: (UInt16, UInt16, UInt32).self) else {
            throw .short("meter mod")
        }
        guard command != MeterModCommand.delete else {
            self = number == Meter.all ? .deleteAll : .delete(number)
            return
        }
        let meter = try Meter(number, flags: flags, bands: &body)
        self = command == MeterModCommand.add ? .add(meter) : .modify(meter)
    }
}

extension Meter {
    fileprivate func encode(_ command: UInt16, into buffer: inout ByteBuffer) {
        let unit = self.unit == .kilobits ? MeterFlags.kilobits : MeterFlags.packets
        let flags = unit | (hasBursts ? MeterFlags.bursts : 0) | (hasStatistics ? MeterFlags.statistics : 0)
        buffer.writeMultipleIntegers(command, flags, number)
        for band in bands {
            let (type, levels): (UInt16, UInt8) =
                switch band.effect {
                case .drop: (BandType.drop, 0)
                case .remark(let levels): (BandType.remark, levels)
                }
            buffer.writeMultipleIntegers(type, UInt16(16), band.rate, band.burst, levels)
            buffer.writeRepeatingByte(0, count: 3)
        }
    }

    fileprivate init(_ number: UInt32, flags: UInt16, bands body: inout ByteBuffer) throws(OpenFlowError) {
        self.init(
            number,
            flags & MeterFlags.packets == 0 ? .kilobits : .packets,
            hasBursts: flags & MeterFlags.bursts != 0,
            hasStatistics: flags & MeterFlags.statistics != 0
        )
        while body.readableBytes > 0 {
            guard let (type, length) = body.peekMultipleIntegers(as: (UInt16, UInt16).self) else {
                throw .short("meter band")
            }
            guard length >= 16, var band = body.readSlice(length: Int(length)), band.skip(4),
                let (rate, burst, levels) = band.readMultipleIntegers(as: (UInt32, UInt32, UInt8).self)
            else { throw .protocolViolation("a meter band of \(length) bytes") }
            // Where bursts don't count, Open vSwitch has something there all the same.
            let countedBurst = hasBursts ? burst : 0
            switch type {
            case BandType.drop: bands.append(Band(.drop, rate: rate, burst: countedBurst))
            case BandType.remark: bands.append(Band(.remark(levels: levels), rate: rate, burst: countedBurst))
            default: throw .protocolViolation("a meter band of type \(type)")
            }
        }
    }

    /// Takes one `struct ofp_meter_config` off the buffer (OpenFlow 1.4, 7.3.5.13).
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { throw .short("meter") }
        guard length >= 8, var body = buffer.readSlice(length: Int(length)), body.skip(2),
            let (flags, number) = body.readMultipleIntegers(as: (UInt16, UInt32).self)
        else { throw .protocolViolation("a meter of \(length) bytes") }
        try self.init(number, flags: flags, bands: &body)
    }
}
