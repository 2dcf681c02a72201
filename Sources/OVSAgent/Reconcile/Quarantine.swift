import JSONRPC
import NIOCore
import OVSDB

/// Ports on a brN.local that are no VM's: they get no flows, are named in the status, and go when they have stayed so for
/// a while. A pure value on the caller's clock, at the cost of what is looked at.
struct Quarantine: Sendable {
    private struct Suspect: Hashable, Sendable {
        var name: String
        var bridge: String
        /// Whether it leads to another bridge or host, which no VM's port does: it goes at once.
        var leadsElsewhere: Bool
        /// Those of its interfaces that were seen as a VM's before.
        var formerVMs: Set<UUID>
        /// When it goes, unless it was a VM's and its device still exists then.
        var goes: NIODeadline
    }

    /// How long somebody has for saying which VM a port is of.
    private let patience: TimeAmount
    /// By their rows of Port.
    private var suspects: [UUID: Suspect] = [:]
    /// Rows of Interface that were seen as a VM's, and still exist: what must not be forgotten.
    private(set) var vmInterfaces: Set<UUID>
    /// Whether it is not known what was seen before, so that whoever stands there at the first look may be a VM.
    private var presumesVMs = false
    /// Rises with every change of them, from 0.
    private(set) var version = 0

    /// `vmInterfaces` are what an earlier run of the agent left behind as ``vmInterfaces``.
    init(patience: TimeAmount, vmInterfaces: Set<UUID> = []) {
        self.patience = patience
        self.vmInterfaces = vmInterfaces
    }

    /// Looks at all ports of these lanes. The time of each begins anew: nothing was enforced until now, so that nobody
    /// could see a port named.
    mutating func lookAtAll(of lanes: Set<Lane>, in replica: Replica, now: NIODeadline) {
        suspects = [:]
        lookAgain(of: lanes, in: replica, now: now)
        let bridges = lanes.compactMap { replica.bridge(named: $0.localBridge) }
        defer { presumesVMs = false }
        for uuid in Set(bridges.flatMap { $0[Bridge.ports].uuids }) { look(at: uuid, of: lanes, in: replica, now: now) }
    }

    /// Takes these, which another agent saw, for a VM's, too. To be followed by a look at all, or again.
    mutating func remember(_ others: Set<UUID>) {
        for other in others where vmInterfaces.insert(other).inserted { version += 1 }
    }

    /// What was seen before is lost: takes every port that the next look at all finds for one that was a VM's.
    mutating func presumeVMs() { presumesVMs = true }

    /// Forgets what is gone, and looks at the suspects once more.
    mutating func lookAgain(of lanes: Set<Lane>, in replica: Replica, now: NIODeadline) {
        for uuid in vmInterfaces where replica[Interface.table][uuid] == nil { forget(uuid) }
        for uuid in Array(suspects.keys) { look(at: uuid, of: lanes, in: replica, now: now) }
    }

    /// Looks at the ports that a notification touches.
    mutating func look(at changes: VMPortChanges, of lanes: Set<Lane>, in replica: Replica, now: NIODeadline) {
        for uuid in changes.interfaces where replica[Interface.table][uuid] == nil { forget(uuid) }
        for uuid in changes.ports { look(at: uuid, of: lanes, in: replica, now: now) }
    }

    private mutating func look(at uuid: UUID, of lanes: Set<Lane>, in replica: Replica, now: NIODeadline) {
        guard let port = replica[Port.table][uuid], let bridge = Self.localBridge(of: port, among: lanes, in: replica)
        else {
            suspects[uuid] = nil
            return
        }
        let members = replica.interfaces(of: port)
        let vms = members.filter(\.isVMInterface)
        for vm in presumesVMs ? members : vms where vmInterfaces.insert(vm.uuid).inserted { version += 1 }
        let leadsElsewhere = members.contains { Self.typesThatLeadElsewhere.contains($0[Interface.type].string ?? "") }
        guard vms.isEmpty || leadsElsewhere else {
            suspects[uuid] = nil
            return
        }
        suspects[uuid] = Suspect(
            name: port.name,
            bridge: bridge,
            leadsElsewhere: leadsElsewhere,
            formerVMs: vmInterfaces.intersection(members.lazy.map(\.uuid)),
            goes: leadsElsewhere ? now : suspects[uuid]?.goes ?? now + patience
        )
    }

    private mutating func forget(_ interface: UUID) {
        if vmInterfaces.remove(interface) != nil { version += 1 }
    }

    /// The ports whose time is over. One that was a VM's stays for as long as its device exists: whoever took its key
    /// away must not cut the VM off for good.
    mutating func due(in replica: Replica, now: NIODeadline) -> Set<UUID> {
        var due: Set<UUID> = []
        for (uuid, suspect) in suspects where suspect.goes <= now {
            if !suspect.formerVMs.isEmpty, !suspect.leadsElsewhere, Self.hasDevice(uuid, in: replica) {
                suspects[uuid]?.goes = now + patience
            } else {
                due.insert(uuid)
            }
        }
        return due
    }

    /// When the next port may be due that is not yet; `nil` where there is none.
    func nextDue(after now: NIODeadline) -> NIODeadline? { suspects.values.lazy.map(\.goes).filter { $0 > now }.min() }

    /// A line for each port, by name.
    var warnings: [String] {
        suspects.values.filter { !$0.leadsElsewhere }.sortedNaturally(by: \.name).map { suspect in
            let fate =
                suspect.formerVMs.isEmpty
                ? "it goes \(patience.nanoseconds / 1_000_000_000) s after it was seen"
                : "it was one before, and stays while its device exists"
            return """
                port \(suspect.name) on \(suspect.bridge) is no VM's and passes nothing; \(fate): \
                ovs-vsctl set Interface \(suspect.name) external_ids:\(VMPort.Key.interfaceID)=NAME makes it one
                """
        }
    }

    /// The brN.local that a port stands on which is not the agent's own there. Ports of the layout's lanes that went
    /// astray are put back where they belong.
    private static func localBridge(of port: Row, among lanes: Set<Lane>, in replica: Replica) -> String? {
        switch DerivedName(port.name) {
        case .lanePort(let port) where lanes.contains(port.lane): return nil
        case .localBridge(let lane) where lanes.contains(lane): return nil
        default: break
        }
        return replica.bridges(ofPort: port.uuid).lazy.map(\.name)
            .first { Lane(localBridge: $0).map(lanes.contains) == true }
    }

    /// Whether ovs-vswitchd has the device, as far as it told.
    private static func hasDevice(_ port: UUID, in replica: Replica) -> Bool {
        let members = replica[Port.table][port].map { replica.interfaces(of: $0) } ?? []
        return members.contains { ($0[Interface.ofport].integer ?? -1) > 0 }
    }

    /// Patch ports and tunnels (ovs-vswitchd.conf.db(5), Interface Table, `type`).
    private static let typesThatLeadElsewhere: Set<String> = [
        "patch", "geneve", "gre", "ip6gre", "vxlan", "lisp", "stt", "gtpu", "erspan", "ip6erspan", "bareudp", "srv6",
    ]
}
