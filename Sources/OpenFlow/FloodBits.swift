import NIOCore

/// Whether the switch floods to a port, which it neither tells nor takes over a version after OpenFlow 1.0: `ovs-ofctl
/// mod-port BRIDGE PORT no-flood`. One member of a bond that has it stops all that the bridge floods to the bond.
public enum FloodBits {
    /// Floods again to those of these ports to which somebody has stopped it; gives their names.
    ///
    /// - Parameter deadline: after which the answer is not waited for: what was undone by then is not told.
    public static func clear(
        of ports: Set<String>,
        socketPath: String,
        deadline: TimeAmount = .seconds(10),
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<[String]> {
        BriefConnection.ask(Question(ports: ports), socketPath: socketPath, deadline: deadline, on: eventLoop)
    }

    /// Asks for the ports as `ovs-ofctl dump-ports-desc` does (`OFPST_PORT_DESC`, which Open vSwitch answers over
    /// OpenFlow 1.0, too).
    private struct Question: BriefQuestion, Sendable {
        private static let portMod: UInt8 = 15
        private static let statisticsRequest: UInt8 = 16
        private static let statisticsReply: UInt8 = 17
        private static let barrierRequest: UInt8 = 18
        private static let barrierReply: UInt8 = 19
        private static let portDescriptions: UInt16 = 13
        /// `OFPPC_NO_FLOOD`.
        private static let noFlood: UInt32 = 1 << 4

        let ports: Set<String>
        private var found: [String] = []
        private var mods: [BriefMessage] = []

        init(ports: Set<String>) { self.ports = ports }

        var opening: BriefMessage {
            var request = ByteBuffer()
            request.writeMultipleIntegers(Self.portDescriptions, UInt16(0))
            return BriefMessage(type: Self.statisticsRequest, body: request)
        }

        mutating func take(_ type: UInt8, _ body: ByteBuffer) throws -> BriefStep<[String]> {
            switch type {
            case Self.statisticsReply:
                var body = body
                guard let (kind, flags) = body.readMultipleIntegers(as: (UInt16, UInt16).self),
                    kind == Self.portDescriptions
                else { throw OpenFlowError.short("port descriptions") }
                while body.readableBytes > 0 { try takePort(&body) }
                if flags & 1 == 1 { return .wait }
                if mods.isEmpty { return .done([]) }
                return .send(mods + [BriefMessage(type: Self.barrierRequest, body: ByteBuffer())])
            case Self.barrierReply: return .done(found.sorted())
            default: return .wait
            }
        }

        /// `struct ofp10_phy_port`.
        private mutating func takePort(_ body: inout ByteBuffer) throws {
            guard let number = body.readInteger(as: UInt16.self), let address = body.readSlice(length: 6),
                let name = body.readBytes(length: 16), let configuration = body.readInteger(as: UInt32.self),
                body.skip(20)
            else { throw OpenFlowError.short("port descriptions") }
            let text = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
            guard configuration & Self.noFlood != 0, ports.contains(text) else { return }
            found.append(text)
            // `struct ofp10_port_mod`: what the bits become, which of them, no change of what is advertised, padding.
            var mod = ByteBuffer(integer: number)
            mod.writeImmutableBuffer(address)
            mod.writeMultipleIntegers(UInt32(0), Self.noFlood, UInt32(0), UInt32(0))
            mods.append(BriefMessage(type: Self.portMod, body: mod))
        }
    }
}
