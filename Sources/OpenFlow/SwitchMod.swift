/// What a switch is asked to do that is no change of a flow.
public enum SwitchMod: Hashable, Sendable {
    case group(GroupMod)
    case meter(MeterMod)
    case port(PortMod)
    /// Of the whole bridge.
    case fragments(FragmentHandling)
    case packet(PacketOut)
}

/// Has a switch treat a packet as if it had come by a port (OpenFlow 1.4, 7.3.6).
public struct PacketOut: Hashable, Sendable {
    public var inPort: UInt32
    public var actions: [FlowAction]
    /// From the destination address on, without the check sequence.
    public var bytes: [UInt8]

    public init(_ bytes: [UInt8], from inPort: UInt32, actions: [FlowAction]) {
        (self.bytes, self.inPort, self.actions) = (bytes, inPort, actions)
    }
}

/// Sets what an administrator may set of a port (OpenFlow 1.4, 7.3.4.5).
public struct PortMod: Hashable, Sendable {
    public var number: UInt32
    /// The port's own: a switch refuses any other, so that a number that is used again means no other port.
    public var hardwareAddress: EthernetAddress
    public var configuration: SwitchPort.Configuration
    /// The bits that are set or cleared; all others stay.
    public var mask: SwitchPort.Configuration

    /// Clears some bits of a port as it is known.
    public init(clearing mask: SwitchPort.Configuration, of port: SwitchPort) {
        number = port.number
        hardwareAddress = port.hardwareAddress
        configuration = []
        self.mask = mask
    }
}

/// What a switch does with fragments of IP packets: `enum ofp_config_flags`.
public struct FragmentHandling: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// Passes them through the tables, with transport ports of 0.
    public static let normal = FragmentHandling(rawValue: 0)
    public static let drop = FragmentHandling(rawValue: 1)
    public static let reassemble = FragmentHandling(rawValue: 2)
    /// As normal, and the first fragment with its transport ports (ovs-ofctl(8), set-frags).
    public static let niciraMatch = FragmentHandling(rawValue: 3)
}

/// A switch's settings: what `ovs-ofctl get-frags` prints, and more.
public struct SwitchConfiguration: Hashable, Sendable {
    public var fragments: FragmentHandling
    /// Bytes of a packet that are sent to this connection on a table miss.
    public var missSendLength: UInt16

    public init(fragments: FragmentHandling, missSendLength: UInt16) {
        self.fragments = fragments
        self.missSendLength = missSendLength
    }

    /// What a connection of ours asks for: without any, a service connection is sent no port status.
    static let missSendLength: UInt16 = 128
}

extension FragmentHandling: CustomStringConvertible {
    public var description: String {
        switch self {
        case .normal: "normal"
        case .drop: "drop"
        case .reassemble: "reassemble"
        case .niciraMatch: "nx-match"
        default: "0x\(hexDigits(rawValue))"
        }
    }
}

extension SwitchPort.Configuration: CustomStringConvertible {
    /// As `ovs-ofctl show` prints it: `NO_RECV NO_FWD`, and `0` for nothing.
    public var description: String {
        let named = Self.names.filter { contains($0.0) }
        let other = subtracting(Configuration(named.map(\.0)))
        let words = named.map(\.1) + (other.isEmpty ? [] : ["0x\(hexDigits(other.rawValue))"])
        return words.isEmpty ? "0" : words.joined(separator: " ")
    }

    private typealias Configuration = SwitchPort.Configuration

    private static let names: [(SwitchPort.Configuration, String)] = [
        (.down, "PORT_DOWN"), (.noReceive, "NO_RECV"), (.noForward, "NO_FWD"), (.noPacketIn, "NO_PACKET_IN"),
    ]
}

extension SwitchMod: CustomStringConvertible {
    public var description: String {
        switch self {
        case .group(let mod): "group \(mod)"
        case .meter(let mod): "meter \(mod)"
        case .port(let mod): "port \(mod.number): config \(mod.configuration), mask \(mod.mask)"
        case .fragments(let handling): "fragments \(handling)"
        case .packet(let packet): "packet of \(packet.bytes.count) bytes from port \(packet.inPort)"
        }
    }
}
