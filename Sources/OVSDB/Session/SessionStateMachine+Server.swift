import JSONRPC

/// Whether the server will do: `_Server` is followed beside the database where a client wants more than any server.
extension SessionStateMachine {
    mutating func learnedServer(_ json: JSONView) throws(OVSDBError) -> [Action] {
        let schema = try DatabaseSchema(json).selecting([ServerStatus.table])
        let tables = schema.tables.sorted { $0.key < $1.key }.map { name, table in
            JSON.Member(name, [["columns": JSON.array(table.columns.map { .string($0.name) })]])
        }
        let params: [JSON] = [.string(ServerStatus.database), .string(Self.serverMonitor), .object(tables)]
        // Whoever has a `_Server` knows this method.
        return [send("monitor_cond", params, as: .serverMonitor(schema))]
    }

    mutating func serverStarted(_ schema: DatabaseSchema, _ result: JSONView) throws(OVSDBError) -> [Action] {
        var status = ServerStatus(schema: schema)
        try take(result, of: schema, into: &status)
        server = status
        try checkServer()
        return learnSchema()
    }

    mutating func serverUpdated(_ method: String, _ params: JSONView) throws(OVSDBError) -> [Action] {
        guard var status = server, method == MonitorMethod.conditional.notification, let updates = params[1] else {
            throw .protocolViolation("\(method) for a monitor that was not started")
        }
        try take(updates, of: status.schema, into: &status)
        server = status
        try checkServer()
        return []
    }

    private func take(
        _ updates: JSONView,
        of schema: DatabaseSchema,
        into status: inout ServerStatus
    )
        throws(OVSDBError)
    {
        let updates = try TableUpdates(updates, form: MonitorMethod.conditional.form, schema: schema)
        do {
            try status.apply(updates)
        } catch {
            throw .protocolViolation("an update does not fit what the server told of itself: \(error)")
        }
    }

    private mutating func checkServer() throws(OVSDBError) {
        guard let reason = server?.unfitness(for: purpose.role, purpose.database, progress: &clusterProgress) else {
            return
        }
        throw .disconnected(reason: reason)
    }
}
