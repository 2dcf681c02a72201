import JSONRPC

/// The one monitor over all that is followed: begun, narrowed or widened, ended and begun again.
extension SessionStateMachine {
    mutating func learnSchema() -> [Action] {
        state = .learningSchema
        return changeAware(false) + [send("get_schema", [.string(purpose.database)], as: .schema)]
    }

    /// A server closes the connection when a database is converted, unless its client says that it looks out for that
    /// (ovsdb-server(7), Set_db_change_aware): by the end of its monitor. While no monitor stands there is nothing to
    /// end, and one that began under the schema of before would read what comes wrongly: then the close is what helps.
    private mutating func changeAware(_ isAware: Bool) -> [Action] {
        guard isChangeAware != isAware else { return [] }
        isChangeAware = isAware
        // An old server does not know it, and closes.
        return [send("set_db_change_aware", [.boolean(isAware)], as: .changeAwareness)]
    }

    mutating func learned(_ json: JSONView) throws(OVSDBError) -> [Action] {
        // An answer that a monitor's end has overtaken; the next one is on its way.
        guard case .learningSchema = state else { return [] }
        let schema = try DatabaseSchema(json)
        let followed = schema.selecting(purpose.followed)
        var actions: [Action] = [.learned(schema)]
        if !lock.isRequested {
            lock.isRequested = true
            if let name = purpose.lock { actions.append(send("lock", [.string(name)], as: .lock)) }
        }
        return actions + startMonitor(.since, followed)
    }

    mutating func startMonitor(
        _ method: MonitorMethod,
        _ schema: DatabaseSchema,
        afresh: Bool = false
    ) -> [Action] {
        state = .startingMonitor(schema, method)
        var known = UUID.zero
        filters = wantedFilters
        if method == .since, !afresh, let mark, mark.schema == schema {
            known = mark.transaction
            // Changes since then are those of the rows that were followed then.
            filters = mark.filters
        }
        let requests = schema.tables.sorted { $0.key < $1.key }.map { name, table in
            let columns = JSON.array(table.columns.map { .string($0.name) })
            guard method != .plain else { return JSON.Member(name, ["columns": columns]) }
            let filter = filters[name] ?? .all
            return JSON.Member(
                name,
                [filter == .all ? ["columns": columns] : ["columns": columns, "where": filter.json]]
            )
        }
        var params: [JSON] = [.string(purpose.database), .string(Self.monitor), .object(requests)]
        if method == .since { params.append(.string(known.description)) }
        // A server takes requests in order: once it hears the second one, the first one's monitor stands.
        return [send(method.rawValue, params, as: .monitor(method, since: known))] + changeAware(true)
    }

    mutating func started(
        _ method: MonitorMethod,
        since known: UUID,
        _ result: JSONView
    ) throws(OVSDBError) -> [Action] {
        guard case .startingMonitor(let schema, method) = state else { return [] }
        guard method == .since else {
            let rows = try TableUpdates(result, form: method.form, schema: schema)
            state = .following(schema, method)
            mark = nil
            return [.snapshot(schema, rows)] + afterSnapshot()
        }
        guard let found = result[0]?.boolean, let transaction = result[1]?.uuid,
            let updates = result[2]
        else { throw .mismatch(result, wanted: "found, transaction and updates") }
        // Nothing was asked to be continued: such changes would fall on rows of another time.
        if found, known == .zero { throw .protocolViolation("the server found a transaction that nobody named") }
        let changes = try TableUpdates(updates, form: method.form, schema: schema)
        state = .following(schema, method)
        mark = nil
        // A server on its own names no transaction.
        lastTransaction = transaction == .zero ? nil : transaction
        return [found ? .resumed(changes) : .snapshot(schema, changes)] + afterSnapshot()
    }

    private mutating func afterSnapshot() -> [Action] {
        var actions = changeFilters()
        if lock.comesWithSnapshot {
            lock.comesWithSnapshot = false
            actions.append(.lock(.held))
        }
        return actions
    }

    mutating func updated(_ method: String, _ params: JSONView) throws(OVSDBError) -> [Action] {
        guard let (schema, monitor) = followed, params[0]?.isString(Self.monitor) == true,
            method == monitor.notification
        else { throw .protocolViolation("\(method) for a monitor that was not started") }
        guard let updates = params[monitor == .since ? 2 : 1] else {
            throw .mismatch(params, wanted: "a monitor's updates")
        }
        let changes = try TableUpdates(updates, form: monitor.form, schema: schema)
        if monitor == .since {
            // Only what was read whole counts as known.
            guard let transaction = params[1]?.uuid else {
                throw .mismatch(params, wanted: "a transaction's id")
            }
            lastTransaction = transaction == .zero ? nil : transaction
        }
        return [.changed(changes)]
    }

    private var followed: (DatabaseSchema, MonitorMethod)? {
        switch state {
        case .following(let schema, let method), .restartingMonitor(let schema, let method): (schema, method)
        default: nil
        }
    }

    /// Asks for all that is followed once more, as a snapshot. Where one is on its way already, that one will do.
    mutating func restartMonitor() -> [Action] {
        guard case .following(let schema, let method) = state else { return [] }
        state = .restartingMonitor(schema, method)
        filterChange = nil
        return changeAware(false) + [send("monitor_cancel", [.string(Self.monitor)], as: .cancelledMonitor)]
    }

    /// The database left the server or its schema was converted (ovsdb-server(7), Monitor_canceled): begin again from
    /// the schema, on this connection, whose lock stays ours.
    mutating func monitorEnded(_ name: String?) throws(OVSDBError) -> [Action] {
        switch name {
        case Self.serverMonitor:
            throw .disconnected(reason: "the server ended the monitor of \(ServerStatus.database)")
        case Self.monitor:
            guard followed != nil else { return [] }
            lastTransaction = nil
            filterChange = nil
            return learnSchema()
        default:
            return []
        }
    }

    /// Sets which rows of a table are wanted. The server is asked at once where it can be, one change at a time, and
    /// again after a connection on which it did not confirm: ``Action/filtered`` says when it has come about.
    mutating func follow(_ rows: RowFilter, in table: String) -> [Action] {
        wantedFilters[table] = rows
        isFilterAwaited = true
        return changeFilters()
    }

    /// Sends what is wanted and not asked for yet; where there is nothing of that kind, tells so to who waits for it.
    private mutating func changeFilters() -> [Action] {
        guard case .following(let schema, let method) = state, filterChange == nil else { return [] }
        let changed = schema.tables.keys.sorted().filter { (filters[$0] ?? .all) != (wantedFilters[$0] ?? .all) }
        // A monitor of RFC 7047 reports all rows anyway.
        guard method != .plain, !changed.isEmpty else {
            defer { isFilterAwaited = false }
            return isFilterAwaited ? [.filtered] : []
        }
        let requests = changed.map { JSON.Member($0, [["where": (wantedFilters[$0] ?? .all).json]]) }
        let params: [JSON] = [.string(Self.monitor), .string(Self.monitor), .object(requests)]
        let request = send("monitor_cond_change", params, as: .filters(wantedFilters))
        filterChange = lastID
        return [request]
    }

    mutating func changedFilters(to confirmed: [String: RowFilter]) -> [Action] {
        filters = confirmed
        filterChange = nil
        return changeFilters()
    }
}
