import NIOCore

/// A request for every change of some flows (OpenFlow 1.4, 7.3.5.17).
struct FlowMonitorRequest: Hashable, Sendable {
    /// Different for each monitor of one session.
    var id: UInt32
    /// `nil` for all tables.
    var table: UInt8?
    var match: Match

    func encode(into buffer: inout ByteBuffer) {
        let any: UInt32 = 0xffff_ffff
        // Flows that are there already, added, removed and changed, each with what it does.
        let flags: UInt16 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
        let add: UInt8 = 0
        buffer.writeMultipleIntegers(id, any, any, flags, table ?? 0xff, add)
        match.encode(into: &buffer)
    }
}

/// One part of a flow monitor's report.
enum FlowUpdate: Hashable, Sendable {
    /// Was there when the monitor began.
    case initial(Flow)
    case change(SwitchChange)

    /// Takes one update off the buffer.
    init(decoding buffer: inout ByteBuffer) throws(OpenFlowError) {
        guard let (length, event) = buffer.peekMultipleIntegers(as: (UInt16, UInt16).self) else {
            throw .short("flow update")
        }
        guard length >= 8, var update = buffer.readSlice(length: Int(length)), update.skip(4) else {
            throw .protocolViolation("a flow update of \(length) bytes")
        }
        switch event {
        case 0: self = .initial(try Self.flow(&update).0)
        case 1: self = .change(.flowAdded(try Self.flow(&update).0))
        case 2:
            let (flow, reason) = try Self.flow(&update)
            self = .change(.flowRemoved(flow, FlowRemovalReason(rawValue: reason)))
        case 3: self = .change(.flowModified(try Self.flow(&update).0))
        // Of our own changes the switch tells a transaction id, and that only of the first of several.
        case 4: self = .change(.ownFlows)
        case 5: self = .change(.flowsPaused)
        case 6: self = .change(.flowsResumed)
        default: throw .protocolViolation("a flow update with event \(event)")
        }
    }

    private static func flow(_ update: inout ByteBuffer) throws(OpenFlowError) -> (Flow, UInt8) {
        guard
            let (table, reason, idle, hard, priority, _, cookie) = update.readMultipleIntegers(
                as: (UInt8, UInt8, UInt16, UInt16, UInt16, UInt32, UInt64).self
            )
        else { throw .short("flow update") }
        let match = try Match(decoding: &update)
        let flow = Flow(
            key: Flow.Key(table: table, priority: priority, match: match),
            cookie: cookie,
            idleTimeout: idle,
            hardTimeout: hard,
            instructions: try Instructions(decoding: &update)
        )
        return (flow, reason)
    }
}

extension SwitchChange {
    /// Understands a request that another client made and that the switch forwards (OpenFlow 1.4, 7.4.6); `nil` for
    /// one that we did not ask to hear about.
    init?(forwarded body: ByteBuffer) throws(OpenFlowError) {
        var request = body
        guard let (_, type, length, _) = request.readMultipleIntegers(as: (UInt8, UInt8, UInt16, UInt32).self),
            length >= Frame.headerLength, var mod = request.readSlice(length: Int(length) - Frame.headerLength)
        else { throw .short("forwarded request") }
        switch MessageType(rawValue: type) {
        case .groupMod: self = .groupChanged(try GroupMod(decoding: &mod))
        case .meterMod: self = .meterChanged(try MeterMod(decoding: &mod))
        default: return nil
        }
    }
}
