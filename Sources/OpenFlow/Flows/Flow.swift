/// One entry of a flow table. Its description is what `ovs-ofctl --no-stats dump-flows` prints of it.
public struct Flow: Hashable, Sendable {
    /// What names a flow: no two in a switch have the same.
    public struct Key: Hashable, Sendable {
        public var table: UInt8
        public var priority: UInt16
        public var match: Match

        public init(table: UInt8, priority: UInt16, match: Match) {
            self.table = table
            self.priority = priority
            self.match = match
        }
    }

    public var key: Key
    /// Whose the flow is: it changes nothing, and whole ranges of flows can be asked for by it.
    public var cookie: UInt64
    /// Seconds without a packet after which the flow goes; 0 for never.
    public var idleTimeout: UInt16
    /// Seconds after which the flow goes; 0 for never.
    public var hardTimeout: UInt16
    /// Where a table is full, less important flows go first.
    public var importance: UInt16
    public var flags: Flags
    public var instructions: Instructions

    /// Of a flow whose text names none.
    public static let defaultPriority: UInt16 = 0x8000

    /// - Parameters:
    ///   - actions: done in order; none of them, and no table, drops the packet.
    ///   - goto: where the packet goes on afterwards, a later table.
    public init(
        table: UInt8 = 0,
        priority: UInt16 = defaultPriority,
        _ match: Match = Match(),
        cookie: UInt64 = 0,
        actions: [FlowAction] = [],
        goto: UInt8? = nil
    ) {
        self.init(
            key: Key(table: table, priority: priority, match: match),
            cookie: cookie,
            instructions: Instructions(actions: actions, goto: goto)
        )
    }

    public init(
        key: Key,
        cookie: UInt64 = 0,
        idleTimeout: UInt16 = 0,
        hardTimeout: UInt16 = 0,
        importance: UInt16 = 0,
        flags: Flags = [],
        instructions: Instructions
    ) {
        self.key = key
        self.cookie = cookie
        self.idleTimeout = idleTimeout
        self.hardTimeout = hardTimeout
        self.importance = importance
        self.flags = flags
        self.instructions = instructions
    }

    public var table: UInt8 {
        get { key.table }
        set { key.table = newValue }
    }

    public var priority: UInt16 {
        get { key.priority }
        set { key.priority = newValue }
    }

    public var match: Match {
        get { key.match }
        set { key.match = newValue }
    }

    /// `enum ofp_flow_mod_flags`.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static let sendFlowRemoved = Flags(rawValue: 1 << 0)
        public static let checkOverlap = Flags(rawValue: 1 << 1)
        public static let resetCounts = Flags(rawValue: 1 << 2)
        public static let noPacketCounts = Flags(rawValue: 1 << 3)
        public static let noByteCounts = Flags(rawValue: 1 << 4)
    }
}

/// What a flow does, in the order in which it happens (OpenFlow 1.4, 5.9).
public struct Instructions: Hashable, Sendable {
    /// A meter that may drop the packet first.
    public var meter: UInt32?
    /// Done at once.
    public var actions: [FlowAction]
    /// Empties the set of actions that waits for the end of the last table.
    public var clearsActionSet: Bool
    /// Added to that set.
    public var actionSet: [FlowAction]
    public var metadata: MetadataWrite?
    /// The table that goes on with the packet.
    public var goto: UInt8?
    /// Instructions that this module does not know, as they came.
    var opaque: [[UInt8]] = []

    public init(
        meter: UInt32? = nil,
        actions: [FlowAction] = [],
        clearsActionSet: Bool = false,
        actionSet: [FlowAction] = [],
        metadata: MetadataWrite? = nil,
        goto: UInt8? = nil
    ) {
        self.meter = meter
        self.actions = actions
        self.clearsActionSet = clearsActionSet
        self.actionSet = actionSet
        self.metadata = metadata
        self.goto = goto
    }

    public struct MetadataWrite: Hashable, Sendable {
        public var value: UInt64
        public var mask: UInt64

        public init(_ value: UInt64, mask: UInt64 = .max) {
            self.value = value
            self.mask = mask
        }
    }
}
