import OVSDB

/// The devices that ovs-vswitchd opened for the members of uplinks, by the kernel's number for each: a pure value.
///
/// The userspace datapath goes on with a device that is deleted and made again under its name, and the row then looks as
/// before, link and all, while no frame passes. Only the number tells, to whoever knew the former one.
struct UplinkDevices: Hashable, Sendable {
    /// The first number that was seen of an interface since ovs-vswitchd has it.
    private var opened: [UUID: Int64] = [:]
    /// The names of those whose device is another one now.
    private(set) var replaced: Set<String> = []
    /// Whether ovs-vswitchd went, and it is not known yet whether it was started anew.
    private var isDoubtful = false

    /// Looks at the members that a layout's uplinks have now. The cost is in proportion to the layout.
    mutating func look(at replica: Replica, _ layout: Layout) {
        guard !isDoubtful else { return }
        var seen: [UUID: Int64] = [:]
        replaced = []
        for declared in layout.virtualSwitches {
            guard let uplink = declared.uplink, let port = replica["Port"][name: uplink.name],
                // The kernel's datapath takes a device off by itself, and ovs-vswitchd opens the new one.
                replica["Bridge"][name: declared.lane.uplinkBridge]?["datapath_type"].string == "netdev"
            else { continue }
            for row in port["interfaces"].uuids.compactMap({ replica["Interface"][$0] }) {
                let number = row["ifindex"].integer ?? 0
                let first = opened[row.uuid] ?? number
                if first > 0 { seen[row.uuid] = first }
                if first > 0, number > 0, number != first { replaced.insert(row.name) }
            }
        }
        opened = seen
    }

    /// ovs-vswitchd has let go of a bridge: why, ``settle(isRestart:)`` says.
    mutating func switchWent() { isDoubtful = true }

    /// Whether ovs-vswitchd was started anew when it went last: then it has opened what there is.
    mutating func settle(isRestart: Bool) {
        if isDoubtful, isRestart {
            opened = [:]
            replaced = []
        }
        isDoubtful = false
    }
}
