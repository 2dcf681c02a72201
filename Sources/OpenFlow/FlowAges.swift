import NIOCore

/// For how long no packet has met flows, which a switch does not tell over OpenFlow 1.4: asked of it once, over
/// OpenFlow 1.0 with Nicira's extension (`NXST_FLOW`, as `ovs-ofctl dump-flows` does).
public enum FlowAges {
    /// The fewest whole seconds for which none of the flows of a cookie in a table met a packet; `nil` where there are
    /// none, or the switch has not counted.
    ///
    /// - Parameter deadline: after which the answer is not waited for.
    public static func idleSeconds(
        socketPath: String,
        table: UInt8,
        cookie: UInt64,
        deadline: TimeAmount = .seconds(2),
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<Int?> {
        let question = Question(table: table, cookie: cookie)
        return BriefConnection.ask(question, socketPath: socketPath, deadline: deadline, on: eventLoop)
    }

    private struct Question: BriefQuestion, Sendable {
        private static let statisticsRequest: UInt8 = 16
        private static let statisticsReply: UInt8 = 17
        /// Type `vendor`, no flags, Nicira, `NXST_FLOW`, padding.
        private static let header: (UInt16, UInt16, UInt32, UInt32, UInt32) = (0xffff, 0, 0x2320, 0, 0)
        /// `NXM_NX_COOKIE`, eight bytes.
        private static let cookieField: UInt32 = 1 << 16 | 30 << 9 | 8

        let table: UInt8
        let cookie: UInt64
        private var least: Int?

        init(table: UInt8, cookie: UInt64) { (self.table, self.cookie) = (table, cookie) }

        var opening: BriefMessage {
            var request = ByteBuffer()
            let (type, flags, vendor, subtype, padding) = Self.header
            request.writeMultipleIntegers(type, flags, vendor, subtype, padding)
            // Any way out; a match of twelve bytes, padded to sixteen.
            request.writeMultipleIntegers(UInt16.max, UInt16(12), table, UInt8(0), UInt16(0))
            request.writeMultipleIntegers(Self.cookieField, cookie, UInt32(0))
            return BriefMessage(type: Self.statisticsRequest, body: request)
        }

        mutating func take(_ type: UInt8, _ body: ByteBuffer) throws -> BriefStep<Int?> {
            guard type == Self.statisticsReply else { return .wait }
            var body = body
            guard let (_, flags) = body.readMultipleIntegers(as: (UInt16, UInt16).self), body.skip(12) else {
                throw OpenFlowError.short("flow ages")
            }
            while body.readableBytes > 0 {
                // `struct nx_flow_stats`: its length first, and at byte 20 the age, one more than it is.
                guard let length = body.getInteger(at: body.readerIndex, as: UInt16.self), length >= 48,
                    let age = body.getInteger(at: body.readerIndex + 20, as: UInt16.self), body.skip(Int(length))
                else { throw OpenFlowError.short("flow ages") }
                if age > 0 { least = min(least ?? .max, Int(age) - 1) }
            }
            return flags & 1 == 0 ? .done(least) : .wait
        }
    }
}
