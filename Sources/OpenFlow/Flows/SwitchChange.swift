/// What somebody changed in a switch, as ``SwitchConnection`` reports it, in the order in which it happened.
///
/// The flows in it have no flags and no importance: a flow monitor does not tell these.
public enum SwitchChange: Hashable, Sendable {
    /// A flow was added, or put in the place of another with the same key and another cookie or other actions.
    case flowAdded(Flow)
    /// A flow does something else now, or lives on with another cookie or other timeouts.
    case flowModified(Flow)
    case flowRemoved(Flow, FlowRemovalReason)
    /// Changes that this connection itself asked for were made at this place in the order.
    case ownFlows
    /// The switch has too much to tell and skips changes until ``flowsResumed``.
    case flowsPaused
    /// What was skipped has been told now, apart from what did not last.
    case flowsResumed
    /// Another client did this to a group.
    case groupChanged(GroupMod)
    /// Another client did this to a meter.
    case meterChanged(MeterMod)
}

/// `enum ofp_flow_removed_reason`.
public struct FlowRemovalReason: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let idleTimeout = FlowRemovalReason(rawValue: 0)
    public static let hardTimeout = FlowRemovalReason(rawValue: 1)
    public static let deleted = FlowRemovalReason(rawValue: 2)
    public static let groupDeleted = FlowRemovalReason(rawValue: 3)
    public static let meterDeleted = FlowRemovalReason(rawValue: 4)
    public static let evicted = FlowRemovalReason(rawValue: 5)
}
