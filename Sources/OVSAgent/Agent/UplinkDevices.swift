import JSONRPC
import OVSDB

/// The devices that ovs-vswitchd opened for the members of uplinks, by the kernel's number for each: a pure value.
///
/// The userspace datapath goes on with a device that is deleted and made again under its name, and the row then looks as
/// before, link and all, while no frame passes. The number tells, to whoever knew the former one; an agent that begins asks the
/// kernel, which knows what ovs-vswitchd listens to.
struct UplinkDevices: Hashable, Sendable {
    /// The first number that was seen of an interface since ovs-vswitchd has it.
    private var opened: [UUID: Int64] = [:]
    /// The names of those whose device is another one now.
    private(set) var replaced: Set<String> = []
    /// Numbers of devices that ovs-vswitchd did not listen to when the kernel was asked.
    private var unheard: [UUID: Int64] = [:]
    /// Whether ovs-vswitchd went, and it is not known yet whether it was started anew.
    private var isDoubtful = false

    /// Looks at the members that a layout's uplinks have now. The cost is in proportion to the layout.
    mutating func look(at replica: Replica, _ layout: Layout) {
        guard !isDoubtful else { return }
        var seen: [UUID: Int64] = [:]
        replaced = []
        for row in Self.members(in: replica, layout) {
            let number = row[Interface.ifindex].integer ?? 0
            let first = opened[row.uuid] ?? number
            if first > 0 { seen[row.uuid] = first }
            if first > 0, number > 0, number != first || unheard[row.uuid] == number { replaced.insert(row.name) }
        }
        opened = seen
        unheard = unheard.filter { seen[$0.key] != nil }
    }

    /// The numbers of the devices that ovs-vswitchd is to listen to by packet sockets, as the database has them: to be asked
    /// about after that, since a row has its number when the device is open.
    static func numbers(in replica: Replica, _ layout: Layout) -> [UUID: Int64] {
        let rows = members(in: replica, layout).filter { ["", "system"].contains($0[Interface.type].string ?? "") }
        let numbers = rows.map { ($0.uuid, $0[Interface.ifindex].integer ?? 0) }.filter { $0.1 > 0 }
        return Dictionary(numbers) { $1 }
    }

    /// The kernel told which devices ovs-vswitchd listens to.
    mutating func compare(_ numbers: [UUID: Int64], listening: Set<Int64>) {
        unheard = numbers.filter { !listening.contains($0.value) }
    }

    private static func members(in replica: Replica, _ layout: Layout) -> [Row] {
        layout.virtualSwitches.flatMap { declared -> [Row] in
            guard let uplink = declared.uplink, let port = replica.port(named: uplink.name),
                // The kernel's datapath takes a device off by itself, and ovs-vswitchd opens the new one.
                replica.bridge(named: declared.lane.uplinkBridge)?[Bridge.datapathType].string == "netdev"
            else { return [] }
            return replica.interfaces(of: port)
        }
    }

    /// ovs-vswitchd has let go of a bridge: why, ``settle(_:)`` says.
    mutating func switchWent() { isDoubtful = true }

    /// Which process ovs-vswitchd is now: another one has opened what there is, and so may one that was away when this agent
    /// began.
    mutating func settle(_ finding: SwitchWatch.Finding) {
        if finding == .another || finding == .first && isDoubtful {
            opened = [:]
            unheard = [:]
            replaced = []
        }
        isDoubtful = false
    }
}
