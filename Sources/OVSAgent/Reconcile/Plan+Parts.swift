import OVSDB

// A plan in parts that do not depend on each other: so that an object that has to wait, or that the server does not
// take, waits alone.

/// What can be committed by itself, and cannot be taken apart: a NIC leaves one port and joins another at once.
struct PlanPart: Sendable {
    var plan: Plan
    /// The objects that it concerns, named as changes name them.
    var objects: Set<String>
}

extension Plan {
    /// The parts, in the order of their first changes; together they are the whole.
    var parts: [PlanPart] {
        var groups = Groups()
        let leaving = Set(edits.flatMap(\.leaving))
        for (index, edit) in edits.enumerated() where edit.table != Self.rootTable {
            groups.join(.edit(index), .atom(.uuid(edit.row)))
            for atom in edit.joining + edit.leaving { groups.join(.edit(index), .atom(atom)) }
            for place in edit.places where leaving.contains(.uuid(place)) {
                groups.join(.edit(index), .atom(.uuid(place)))
            }
        }
        for (index, insert) in inserts.enumerated() {
            groups.join(.insert(index), .atom(.namedUUID(insert.symbol)))
            for atom in insert.values.values.flatMap(\.atoms) { groups.join(.insert(index), .atom(atom)) }
        }
        for succession in successions {
            groups.join(.atom(.uuid(succession.former)), .atom(succession.port))
        }
        var parts: [Int: PlanPart] = [:]
        var order: [Int] = []
        func part(of node: Groups.Node, _ change: (inout PlanPart) -> Void) {
            let group = groups.group(of: node)
            if parts[group] == nil {
                order.append(group)
                parts[group] = PlanPart(plan: Plan(root: root, isCountFull: isCountFull), objects: [])
            }
            change(&parts[group]!)
        }
        for (index, edit) in edits.enumerated() where edit.table != Self.rootTable {
            part(of: .edit(index)) {
                $0.plan.edits.append(edit)
                $0.objects.insert(edit.object)
            }
        }
        for (index, insert) in inserts.enumerated() {
            part(of: .insert(index)) {
                $0.plan.inserts.append(insert)
                if let object = insert.object { $0.objects.insert(object) }
            }
        }
        for succession in successions {
            part(of: .atom(succession.port)) { $0.plan.successions.append(succession) }
        }
        // The list of bridges holds no two of them together.
        for edit in edits where edit.table == Self.rootTable {
            for atom in edit.joining {
                part(of: .atom(atom)) { $0.plan.editRoot(like: edit) { $0.joining.append(atom) } }
            }
            for atom in edit.leaving {
                part(of: .atom(atom)) { $0.plan.editRoot(like: edit) { $0.leaving.append(atom) } }
            }
        }
        return order.compactMap { parts[$0] }.map(withChanges)
    }

    private func withChanges(_ part: PlanPart) -> PlanPart {
        var part = part
        part.plan.changes = changes.filter { part.objects.contains($0.object) }
        return part
    }

    private mutating func editRoot(like model: RowEdit, _ change: (inout RowEdit) -> Void) {
        if let index = edits.firstIndex(where: { $0.table == Self.rootTable }) {
            change(&edits[index])
        } else {
            var edit = RowEdit(table: model.table, row: model.row, name: model.name)
            change(&edit)
            edits.append(edit)
        }
    }

    /// What of the plan can be committed while some objects have to wait.
    func without(_ held: Set<String>) -> Plan {
        guard !held.isEmpty else { return self }
        return Plan(parts.lazy.filter { $0.objects.isDisjoint(with: held) }.map(\.plan), like: self)
    }

    /// The parts in one transaction again, which was `whole` once.
    private init(_ parts: some Sequence<Plan>, like whole: Plan) {
        self.init(root: whole.root, isCountFull: whole.isCountFull)
        for part in parts {
            changes += part.changes
            inserts += part.inserts
            successions += part.successions
            for edit in part.edits {
                guard edit.table == Self.rootTable else {
                    edits.append(edit)
                    continue
                }
                editRoot(like: edit) {
                    $0.joining += edit.joining
                    $0.leaving += edit.leaving
                }
            }
        }
    }

    fileprivate static let rootTable = OpenVSwitch.table
}

extension RowEdit {
    /// As changes name it.
    fileprivate var object: String { "\(table.name) \(name)" }
}

extension RowInsert {
    /// As changes name it; `nil` for a row without a name.
    fileprivate var object: String? { values[.rowName]?.string.map { "\(table.name) \($0)" } }
}

/// Which of a plan's edits and inserts belong together: they do where they speak of the same row.
private struct Groups {
    enum Node: Hashable {
        case edit(Int)
        case insert(Int)
        /// A row, or the name of one that is made.
        case atom(Atom)
    }

    private var numbers: [Node: Int] = [:]
    /// Of each number one that it belongs to, or itself.
    private var parents: [Int] = []

    mutating func join(_ a: Node, _ b: Node) {
        let (first, second) = (group(of: a), group(of: b))
        parents[max(first, second)] = min(first, second)
    }

    mutating func group(of node: Node) -> Int {
        guard var number = numbers[node] else {
            numbers[node] = parents.count
            parents.append(parents.count)
            return parents.count - 1
        }
        while parents[number] != number { number = parents[number] }
        return number
    }
}
