import OVSDB

/// Which member each active-backup bond of the layout uses, so that it is asked for again where ovs-vswitchd was started
/// anew, or the bond made anew: a pure value.
///
/// Left alone, ovs-vswitchd takes any member then, and for seconds the network looks for the host at the other one. A
/// bond with a configured primary has its answer; this is none, and a failover that comes later stands.
struct ActiveMembers: Hashable, Sendable {
    /// What to ask ovs-vswitchd for: `bond/set-active-member BOND MEMBER` (ovs-vswitchd(8)).
    struct Request: Hashable, Sendable {
        var bond: String
        var member: String
    }

    private struct Use: Hashable, Sendable {
        var row: UUID
        var member: String
    }

    private var used: [String: Use] = [:]
    /// The bonds that may use another member now, without anybody's wish.
    private var shaken: Set<String> = []
    /// The same, if it turns out that ovs-vswitchd was started anew.
    private var doubtful: Set<String> = []

    /// ovs-vswitchd has let go of a brN: why, ``settle(isRestart:)`` says.
    mutating func switchWent(_ bonds: [String]) { doubtful.formUnion(bonds.filter { used[$0] != nil }) }

    /// Whether ovs-vswitchd was started anew when it went last. Where it was not, a failover stands.
    mutating func settle(isRestart: Bool) {
        if isRestart { shaken.formUnion(doubtful) }
        doubtful = []
    }

    /// Looks at the bonds once ovs-vswitchd has done all that is wanted; gives what to ask for, until ``answered(_:)``.
    mutating func look(at replica: Replica, _ layout: Layout) -> [Request] {
        var requests: [Request] = []
        for declared in layout.virtualSwitches {
            guard let uplink = declared.uplink, !doubtful.contains(uplink.name),
                let port = replica["Port"][name: uplink.name]
            else { continue }
            let name = uplink.name
            let found = Status.Uplink(uplink, on: declared.lane.uplinkBridge, in: replica)
            guard found.mode == "active-backup", found.members.count > 1, port["other_config"]["bond-primary"] == nil
            else {
                forget(name)
                continue
            }
            if let former = used[name], shaken.contains(name) || former.row != port.uuid {
                if found.members.contains(where: { $0.name == former.member && $0.enabled }) {
                    shaken.insert(name)
                    requests.append(Request(bond: name, member: former.member))
                    continue
                }
                // It is gone, or has no link: another one has to do.
                shaken.remove(name)
            }
            if let active = found.activeMember { used[name] = Use(row: port.uuid, member: active) }
        }
        return requests
    }

    /// The request was done, or is given up.
    mutating func answered(_ request: Request, in replica: Replica?) {
        shaken.remove(request.bond)
        guard let row = replica?["Port"][name: request.bond]?.uuid else { return forget(request.bond) }
        used[request.bond] = Use(row: row, member: request.member)
    }

    private mutating func forget(_ bond: String) {
        used[bond] = nil
        shaken.remove(bond)
        doubtful.remove(bond)
    }
}
