import NIOCore

/// `enum ofp_action_type`.
enum ActionType {
    static let output: UInt16 = 0
    static let pushVLAN: UInt16 = 17
    static let popVLAN: UInt16 = 18
    static let group: UInt16 = 22
    static let decrementTTL: UInt16 = 24
    static let setField: UInt16 = 25
    static let experimenter: UInt16 = 0xffff
}

/// Nicira's own actions: what follows their number as an experimenter.
enum NiciraAction {
    static let experimenter: UInt32 = 0x2320

    static let resubmit: UInt16 = 1
    static let move: UInt16 = 6
    static let load: UInt16 = 7
    static let note: UInt16 = 8
    static let resubmitTable: UInt16 = 14
    static let outputField: UInt16 = 15
    static let learn: UInt16 = 16
    static let outputField2: UInt16 = 32
    static let setField: UInt16 = 33
    static let ct: UInt16 = 35
    static let clone: UInt16 = 42
    static let ctClear: UInt16 = 43
    static let resubmitTableCT: UInt16 = 44
    static let learn2: UInt16 = 45
    static let checkPacketLarger: UInt16 = 49

    /// Bits of the header of one part of `learn`.
    static let learnBits: UInt16 = 0x3ff
    static let learnDestination: UInt16 = 3 << 11
    static let learnLoad: UInt16 = 1 << 11
    static let learnOutput: UInt16 = 2 << 11
    static let learnImmediate: UInt16 = 1 << 13

    static let noTable: UInt8 = 0xff
    static let ctCommit: UInt16 = 1
    static let ctForce: UInt16 = 2
}

extension ByteBuffer {
    mutating func writeActions(_ actions: [FlowAction]) {
        for action in actions { writeAction(action) }
    }

    private mutating func writeAction(_ action: FlowAction) {
        let start = writerIndex
        switch action {
        case .output(let port): writeOutput(port, maxLength: 0)
        case .controller(let maxLength): writeOutput(FlowAction.controllerPort, maxLength: maxLength)
        case .pushVLAN(let type):
            writeMultipleIntegers(ActionType.pushVLAN, UInt16(8), type.rawValue, UInt16(0))
        case .popVLAN: writeMultipleIntegers(ActionType.popVLAN, UInt16(8), UInt32(0))
        case .group(let number): writeMultipleIntegers(ActionType.group, UInt16(8), number)
        case .decrementTTL: writeMultipleIntegers(ActionType.decrementTTL, UInt16(8), UInt32(0))
        case .setField(let field) where field.isExact:
            writeMultipleIntegers(ActionType.setField, UInt16(0))
            writeOXM(field)
        case .setField(let field):
            // OpenFlow 1.4 itself can only set whole fields.
            writeNicira(NiciraAction.setField)
            writeOXM(field)
        case .outputField(let source, let maxLength):
            writeNicira(NiciraAction.outputField)
            writeInteger(source.offsetAndCount)
            writeField(source.field)
            writeInteger(maxLength)
            writeRepeatingByte(0, count: 6)
        case .load(let value, let target):
            writeNicira(NiciraAction.load)
            writeInteger(target.offsetAndCount)
            writeField(target.field)
            writeInteger(value)
        case .move(let source, let target):
            writeNicira(NiciraAction.move)
            writeMultipleIntegers(UInt16(target.count), UInt16(source.offset), UInt16(target.offset))
            writeField(source.field)
            writeField(target.field)
        case .resubmit(let port, nil, false):
            writeNicira(NiciraAction.resubmit)
            writeMultipleIntegers(FlowAction.resubmitPort(port), UInt32(0))
        case .resubmit(let port, let table, let ct):
            writeNicira(ct ? NiciraAction.resubmitTableCT : NiciraAction.resubmitTable)
            writeMultipleIntegers(FlowAction.resubmitPort(port), table ?? NiciraAction.noTable)
            writeRepeatingByte(0, count: 3)
        case .learn(let learn): writeLearn(learn)
        case .ct(let tracking): writeTracking(tracking)
        case .ctClear:
            writeNicira(NiciraAction.ctClear)
            writeRepeatingByte(0, count: 6)
        case .clone(let actions):
            writeNicira(NiciraAction.clone)
            writeRepeatingByte(0, count: 6)
            writeActions(actions)
        case .checkPacketLarger(let length, let target):
            writeNicira(NiciraAction.checkPacketLarger)
            writeMultipleIntegers(length, UInt16(target.offset))
            writeField(target.field)
            // It has room for the longest name of a field.
            writeRepeatingByte(0, count: 24 - (writerIndex - start))
        case .note(let bytes):
            writeNicira(NiciraAction.note)
            writeBytes(bytes)
        case .opaque(let action):
            // Its own length is in it.
            writeBytes(action.bytes)
            return
        }
        pad(from: start)
        setInteger(UInt16(truncatingIfNeeded: writerIndex - start), at: start + 2)
    }

