import JSONRPC

/// What a monitor's first reply has brought so far.
struct ArrivingSnapshot {
    /// The replica to come, when the reply is a snapshot of its own.
    private(set) var replica: Replica
    /// The changes so far, when the reply goes on from what is known: they fall on another replica.
    private(set) var continued: [TableUpdates.RowUpdate] = []
    /// The rows in them: the names in an object differ, which nobody sees once they are cut out of it.
    private var continuedRows: Set<UUID> = []

    init(schema: DatabaseSchema) {
        replica = Replica(schema: schema)
    }

    /// Takes the next row. Throws ``ReplicaError`` where it does not fit.
    mutating func take(_ row: TableUpdates.RowUpdate, isContinued: Bool) throws(ReplicaError) {
        guard isContinued else { return try replica.add(row) }
        guard continuedRows.insert(row.uuid).inserted else {
            throw .repeatedRow(table: row.table, uuid: row.uuid)
        }
        continued.append(row)
    }
}
