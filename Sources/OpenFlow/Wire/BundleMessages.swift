import NIOCore

/// `enum ofp_bundle_ctrl_type`.
enum BundleControl: UInt16, Hashable, Sendable {
    case openRequest = 0
    case openReply = 1
    case closeRequest = 2
    case closeReply = 3
    case commitRequest = 4
    case commitReply = 5
    case discardRequest = 6
    case discardReply = 7

    /// All or nothing, for packets too, and in the order in which the messages came.
    static let flags: UInt16 = 1 << 0 | 1 << 1
}

extension ByteBuffer {
    /// Writes the request that opens a bundle, one for each change, and the request that closes it, under transaction
    /// ids that count up from `firstXID`.
    ///
    /// - Throws: ``OpenFlowError/tooLong(_:)`` for a change that no message can hold.
    mutating func writeBundle(id: UInt32, _ mods: [FlowMod], firstXID: UInt32) throws(OpenFlowError) {
        OutgoingMessage.bundleControl(.openRequest, id: id).encode(xid: firstXID, into: &self)
        var xid = firstXID
        for mod in mods {
            xid &+= 1
            let start = writerIndex
            writeMultipleIntegers(openFlowVersion, MessageType.bundleAddMessage.rawValue, UInt16(0), xid)
            writeMultipleIntegers(id, UInt16(0), BundleControl.flags)
            let inner = writerIndex
            writeMultipleIntegers(openFlowVersion, MessageType.flowMod.rawValue, UInt16(0), xid)
            mod.encodeBody(into: &self)
            guard let length = UInt16(exactly: writerIndex - start) else { throw .tooLong(mod) }
            setInteger(length, at: start + 2)
            setInteger(length - UInt16(inner - start), at: inner + 2)
        }
        OutgoingMessage.bundleControl(.closeRequest, id: id).encode(xid: xid &+ 1, into: &self)
    }
}
