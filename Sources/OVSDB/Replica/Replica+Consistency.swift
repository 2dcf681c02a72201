import JSONRPC

extension Replica {
    /// What in this replica contradicts itself or its schema, in words; empty for a sound one.
    ///
    /// It looks at everything, which takes time in proportion to the database: for tests, and for whoever doubts.
    ///
    /// - Parameter isWhole: whether all rows of every table are followed, so that no reference leads into nothing.
    public func inconsistencies(isWhole: Bool = true) -> [String] {
        var found: [String] = []
        var counted = ReferenceIndex()
        var targets: Set<UUID> = []
        for (name, table) in schema.tables.sorted(by: { $0.key < $1.key }) {
            let rows = self[name]
            found += rows.indexFaults().map { "\(name): \($0)" }
            for row in rows.rows {
                for (position, column) in table.columns.enumerated() {
                    let value = row.values[position]
                    let place = "\(name) \(row.uuid) \(column.name)"
                    if let fault = column.type.fault(of: value) { found.append("\(place): \(fault)") }
                    if isWhole { found += danglingReferences(of: value, column).map { "\(place): \($0)" } }
                    guard column.type.isStrongReference else { continue }
                    for target in value.referenced {
                        counted.insert(Reference(table: name, column: column.name, row: row.uuid), to: target)
                        targets.insert(target)
                    }
                }
            }
        }
        for target in targets where Set(counted[target]) != Set(referrers(of: target)) {
            found.append("\(target): its referrers are not those that refer to it")
        }
        if referredCount != targets.count {
            found.append("\(referredCount) rows are counted as referred to, and \(targets.count) are")
        }
        return found
    }

    /// A server takes away, with a row, every weak reference to it; a strong one keeps the row.
    private func danglingReferences(of value: Datum, _ column: ColumnSchema) -> [String] {
        let keys = value.isMap ? value.entries.map(\.key) : value.atoms
        let ends = [(column.type.key, keys), (column.type.value, value.entries.map(\.value))]
        return ends.flatMap { type, atoms -> [String] in
            guard let table = type?.reference?.table, schema.tables[table] != nil else { return [] }
            return atoms.compactMap { atom in
                guard case .uuid(let uuid) = atom, self[table][uuid] == nil else { return nil }
                return "no row \(uuid) in \(table)"
            }
        }
    }
}

extension TableReplica {
    fileprivate func indexFaults() -> [String] {
        indexes.flatMap { index -> [String] in
            let columns = index.positions.map { schema.columns[$0].name }.joined(separator: ", ")
            var faults = rows.filter { row in index[index.key(of: row.values)] != row.uuid }
                .map { "row \($0.uuid) is not found by \(columns)" }
            if index.count != count { faults.append("\(index.count) rows are indexed by \(columns), of \(count)") }
            return faults
        }
    }
}

extension ColumnType {
    fileprivate func fault(of value: Datum) -> String? {
        if !(minimum...maximum).contains(value.count) { return "\(value.count) elements" }
        if value.isMap != isMap { return isMap ? "not a map" : "a map" }
        let keys = isMap ? value.entries.map(\.key) : value.atoms
        for atom in keys where !key.allows(atom) { return "\(atom) is not allowed" }
        for entry in value.entries where self.value?.allows(entry.value) == false {
            return "\(entry.value) is not allowed"
        }
        return nil
    }
}

extension BaseType {
    fileprivate func allows(_ atom: Atom) -> Bool {
        let isOfKind =
            switch (atom, kind) {
            case (.integer, .integer), (.real, .real), (.boolean, .boolean), (.string, .string), (.uuid, .uuid): true
            default: false
            }
        return isOfKind && allowed?.contains(atom) != false
    }
}

extension BaseType.Reference {
    /// The table of the row that is named.
    public var table: String {
        switch self {
        case .strong(let table), .weak(let table): table
        }
    }
}
