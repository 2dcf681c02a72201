import JSONRPC
import NIOCore
import OVSDB

/// Which member each active-backup bond of the layout uses, so that it is asked for again where ovs-vswitchd was started
/// anew, or the bond made anew: a pure value on the caller's clock.
///
/// Left alone, ovs-vswitchd takes any member then, and for seconds the network looks for the host at the other one. A
/// bond with a configured primary has its answer; this is none, and a failover that comes later stands.
struct ActiveMembers: Hashable, Sendable {
    /// What to ask ovs-vswitchd for: `bond/set-active-member BOND MEMBER` (ovs-vswitchd(8)).
    struct Request: Hashable, Sendable {
        var bond: String
        var member: String
    }

    /// For how long the former member is asked for, once ovs-vswitchd has done all again: it may come up late, and the
    /// columns tell of the time before for a while.
    static let patience = TimeAmount.seconds(30)

    struct Use: Hashable, Sendable {
        var row: UUID
        var member: String
    }

    /// A bond that may use another member now, without anybody's wish.
    private struct Shaken: Hashable, Sendable {
        /// `nil` before the first look.
        var until: NIODeadline?
        var isAsked = false
    }

    private(set) var used: [String: Use] = [:]
    private var shaken: [String: Shaken] = [:]
    /// Bonds whose bridge was let go of: nothing is noted of them before it is known why.
    private var doubtful: Set<String> = []
    /// What bonds have come to use by themselves, if ovs-vswitchd is still the process that it was: the rows of one that was
    /// started anew may come before any other word of that.
    private var changed: [String: Use] = [:]
    /// What ovs-vswitchd was when an earlier run noted what is used; `nil` once that is settled.
    private var noted: SwitchProcess?

    init() {}

    /// - Parameter used: what an earlier run, or another agent, noted while ovs-vswitchd was this process.
    init(_ used: [String: Use], by process: SwitchProcess) {
        (self.used, noted) = (used, process)
        doubtful = Set(used.keys)
    }

    /// Whether what is used is what is to be used.
    var isSettled: Bool { doubtful.isEmpty && shaken.isEmpty && changed.isEmpty && noted == nil }
    /// Whether it is to be looked at which process ovs-vswitchd is, and was not for the sake of this already.
    func hasUnsureChange(since former: ActiveMembers) -> Bool { !changed.isEmpty && changed != former.changed }

    /// ovs-vswitchd has let go of a brN: why, ``settle(_:process:)`` says.
    mutating func switchWent(_ bonds: [String]) { doubtful.formUnion(bonds.filter { used[$0] != nil }) }

    /// Which process ovs-vswitchd is now. Where it is the one that it was, a failover stands.
    ///
    /// - Parameter process: of what an earlier run noted, that decides.
    mutating func settle(_ finding: SwitchWatch.Finding, process: SwitchProcess? = nil) {
        let finding = noted.map { $0 == process ? .same : .another } ?? finding
        noted = nil
        switch finding {
        case .another: for bond in used.keys { shaken[bond] = Shaken() }
        case .first, .unknown: for bond in doubtful { shaken[bond] = Shaken() }
        case .same: break
        }
        for (bond, use) in changed where shaken[bond] == nil { used[bond] = use }
        (doubtful, changed) = ([], [:])
    }

    /// Looks at the bonds once ovs-vswitchd has done all that is wanted; gives what to ask for.
    mutating func look(at replica: Replica, _ layout: Layout, now: NIODeadline) -> [Request] {
        var requests: [Request] = []
        let bonds = Set(layout.virtualSwitches.compactMap { $0.uplink?.name })
        for bond in Set(used.keys).union(shaken.keys).union(doubtful) where !bonds.contains(bond) { forget(bond) }
        for declared in layout.virtualSwitches {
            guard let uplink = declared.uplink, !doubtful.contains(uplink.name),
                let port = replica.port(named: uplink.name)
            else { continue }
            let name = uplink.name
            let found = Status.Uplink(uplink, on: declared.lane.uplinkBridge, in: replica)
            guard found.mode == "active-backup", found.members.count > 1, port[Port.otherConfig]["bond-primary"] == nil
            else {
                forget(name)
                continue
            }
            if let former = used[name], former.row != port.uuid, shaken[name] == nil {
                shaken[name] = Shaken()
            }
            let until = shaken[name]?.until ?? now + Self.patience
            shaken[name]?.until = until
            if let former = used[name], let state = shaken[name], now < until {
                let isEnabled = found.members.contains { $0.name == former.member && $0.enabled }
                // At first the column may tell of the time before.
                if isEnabled, !state.isAsked || found.activeMember != former.member {
                    requests.append(Request(bond: name, member: former.member))
                }
                continue
            }
            shaken[name] = nil
            let use = found.activeMember.map { Use(row: port.uuid, member: $0) }
            if used[name] == nil { used[name] = use }
            changed[name] = use == used[name] ? nil : use
        }
        return requests
    }

    /// The request was done, or is given up.
    mutating func answered(_ request: Request) { shaken[request.bond]?.isAsked = true }

    private mutating func forget(_ bond: String) {
        used[bond] = nil
        shaken[bond] = nil
        changed[bond] = nil
        doubtful.remove(bond)
    }
}