    private mutating func writeOutput(_ port: UInt32, maxLength: UInt16) {
        writeMultipleIntegers(ActionType.output, UInt16(16), port, maxLength)
        writeRepeatingByte(0, count: 6)
    }

    private mutating func writeNicira(_ subtype: UInt16) {
        writeMultipleIntegers(ActionType.experimenter, UInt16(0), NiciraAction.experimenter, subtype)
    }

    private mutating func writeTracking(_ tracking: ConnectionTracking) {
        writeNicira(NiciraAction.ct)
        writeInteger((tracking.commits ? NiciraAction.ctCommit : 0) | (tracking.forces ? NiciraAction.ctForce : 0))
        switch tracking.zone {
        case .number(let number): writeMultipleIntegers(UInt32(0), number)
        case .field(let source):
            writeField(source.field)
            writeInteger(source.offsetAndCount)
        }
        writeInteger(tracking.table ?? NiciraAction.noTable)
        writeRepeatingByte(0, count: 3)
        writeInteger(tracking.helper)
        writeActions(tracking.actions)
    }

    private mutating func writeLearn(_ learn: Learn) {
        let isLonger = learn.limit != 0 || learn.result != nil
        writeNicira(isLonger ? NiciraAction.learn2 : NiciraAction.learn)
        let flags = learn.flags.union(learn.result == nil ? [] : .writeResult)
        writeMultipleIntegers(
            learn.idleTimeout,
            learn.hardTimeout,
            learn.priority,
            learn.cookie,
            flags.rawValue,
            learn.table,
            UInt8(0),
            learn.finIdleTimeout,
            learn.finHardTimeout
        )
        if isLonger {
            writeMultipleIntegers(learn.limit, UInt16(learn.result?.offset ?? 0), UInt16(0))
            if let result = learn.result { writeField(result.field) }
        }
        for spec in learn.specs { writeSpec(spec) }
    }

    private mutating func writeSpec(_ spec: Learn.Spec) {
        switch spec {
        case .match(let target, let value):
            writeImmediate(value, count: target.count, destination: 0)
            writeOffset(target)
        case .load(let value, let target):
            writeImmediate(value, count: target.count, destination: NiciraAction.learnLoad)
            writeOffset(target)
        case .matchField(let target, let source):
            writeInteger(UInt16(target.count))
            writeOffset(source)
            writeOffset(target)
        case .loadField(let source, let target):
            writeInteger(UInt16(target.count) | NiciraAction.learnLoad)
            writeOffset(source)
            writeOffset(target)
        case .output(let source):
            writeInteger(UInt16(source.count) | NiciraAction.learnOutput)
            writeOffset(source)
        }
    }

    /// A constant takes whole pairs of bytes.
    private mutating func writeImmediate(_ value: UInt128, count: Int, destination: UInt16) {
        writeInteger(UInt16(count) | destination | NiciraAction.learnImmediate)
        writeUnsigned(value, bytes: (count + 15) / 16 * 2)
    }

    private mutating func writeOffset(_ subfield: Subfield) {
        writeField(subfield.field)
        writeInteger(UInt16(subfield.offset))
    }
}

extension FlowAction {
    static let controllerPort: UInt32 = 0xffff_fffd

    /// The port in the 16 bits of OpenFlow 1.0; the packet's own where none is given.
    fileprivate static func resubmitPort(_ port: UInt32?) -> UInt16 {
        port.map { UInt16(truncatingIfNeeded: $0) } ?? 0xfff8
    }
}

extension Subfield {
    /// The offset and the number of bits less one, in one word.
    fileprivate var offsetAndCount: UInt16 { UInt16(offset << 6 | (count - 1)) }
}
