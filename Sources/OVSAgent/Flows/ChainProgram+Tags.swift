import OpenFlow

// Tags that brN.local takes off and puts on. A tag that is taken off uncovers what lies below, and another tag there names
// a VLAN that nobody has checked: no frame goes on with one. A guest that tags inside its own VLAN (QinQ) keeps its inner
// tags, as long as nobody takes off the outer one.
//
// How to see a tag below depends on `other_config:vlan-limit`. At 1, Open vSwitch's default, the Ethernet type is that of
// the tag, whether or not the datapath has a decision yet. Beyond, the Ethernet type is what follows the last tag, and the
// second tag can only be matched once the first is off; even then the datapath's decision for a frame with one tag holds
// for frames with two. So the datapath has to look at the frame again, without the tag, and a group of one bucket makes it.

/// What brN.local knows of a frame beside the frame.
enum LocalRegister {
    /// The port that the frame is for.
    static let port = OpenFlow.Field.register0
    /// The VLAN of a tag that was taken off.
    static let vlan = Subfield(OpenFlow.Field.register1, offset: 0, count: 12)
    /// ``LocalReceivers``.
    static let receivers = OpenFlow.Field.register2
    /// The priority of a tag that was taken off.
    static let priority = Subfield(OpenFlow.Field.register5, offset: 0, count: 3)
}

/// Whom a frame is for that is to leave without its tag.
enum LocalReceivers: UInt32 {
    /// The port in ``LocalRegister/port``.
    case one = 0
    /// Those of its VLAN.
    case all = 1
    /// Those of its VLAN that learn.
    case learning = 2
}

/// Has the datapath look at a frame again: one bucket, which is chosen by a hash that only the datapath can compute.
enum LocalGroup: UInt32 {
    case priorityTag = 1
    case strip = 2

    /// Where the frame goes on.
    private var table: LocalTable {
        switch self {
        case .priorityTag: .untagged
        case .strip: .stripped
        }
    }

    private var group: Group {
        Group(rawValue, .select, buckets: [Group.Bucket(weight: 1, actions: [.resubmit(table)])])
    }

    static let all = [priorityTag, strip].map(\.group)
}

extension LanePorts {
    private typealias Table = LocalTable

    /// The groups of brN.local.
    var localGroups: [Group] { seesInnerTags ? LocalGroup.all : [] }

    /// Takes tags off.
    func tags() -> [Flow] {
        [EtherType.vlan, .serviceVLAN].flatMap { type in
            [
                // A tag that is cut short, or that brN uncovered.
                localFlow(.classify, 290, Match(.untagged, .ethernetType(type))),
                localFlow(.priorityTag, 100, Match(.ethernetType(type))),
                localFlow(.strip, 100, Match(.ethernetType(type))),
            ]
        } + [
            localFlow(
                .classify,
                210,
                Match(.vlan(0)),
                actions: [.move(from: .vlanPriority, to: LocalRegister.priority)],
                goto: .priorityTag
            ),
            localFlow(.classify, 100, Match(.untagged), goto: .untagged),
            withoutTag(.priorityTag, [], .priorityTag, .untagged),
            localFlow(.untagged, 200, Match(.tagged)),
            withoutTag(.strip, [.move(from: .vlanID, to: LocalRegister.vlan)], .strip, .stripped),
            localFlow(.stripped, 200, Match(.tagged)),
            localFlow(
                .stripped,
                100,
                Match(.register(2, LocalReceivers.one.rawValue)),
                actions: [.outputField(Subfield(LocalRegister.port))]
            ),
        ]
    }

    /// Takes the tag off and goes on, through a group where that is needed to see the frame as it is then.
    private func withoutTag(_ table: Table, _ before: [FlowAction], _ group: LocalGroup, _ next: Table) -> Flow {
        let actions = before + [.popVLAN]
        return seesInnerTags
            ? localFlow(table, 0, Match(.tagged), actions: actions + [.group(group.rawValue)])
            : localFlow(table, 0, Match(.tagged), actions: actions, goto: next)
    }

    /// Puts the tag of a VLAN on, with the priority that the frame came with. It is a new tag of the common type: of one
    /// that is there, nothing tells the type.
    static func tagging(_ vlan: VLAN) -> [FlowAction] {
        // The priority of a frame in VLAN 0 goes with its tag, as it does in a bridge that switches by itself.
        vlan == .untagged
            ? []
            : [.pushVLAN(), .setVLAN(vlan.number), .move(from: LocalRegister.priority, to: .vlanPriority)]
    }
}

extension FieldMatch {
    static let tagged = vlanTCI(0x1000, mask: 0x1000)
}

extension Subfield {
    /// Of the tag that is there.
    fileprivate static let vlanID = Subfield(.vlanTCI, offset: 0, count: 12)
    fileprivate static let vlanPriority = Subfield(.vlanTCI, offset: 13, count: 3)
}
