import OVSDB
import OpenFlow

/// A VM port as the database has it, before the switch's own number makes a ``VMPort`` of it.
struct VMPortRow: Hashable, Sendable {
    var name: String
    var lane: Lane
    /// The interface's, as far as flows follow from them.
    var externalIDs: [String: String]
    var mode: String?
    var tag: Int?
    var trunks: [Int]

    func port(number: UInt32?) throws(VMPort.Unserved) -> VMPort {
        try VMPort(name: name, number: number, externalIDs: externalIDs, mode: mode, tag: tag, trunks: trunks)
    }

    /// `nil` for an interface that is no VM's: one without `iface-id`, or on another bridge than a brN.local.
    init?(_ interface: Row, in replica: Replica) {
        let marks = interface["external_ids"]
        guard marks[VMPort.Key.interfaceID] != nil,
            let port = replica.referrers(of: interface.uuid).lazy.compactMap({ replica["Port"][$0.row] }).first,
            let bridge = replica.referrers(of: port.uuid).lazy.compactMap({ replica["Bridge"][$0.row] }).first,
            let lane = Lane(localBridge: bridge.name)
        else { return nil }
        name = interface.name
        self.lane = lane
        let keys = [VMPort.Key.interfaceID, VMPort.Key.attachedMAC, VMPort.Key.addresses]
        externalIDs = Dictionary(uniqueKeysWithValues: keys.compactMap { key in marks[key].map { (key, $0) } })
        mode = port["vlan_mode"].string
        tag = port["tag"].integer.map { Int($0) }
        trunks = port["trunks"].atoms.compactMap { if case .integer(let number) = $0 { Int(number) } else { nil } }
    }

    /// All of a database, by the rows of their interfaces.
    static func all(in replica: Replica) -> [UUID: VMPortRow] {
        var rows: [UUID: VMPortRow] = [:]
        for interface in replica["Interface"].rows {
            if let row = VMPortRow(interface, in: replica) { rows[interface.uuid] = row }
        }
        return rows
    }

    /// What a notification says of VM ports: those whose rows it touches, as they are now, and `nil` for interfaces
    /// that are no VM's, or no more. `replica` is the one right after it.
    static func touched(by changes: [RowChange], in replica: Replica) -> [UUID: VMPortRow?] {
        var interfaces: Set<UUID> = []
        for change in changes {
            guard let table = replica.schema.tables[change.table] else { continue }
            switch change.table {
            case "Interface" where change.changes(anyOf: ["external_ids", "name"], in: table):
                interfaces.insert(change.uuid)
            case "Port" where change.changes(anyOf: ["interfaces", "vlan_mode", "tag", "trunks"], in: table):
                interfaces.formUnion(change.children("interfaces", in: replica))
            case "Bridge" where change.changes(anyOf: ["ports", "name"], in: table):
                for port in change.children("ports", in: replica) {
                    interfaces.formUnion(replica["Port"][port]?["interfaces"].uuids ?? [])
                }
            default: continue
            }
        }
        return Dictionary(
            uniqueKeysWithValues: interfaces.map { uuid in
                (uuid, replica["Interface"][uuid].flatMap { VMPortRow($0, in: replica) })
            }
        )
    }
}

extension RowChange {
    /// Whether a row came or went, or one of these columns of it changed.
    fileprivate func changes(anyOf columns: Set<String>, in table: TableSchema) -> Bool {
        guard case .modified(let changes) = kind else { return true }
        return changes.contains { columns.contains(table.columns[$0.position].name) }
    }

    /// The rows that joined or left a column of references.
    fileprivate func children(_ column: String, in replica: Replica) -> Set<UUID> {
        let row = replica[table][uuid]
        let now = row.map { Set($0[column].uuids) } ?? []
        switch kind {
        case .inserted: return now
        case .deleted(let old):
            let position = replica.schema.tables[table]?.position(of: column)
            return Set(position.map { old[$0].uuids } ?? [])
        case .modified:
            guard let row, let old = old(column, of: row) else { return now }
            let before = Set(old.uuids)
            // Where the set stayed as it was, something else did change that concerns all in it.
            return before == now ? now : before.symmetricDifference(now)
        }
    }
}
