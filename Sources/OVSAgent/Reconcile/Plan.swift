import JSONRPC
import OVSDB

/// What it takes to bring a database to a desired state: the differences, and one guarded transaction that ends them.
///
/// A pure value, made by ``make(desired:replica:removal:)``. A plan made against a database to which a plan
/// has been applied is empty. It names no row of others, except to take back from it what bears a name of ours.
package struct Plan: Sendable {
    /// In the order of the desired state, from the chain to the uplinks.
    package internal(set) var changes: [Change] = []
    /// What is wanted and not done, with the remedy: reasons to be `degraded`.
    package internal(set) var obstacles: [Obstacle] = []
    /// What an operator should know of the changes, one sentence each.
    package internal(set) var notes: [String] = []

    var inserts: [RowInsert] = []
    var edits: [RowEdit] = []
    var successions: [Succession] = []
    /// Of the VM ports that were looked at, those without a difference: what they have for a network, if anything.
    var settledTags: [UUID: GivenTag?] = [:]
    /// VM ports that stand on a bridge of the chain.
    var misplaced: [MisplacedVM] = []
    /// Of the VM ports that were looked at, those whose profile is no network's name.
    var unknownProfiles: [UUID: UnknownProfile?] = [:]
    /// Those with a difference, to be looked at again.
    var openTags: Set<UUID> = []
    /// What was found on rows that are not remembered yet.
    var noted: [FoundValues.Object: FoundRow] = [:]
    /// The one row of `Open_vSwitch`; `nil` in a database that nobody initialised.
    var root: UUID?
    /// Whether somebody set `next_cfg` so high that it can't be raised: no transaction could be made any more.
    var isCountFull = false

    /// Whether there is nothing to commit.
    package var isEmpty: Bool { inserts.isEmpty && edits.isEmpty }

    /// Whether it makes rows or writes marks, from which the next plan learns what is ours (``Provenance``): until that
    /// one is made, an edit of those marks would be believed.
    var isToLearnFrom: Bool { !inserts.isEmpty || edits.contains { $0.keys[.externalIDs] != nil } }
}

/// A row that is made.
struct RowInsert: Hashable, Sendable {
    var table: Table
    var values: [String: Datum]
    /// By which the same transaction refers to it.
    var symbol: String
}

/// What is changed of one row that stands.
struct RowEdit: Hashable, Sendable {
    var table: Table
    var row: UUID
    /// The row's own; empty where it has none.
    var name = ""
    /// What it stands in, and goes with; empty where it is the only row that is changed.
    var places: Set<UUID> = []
    /// What the edit takes for granted: the server refuses the transaction when it is no longer so.
    var assumed: [String: Datum] = [:]
    /// Columns that get a new value.
    var values: [String: Datum] = [:]
    /// Keys of maps that get a value (`nil`: that go), by column.
    var keys: [String: [String: String?]] = [:]
    /// Children hooked in, where the column that holds them is ``childColumn``.
    var joining: [Atom] = []
    /// Children unhooked.
    var leaving: [Atom] = []

    /// Where a row of the table refers to what stands in it.
    var childColumn: Column {
        switch table {
        case Bridge.table: Bridge.ports
        case Port.table: Port.interfaces
        default: OpenVSwitch.bridges
        }
    }
}

/// A port that takes the place of one that goes, because its NIC moves.
struct Succession: Hashable, Sendable {
    var former: UUID
    var port: Atom

    /// Mirrors refer to ports weakly: without these the server would drop the port from an operator's mirror without a
    /// word. What no mirror names costs three operations that match nothing.
    fileprivate var operations: [OVSDB.Operation] {
        let (former, port) = (Datum(.uuid(former)), Datum(set: [port]))
        let selections = [Mirror.selectSrcPort, Mirror.selectDstPort].map { column in
            OVSDB.Operation.mutate(
                table: Mirror.table.name,
                where: [Condition(column, .includes, former)],
                mutations: [Mutation(column, .insert, port)]
            )
        }
        let output = Condition(Mirror.outputPort, .equal, former)
        return selections + [
            .update(table: Mirror.table.name, where: [output], row: [Mirror.outputPort.name: port])
        ]
    }
}

extension Plan {
    /// The operations of the transaction; none for an empty plan.
    ///
    /// In order: assert of the lock, guards, inserts, successions, updates, mutations, comment, and at last `next_cfg` incremented
    /// and read back, so that the last result's only row holds the number that `cur_cfg` must reach.
    package func operations(lock: String?, comment: String) -> [OVSDB.Operation] {
        guard !isEmpty else { return [] }
        let root = Condition.row(self.root.map(Atom.uuid) ?? .namedUUID(Self.rootSymbol))
        let (table, count) = (OpenVSwitch.table.name, OpenVSwitch.nextCfg)
        var operations = steps
        if let lock { operations.insert(.assert(lock: lock), at: 0) }
        operations.append(.comment(comment))
        operations.append(
            isCountFull
                ? .update(table: table, where: [root], row: [count.name: 1])
                : .mutate(table: table, where: [root], mutations: [Mutation(count, .add, 1)])
        )
        operations.append(.select(table: table, where: [root], columns: [count.name]))
        return operations
    }

    /// The objects of the part that one of ``operations(lock:comment:)`` is for; `nil` where it is for the whole.
    func objects(ofOperation index: Int, lock: String?) -> Set<String>? {
        let (steps, index) = (self.steps, index - (lock == nil ? 0 : 1))
        guard steps.indices.contains(index) else { return nil }
        return parts.first { part in part.plan.steps.contains(steps[index]) }?.objects
    }

    /// What the edits, inserts and successions are done by.
    private var steps: [OVSDB.Operation] {
        var steps = edits.compactMap(\.guarding)
        for insert in inserts {
            steps.append(.insert(table: insert.table.name, row: insert.values, name: insert.symbol))
        }
        for succession in successions { steps += succession.operations }
        for edit in edits { if let update = edit.update { steps.append(update) } }
        for edit in edits { if let mutate = edit.mutate { steps.append(mutate) } }
        return steps
    }

    /// The name of the `Open_vSwitch` row in a transaction that has to make it, as `ovs-vsctl init` does.
    static let rootSymbol = "open_vswitch"
}

extension RowEdit {
    fileprivate var guarding: OVSDB.Operation? {
        guard !assumed.isEmpty else { return nil }
        return .wait(
            table: table.name,
            where: [.row(row)],
            columns: assumed.keys.sorted(),
            rows: [assumed],
            timeout: 0
        )
    }

    fileprivate var update: OVSDB.Operation? {
        values.isEmpty ? nil : .update(table: table.name, where: [.row(row)], row: values)
    }

    /// Children join before others leave: a port is never without an interface, not even within the transaction
    /// (the server checks each mutation by itself).
    fileprivate var mutate: OVSDB.Operation? {
        var mutations: [Mutation] = []
        for (column, entries) in keys.sorted(by: { $0.key < $1.key }) {
            // An insert does not replace a key that is there (RFC 7047, 5.1 <mutator>).
            mutations.append(Mutation(column, .delete, Datum(set: entries.keys.map(Atom.string))))
            let present = entries.compactMapValues { $0 }
            if !present.isEmpty { mutations.append(Mutation(column, .insert, Datum(map: present))) }
        }
        if !joining.isEmpty { mutations.append(Mutation(childColumn, .insert, Datum(set: joining))) }
        if !leaving.isEmpty { mutations.append(Mutation(childColumn, .delete, Datum(set: leaving))) }
        return mutations.isEmpty ? nil : .mutate(table: table.name, where: [.row(row)], mutations: mutations)
    }
}
