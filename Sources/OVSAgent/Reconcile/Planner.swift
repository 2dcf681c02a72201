import JSONRPC
import OVSDB

// The comparison of a desired state with a replica. This file holds the walk over bridges; what is done about ports,
// interfaces, columns and leftovers stands in the extensions beside it.

extension Plan {
    /// Compares a desired state with the database as the replica shows it.
    ///
    /// What earlier layouts left behind is deleted or released where `removal` allows it, and otherwise left alone and
    /// reported as an obstacle. `expelled` are ports that may not stay on their brN.local. The cost is in proportion to
    /// `scope` and to the VM ports to see; where the scope is all, with a glance at each bridge.
    static func make(
        desired: DesiredState,
        replica: Replica,
        removal: Removal,
        expelled: Set<UUID> = [],
        provenance: Provenance,
        vmPorts: VMPortsToSee = .all,
        scope: PlanScope = .all
    ) -> Plan {
        var planner = Planner(
            desired: desired,
            replica: replica,
            removal: removal,
            expelled: expelled,
            provenance: provenance,
            vmPorts: vmPorts,
            scope: scope
        )
        planner.run()
        return planner.plan
    }
}

/// One pass. It gathers edits row by row, so that the same row is guarded, updated and mutated once.
struct Planner {
    let desired: DesiredState
    let replica: Replica
    let removal: Removal
    let expelled: Set<UUID>
    let provenance: Provenance
    let vmPorts: VMPortsToSee
    let scope: PlanScope
    let bridges: TableReplica
    let ports: TableReplica
    let interfaces: TableReplica

    var plan = Plan()
    /// Lanes that the layout has not and whose bridges bear our marks.
    var leftoverLanes: Set<Lane> = []
    /// Standing ports that come to one of our bridges from another.
    var moving: Set<UUID> = []
    private var editIndex: [UUID: Int] = [:]

    init(
        desired: DesiredState,
        replica: Replica,
        removal: Removal,
        expelled: Set<UUID>,
        provenance: Provenance,
        vmPorts: VMPortsToSee,
        scope: PlanScope
    ) {
        self.desired = desired
        self.replica = replica
        self.removal = removal
        self.expelled = expelled
        self.provenance = provenance
        self.vmPorts = vmPorts
        self.scope = scope
        bridges = replica[Bridge.table]
        ports = replica[Port.table]
        interfaces = replica[Interface.table]
    }

    func ports(of bridge: Row) -> Datum { bridge[Bridge.ports] }

    func interfaces(of port: Row) -> Datum { port[Port.interfaces] }

    mutating func run() {
        let root = replica.root
        plan.root = root?.uuid
        plan.isCountFull = root?[OpenVSwitch.nextCfg].integer == .max
        plan.obstacles = desired.obstacles
        if scope == .all { findLeftoverLanes() }
        var made: [Atom] = []
        for (index, bridge) in desired.bridges.enumerated() {
            guard let part = scope[index] else { continue }
            if let symbol = reconcile(bridge, part) { made.append(symbol) }
        }
        handleLeftoverLanes()
        settleMembers()
        expelPorts()
        settleTags()
        hookBridges(made)
        if plan.edits.count > 1 { notePlaces() }
    }

    /// Gives what refers to the bridge when it had to be made.
    private mutating func reconcile(_ bridge: DesiredBridge, _ part: PlanScope.Part) -> Atom? {
        guard let row = bridges[name: bridge.row.name] else { return make(bridge) }
        if case .ports(let indices) = part {
            for index in indices.sorted() {
                let port = bridge.ports[index]
                if case .joins(let atom) = reconcile(port, of: bridge, standing: row) {
                    join(atom, named: port.row.name, to: row)
                }
            }
            return nil
        }
        var known: [UUID] = []
        known.reserveCapacity(bridge.ports.count)
        var formed: Set<String> = []
        for port in bridge.ports {
            switch reconcile(port, of: bridge, standing: row) {
            case .stands(let uuid):
                known.append(uuid)
                if port.row.role == .uplink { formed.insert(port.row.name) }
            case .joins(let atom):
                join(atom, named: port.row.name, to: row)
                if port.row.role == .uplink { formed.insert(port.row.name) }
            case .left(let uuid):
                if let uuid { known.append(uuid) }
            }
        }
        compare(row, with: bridge.row)
        if bridge.removesUnknownPorts { removeUnknownPorts(of: row, except: known) }
        if bridge.row.role == .uplinkBridge { settleUplink(of: bridge, standing: row, formed: formed) }
        return nil
    }

    private mutating func make(_ bridge: DesiredBridge) -> Atom? {
        if let obstacle = obstacleToMaking(bridge) {
            plan.obstacles.append(obstacle)
            return nil
        }
        var children: [Atom] = []
        var marks: [String: String] = [:]
        for port in bridge.ports {
            guard case .joins(let atom) = reconcile(port, of: bridge, standing: nil) else { continue }
            children.append(atom)
            if port.row.role == .uplink { marks[Mark.uplink] = port.row.name }
        }
        let name = bridge.row.name
        plan.changes.append(Change(.add, "Bridge \(name)", OpenVSwitch.bridges.name, wanted: name))
        return insert(bridge.row, extra: [Bridge.ports.name: Datum(set: children)], marks: marks)
    }

    /// A bridge cannot come to be while its own port's name stands on another one.
    private func obstacleToMaking(_ bridge: DesiredBridge) -> Obstacle? {
        for port in bridge.ports where port.row.role == .hostPort && port.claim == .refused {
            if let row = ports[name: port.row.name] { return refusal(of: row, in: bridge) }
            if let row = interfaces[name: port.row.name] {
                return refusal(ofInterface: row, in: bridge, heldBy: replica.referrers(of: row.uuid))
            }
        }
        return nil
    }

    private mutating func hookBridges(_ made: [Atom]) {
        if let root = plan.root {
            guard !made.isEmpty else { return }
            edit(OpenVSwitch.table, root) { $0.joining += made }
        } else if !made.isEmpty || !plan.isEmpty {
            plan.inserts.append(
                RowInsert(
                    table: OpenVSwitch.table,
                    values: [OpenVSwitch.bridges.name: Datum(set: made)],
                    symbol: Plan.rootSymbol
                )
            )
        }
    }

    // MARK: Edits

    /// Adds to what is changed of a standing row.
    mutating func edit(_ table: Table, _ row: UUID, _ change: (inout RowEdit) -> Void) {
        if let index = editIndex[row] {
            change(&plan.edits[index])
        } else {
            var edit = RowEdit(table: table, row: row, name: replica[table][row]?.name ?? "")
            change(&edit)
            editIndex[row] = plan.edits.count
            plan.edits.append(edit)
        }
    }

    /// Notes what each row stands in that is changed: where that goes, too, the edits belong together.
    private mutating func notePlaces() {
        for index in plan.edits.indices {
            let parents = replica.referrers(of: plan.edits[index].row).map(\.row)
            plan.edits[index].places = Set(parents + parents.flatMap { replica.referrers(of: $0).map(\.row) })
        }
    }

    /// What is changed of a row so far.
    func edit(of row: UUID) -> RowEdit? { editIndex[row].map { plan.edits[$0] } }

    /// A name for a row that is made, unlike any other in the transaction.
    func nextSymbol(for table: DesiredRow.Table) -> String { "\(table)\(plan.inserts.count)" }
}
