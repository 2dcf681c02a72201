/// A list of buckets that flows send packets to (OpenFlow 1.4, 5.6). Its description is what `ovs-ofctl dump-groups`
/// prints of it.
public struct Group: Hashable, Sendable {
    /// 0 to 0xffffff00.
    public var number: UInt32
    public var kind: Kind
    public var buckets: [Bucket]

    public init(_ number: UInt32, _ kind: Kind, buckets: [Bucket] = []) {
        self.number = number
        self.kind = kind
        self.buckets = buckets
    }

    /// Which buckets take a packet: `enum ofp_group_type`.
    public enum Kind: UInt8, Hashable, Sendable {
        /// Each takes a copy.
        case all = 0
        /// One of them, chosen by weight and by what the packet belongs to.
        case select = 1
        /// The only one there is.
        case indirect = 2
        /// The first that lives.
        case fastFailover = 3
    }

    /// One way that a packet may go.
    public struct Bucket: Hashable, Sendable {
        /// The share of packets in a ``Kind/select`` group; 0 in every other.
        public var weight: UInt16
        /// Lives while this port does, by number; `nil` for none to watch.
        public var watchPort: UInt32?
        /// Lives while a bucket of this group does.
        public var watchGroup: UInt32?
        public var actions: [FlowAction]

        public init(
            weight: UInt16 = 0,
            watchPort: UInt32? = nil,
            watchGroup: UInt32? = nil,
            actions: [FlowAction] = []
        ) {
            self.weight = weight
            self.watchPort = watchPort
            self.watchGroup = watchGroup
            self.actions = actions
        }
    }
}

/// One change of a switch's groups (OpenFlow 1.4, 7.3.4.3).
public enum GroupMod: Hashable, Sendable {
    /// Fails where the number is taken.
    case add(Group)
    /// Fails where there is none of the number. What forwards a change in part, such as one bucket more, is told so.
    case modify(Group)
    /// Takes the flows that send to it away, too. Nothing where there is none.
    case delete(UInt32)
    case deleteAll

    /// The group that is meant; `nil` for all.
    public var number: UInt32? {
        switch self {
        case .add(let group), .modify(let group): group.number
        case .delete(let number): number
        case .deleteAll: nil
        }
    }
}

extension Group: CustomStringConvertible {
    public var description: String {
        (["group_id=\(number)", "type=\(kind)"] + buckets.map { "bucket=\($0.text(in: kind))" }).joined(separator: ",")
    }
}

extension Group.Kind: CustomStringConvertible {
    public var description: String {
        switch self {
        case .all: "all"
        case .select: "select"
        case .indirect: "indirect"
        case .fastFailover: "ff"
        }
    }
}

extension Group.Bucket {
    fileprivate func text(in kind: Group.Kind) -> String {
        var parts: [String] = []
        if weight != (kind == .select ? 1 : 0) { parts.append("weight:\(weight)") }
        if let watchPort { parts.append("watch_port:\(FlowAction.portText(watchPort))") }
        if let watchGroup { parts.append("watch_group:\(watchGroup)") }
        return (parts + ["actions=\(actions.text)"]).joined(separator: ",")
    }
}

extension GroupMod: CustomStringConvertible {
    /// A line of a file for `ovs-ofctl bundle`, with the word `group` left out.
    public var description: String {
        switch self {
        case .add(let group): "add \(group)"
        case .modify(let group): "modify \(group)"
        case .delete(let number): "delete group_id=\(number)"
        case .deleteAll: "delete"
        }
    }
}
