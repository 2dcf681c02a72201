import JSONRPC
import OVSDB

/// How ``FoundValues`` are kept for a restart: one JSON object, strict, with values in the form of RFC 7047.
extension FoundValues {
    private static let version: Int64 = 1

    var bytes: [UInt8] {
        let rows = rows.sorted { $0.key < $1.key }.map { object, row in row.json(of: object) }
        let json: JSON = ["version": .integer(Self.version), "rows": .array(rows)]
        return Array((json.text() + "\n").utf8)
    }

    /// What ``bytes`` wrote; nothing where nothing was written, and `nil` of anything else.
    init?(kept bytes: [UInt8]) {
        if bytes.isEmpty { return }
        guard let json = try? JSON(parsing: bytes), json["version"]?.integer == Self.version,
            let entries = json["rows"]?.array
        else { return nil }
        for entry in entries {
            guard let table = entry["table"]?.string.flatMap(DesiredRow.Table.init(name:)),
                let name = entry["name"]?.string,
                let row = FoundRow(entry)
            else { return nil }
            set(row, for: Object(table: table, name: name))
        }
    }
}

extension FoundRow {
    fileprivate func json(of object: FoundValues.Object) -> JSON {
        let columns = columns.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) }
        let keys = keys.sorted { $0.key < $1.key }.map { column, entries in
            JSON.Member(
                column,
                .object(
                    entries.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.map(JSON.string) ?? .null) }
                )
            )
        }
        return [
            "table": .string(object.table.name),
            "name": .string(object.name),
            "adopted": .boolean(isAdopted),
            "columns": .object(columns),
            "keys": .object(keys),
            "standing": standing.map(\.json) ?? .null,
        ]
    }

    fileprivate init?(_ json: JSON) {
        guard let isAdopted = json["adopted"]?.boolean, let columns = json["columns"]?.object,
            let keys = json["keys"]?.object, let standing = json["standing"]
        else { return nil }
        self.init(isAdopted: isAdopted)
        for member in columns {
            guard let value = Datum(kept: member.value) else { return nil }
            self.columns[member.name] = value
        }
        for member in keys {
            guard let entries = member.value.object else { return nil }
            for entry in entries {
                guard entry.value.isNull || entry.value.string != nil else { return nil }
                self.keys[member.name, default: [:]][entry.name] = .some(entry.value.string)
            }
        }
        guard !standing.isNull else { return }
        guard let standing = Standing(standing) else { return nil }
        self.standing = standing
    }
}

extension FoundRow.Standing {
    fileprivate var json: JSON {
        [
            "row": .string(row.description),
            "datapathType": .string(datapathType),
            "hardwareAddress": hardwareAddress.map(JSON.string) ?? .null,
            "wasPinned": .boolean(wasPinned),
        ]
    }

    fileprivate init?(_ json: JSON) {
        guard let row = json["row"]?.string.flatMap({ UUID($0) }), let type = json["datapathType"]?.string,
            let address = json["hardwareAddress"], address.isNull || address.string != nil,
            let wasPinned = json["wasPinned"]?.boolean
        else { return nil }
        self.init(row: row, datapathType: type, hardwareAddress: address.string, wasPinned: wasPinned)
    }
}

extension Datum {
    /// A scalar or set, as ``Datum/json`` writes them.
    fileprivate init?(kept json: JSON) {
        guard let elements = json.array else {
            guard let atom = Atom(kept: json) else { return nil }
            self.init(atom)
            return
        }
        guard elements.count == 2, elements[0].string == "set", let atoms = elements[1].array?.map(Atom.init(kept:)),
            atoms.allSatisfy({ $0 != nil })
        else { return nil }
        self.init(set: atoms.compactMap(\.self))
    }
}

extension Atom {
    fileprivate init?(kept json: JSON) {
        switch json {
        case .integer(let value): self = .integer(value)
        case .boolean(let value): self = .boolean(value)
        case .string(let value): self = .string(value)
        default: return nil
        }
    }
}
