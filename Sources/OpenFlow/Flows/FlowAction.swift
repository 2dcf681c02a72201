/// One thing that a flow does with a packet (ovs-actions(7)); its description is what `ovs-ofctl` prints and reads.
public indirect enum FlowAction: Hashable, Sendable {
    /// To a port, by number; see ``inPort``, ``normal`` and the others for those with a meaning of their own. A packet
    /// is never sent to the port that it came from, except by ``inPort``.
    case output(UInt32)
    /// To the port whose number a field holds.
    case outputField(Subfield, maxLength: UInt16 = .max)
    /// To the controllers, at most so many bytes of it.
    case controller(maxLength: UInt16 = .max)
    /// Puts a tag around what is there; its fields are then set.
    case pushVLAN(EtherType = .vlan)
    /// Takes the outermost tag off.
    case popVLAN
    /// Sets the bits of the mask. Needs a match that says that the field exists.
    case setField(FieldMatch)
    /// Sets some bits of a field. The switch keeps this apart from ``setField(_:)``, though it does the same.
    case load(UInt64, Subfield)
    /// Copies bits; both sides have as many.
    case move(from: Subfield, to: Subfield)
    /// Searches a table and does what the flow found there does, then goes on.
    ///
    /// - Parameters:
    ///   - port: taken for the packet's own meanwhile.
    ///   - table: without it, the same table again.
    ///   - ct: takes the original direction's addresses for the packet's own meanwhile.
    case resubmit(port: UInt32? = nil, table: UInt8? = nil, ct: Bool = false)
    case group(UInt32)
    /// Adds a flow that is made out of the packet.
    case learn(Learn)
    /// Sends the packet through connection tracking.
    case ct(ConnectionTracking)
    case ctClear
    /// What these change is undone after them.
    case clone([FlowAction])
    case decrementTTL
    /// Sets a bit where the packet, as it would leave now, is longer than so many bytes, and else clears it.
    case checkPacketLarger(UInt16, Subfield)
    /// Does nothing. Padded with zeros to a multiple of eight bytes less two.
    case note([UInt8])
    /// An action that this module does not know, as it came.
    case opaque(OpaqueAction)

    // MARK: Reserved ports

    /// Back to where the packet came from.
    public static let inPort = FlowAction.output(0xffff_fff8)
    /// Through the submission of OpenFlow 1.0's `TABLE`.
    static let table = FlowAction.output(0xffff_fff9)
    /// As a learning switch does.
    public static let normal = FlowAction.output(0xffff_fffa)
    /// To all ports but its own and those that do not flood.
    public static let flood = FlowAction.output(0xffff_fffb)
    /// To all ports but its own.
    public static let all = FlowAction.output(0xffff_fffc)
    /// To the bridge's own port.
    public static let local = FlowAction.output(SwitchPort.local)

    // MARK: Shorter

    /// Sets the VLAN of the tag that is there, 0 to 4095.
    public static func setVLAN(_ id: UInt16) -> FlowAction {
        .setField(FieldMatch(.vlanID, 0x1000 | UInt128(id & 0xfff)))
    }

    /// Sets a register with ``load(_:_:)``.
    public static func load(_ value: UInt64, _ field: Field) -> FlowAction { .load(value, Subfield(field)) }
}

/// Bits of a field.
public struct Subfield: Hashable, Sendable {
    public var field: Field
    /// The lowest bit.
    public var offset: Int
    /// How many bits, at least one.
    public var count: Int

    /// The whole field.
    public init(_ field: Field) {
        self.init(field, offset: 0, count: field.bits)
    }

    public init(_ field: Field, offset: Int, count: Int) {
        precondition(offset >= 0 && count > 0 && offset + count <= field.bits, "\(field) has \(field.bits) bits")
        self.field = field
        self.offset = offset
        self.count = count
    }
}

/// Makes a flow out of a packet (ovs-actions(7), `learn`): the flow of the same match is replaced and lives on.
public struct Learn: Hashable, Sendable {
    public var table: UInt8
    public var priority: UInt16
    public var cookie: UInt64
    public var idleTimeout: UInt16
    public var hardTimeout: UInt16
    /// Timeouts in seconds from when a TCP connection ends.
    public var finIdleTimeout: UInt16 = 0
    public var finHardTimeout: UInt16 = 0
    public var flags: Flags
    /// What the new flow matches and does, in order.
    public var specs: [Spec]
    /// Most flows with this cookie in the table; 0 for any number.
    public var limit: UInt32 = 0
    /// Takes a 1 when the flow is there, a 0 when the limit kept it out.
    public var result: Subfield?

    public init(
        table: UInt8,
        priority: UInt16 = Flow.defaultPriority,
        cookie: UInt64 = 0,
        idleTimeout: UInt16 = 0,
        hardTimeout: UInt16 = 0,
        flags: Flags = [],
        specs: [Spec]
    ) {
        self.table = table
        self.priority = priority
        self.cookie = cookie
        self.idleTimeout = idleTimeout
        self.hardTimeout = hardTimeout
        self.flags = flags
        self.specs = specs
    }

    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static let sendFlowRemoved = Flags(rawValue: 1 << 0)
        /// The learned flows go with the flow that learns.
        public static let deleteLearned = Flags(rawValue: 1 << 1)
        static let writeResult = Flags(rawValue: 1 << 2)
    }

    /// One part of the new flow. Both sides of an assignment have as many bits.
    public enum Spec: Hashable, Sendable {
        /// Matches a constant of at most 128 bits.
        case match(Subfield, UInt128)
        /// Matches what the packet has in `from`, which may be the same field.
        case matchField(Subfield, from: Subfield)
        /// Sets a constant.
        case load(UInt128, to: Subfield)
        /// Sets what the packet has.
        case loadField(Subfield, to: Subfield)
        /// Sends to the port that a field of the packet holds.
        case output(Subfield)

        /// Matches what the packet has in the same field.
        public static func match(_ field: Field) -> Spec { .matchField(Subfield(field), from: Subfield(field)) }
        public static func match(_ bits: Subfield) -> Spec { .matchField(bits, from: bits) }
    }
}

/// What `ct()` does with a packet (ovs-actions(7)).
public struct ConnectionTracking: Hashable, Sendable {
    /// Remembers the connection.
    public var commits: Bool
    /// Turns a remembered connection around to this packet's direction.
    public var forces: Bool
    /// A number, or the field that holds it.
    public var zone: Zone
    /// Where a copy of the packet goes on with its `ct_*` fields set; the packet itself goes on untracked.
    public var table: UInt8?
    /// On the connection's mark and label, and address translation.
    public var actions: [FlowAction]
    /// The well-known port of the protocol whose related connections are to be found, such as 21 for FTP.
    public var helper: UInt16

    public init(
        commit: Bool = false,
        force: Bool = false,
        zone: Zone = .number(0),
        table: UInt8? = nil,
        exec actions: [FlowAction] = [],
        helper: UInt16 = 0
    ) {
        commits = commit
        forces = force
        self.zone = zone
        self.table = table
        self.actions = actions
        self.helper = helper
    }

    public enum Zone: Hashable, Sendable {
        case number(UInt16)
        case field(Subfield)
    }
}

/// An action that this module does not know, as it came: header, data and padding.
public struct OpaqueAction: Hashable, Sendable {
    var bytes: [UInt8]
}
