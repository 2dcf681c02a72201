/// One connection's conversation with an ovsdb-server, without the connection: messages in, actions out.
///
/// It learns the schema, asks for the lock, starts one monitor over all that is followed and then hands on what the
/// monitor reports, beside any number of other calls, answered in any order. It keeps no rows.
struct SessionStateMachine {
    /// What a session is for.
    struct Purpose: Hashable, Sendable {
        var database: String
        /// The lock to ask for; `nil` for none (RFC 7047, 4.1.8).
        var lock: String?
        /// The tables and columns to follow; what the schema does not know is left out.
        var followed: [FollowedTable]
    }

    /// How far an earlier session followed the database, to go on from there.
    struct Mark: Hashable, Sendable {
        var schema: DatabaseSchema
        var transaction: UUID
    }

    enum Action: Hashable, Sendable {
        /// Send a message.
        case send(JSON)
        /// The server's whole schema.
        case learned(DatabaseSchema)
        /// All rows of what is followed: forget what was known.
        case snapshot(DatabaseSchema, TableUpdates)
        /// What changed since the mark: what was known then and this together are the whole.
        case resumed(TableUpdates)
        /// What one transaction changed.
        case changed(TableUpdates)
        case lock(LockState)
        /// A call of ``call(_:_:)`` was answered.
        case answered(id: Int64, Answer)
        /// Close the connection.
        case close(OVSDBError)
    }

    /// A call's answer.
    enum Answer: Hashable, Sendable {
        case success(JSON)
        case transaction([OperationResult])
        case failure(OVSDBError)
    }

    private enum Pending: Hashable, Sendable {
        case schema
        case changeAwareness
        case lock
        /// With the transaction that it goes on from.
        case monitor(MonitorMethod, since: UUID)
        case call(method: String)
        case transaction(operations: Int)
        /// Nobody waits for the answer any more.
        case abandoned
    }

    private enum State: Hashable, Sendable {
        case unconnected
        case learningSchema
        case startingMonitor(DatabaseSchema, MonitorMethod)
        case following(DatabaseSchema, MonitorMethod)
        case closed
    }

    private static let monitor = "ovsdb"
    /// The id of every probe: what is remembered of probes does not grow with a peer that never answers one.
    private static let probe = "echo"

    private let purpose: Purpose
    private let mark: Mark?
    private var state = State.unconnected
    private var pending: [Int64: Pending] = [:]
    /// The number of the last request.
    private(set) var lastID: Int64
    /// Replies to nothing that was asked.
    private(set) var unknownReplies = 0
    private var lastTransaction: UUID?

    /// - Parameter lastID: the number after which this session numbers its requests, so that a client's calls have
    ///   numbers of their own over all its connections.
    init(purpose: Purpose, mark: Mark? = nil, lastID: Int64 = 0) {
        self.purpose = purpose
        self.mark = mark
        self.lastID = lastID
    }

    /// How the rows of the snapshot are to be read that is awaited; `nil` when none is. It may be larger than any other
    /// message.
    var awaitedSnapshot: (DatabaseSchema, TableUpdates.Form)? {
        if case .startingMonitor(let schema, let method) = state { (schema, method.form) } else { nil }
    }

    /// From where a later session can go on; `nil` while the server has named no transaction.
    var progress: Mark? {
        guard case .following(let schema, _) = state, let lastTransaction else { return nil }
        return Mark(schema: schema, transaction: lastTransaction)
    }

    /// The connection stands.
    mutating func connected() -> [Action] {
        guard case .unconnected = state else { return [] }
        state = .learningSchema
        return [send("get_schema", [.string(purpose.database)], as: .schema)]
    }

    /// The connection is gone: every call fails.
    mutating func disconnected(_ error: OVSDBError) -> [Action] {
        state = .closed
        let open = pending.sorted { $0.key < $1.key }
        pending = [:]
        return open.compactMap { id, pending in
            switch pending {
            case .call, .transaction: .answered(id: id, .failure(error))
            case .schema, .changeAwareness, .lock, .monitor, .abandoned: nil
            }
        }
    }

    /// Sends a request of the caller's; its answer comes as ``Action/answered(id:_:)`` under the number given.
    mutating func call(_ method: String, _ params: [JSON]) -> (id: Int64, Action) {
        let action = send(method, params, as: .call(method: method))
        return (lastID, action)
    }

    /// Sends a transaction; its answer comes as ``Action/answered(id:_:)`` under the number given (RFC 7047, 4.1.3).
    mutating func transact(_ operations: [Operation]) -> (id: Int64, Action) {
        let params = [.string(purpose.database)] + operations.map(\.json)
        let action = send("transact", params, as: .transaction(operations: operations.count))
        return (lastID, action)
    }

    /// Nobody waits for a call's answer any more. A transaction that still waits for its time is taken back (RFC 7047,
    /// 4.1.4); one that the server has begun is made all the same.
    mutating func abandon(_ id: Int64) -> [Action] {
        switch pending[id] {
        case .transaction:
            pending[id] = .abandoned
            return [.send(["id": nil, "method": "cancel", "params": [.integer(id)]])]
        case .call:
            pending[id] = .abandoned
            return []
        case .schema, .changeAwareness, .lock, .monitor, .abandoned, nil:
            return []
        }
    }

    /// Asks the server for a sign of life (RFC 7047, 4.1.11).
    func probe() -> Action { .send(["id": .string(Self.probe), "method": "echo", "params": []]) }

    /// What was handed on is not what the replica holds: no later session can go on from here.
    mutating func forgetProgress() { lastTransaction = nil }

    /// Takes one message of the server.
    mutating func received(_ message: JSONView) -> [Action] {
        do throws(OVSDBError) {
            if let method = message["method"]?.string {
                return try requested(method, message)
            }
            guard let id = message["id"], message["result"] != nil || message["error"] != nil else {
                throw .mismatch(message, wanted: "a request, a notification or a reply")
            }
            if id.string == Self.probe { return [] }
            guard let number = id.integer, let pending = pending.removeValue(forKey: number) else {
                unknownReplies += 1
                return []
            }
            return try replied(pending, number, message)
        } catch {
            return [.close(error)]
        }
    }

    private mutating func send(_ method: String, _ params: [JSON], as pending: Pending) -> Action {
        lastID += 1
        self.pending[lastID] = pending
        return .send(["id": .integer(lastID), "method": .string(method), "params": .array(params)])
    }
}

/// What the server asks and tells.
extension SessionStateMachine {
    private mutating func requested(_ method: String, _ message: JSONView) throws(OVSDBError) -> [Action] {
        guard let params = message["params"], params.isArray else {
            throw .mismatch(message["params"], wanted: "an array of params")
        }
        switch method {
        case "echo":
            // A notification has no id and wants no answer.
            guard let id = message["id"], !id.isNull else { return [] }
            return [.send(["id": JSON(id), "result": JSON(params), "error": nil])]
        case "update", "update2", "update3":
            return try updated(method, params)
        case "locked", "stolen":
            guard let lock = purpose.lock, params[0]?.string == lock else { return [] }
            return [.lock(method == "locked" ? .held : .lost)]
        case "monitor_canceled", "monitor_cancelled":
            guard params[0]?.string == Self.monitor else { return [] }
            // The database left the server or its schema was converted: begin again from the schema.
            throw .disconnected(reason: "the server ended the monitor of \(purpose.database)")
        default:
            guard let id = message["id"], !id.isNull else { return [] }
            return [.send(["id": JSON(id), "result": nil, "error": "unknown method"])]
        }
    }

    private mutating func updated(_ method: String, _ params: JSONView) throws(OVSDBError) -> [Action] {
        guard case .following(let schema, let monitor) = state, params[0]?.string == Self.monitor,
            method == monitor.notification
        else { throw .protocolViolation("\(method) for a monitor that was not started") }
        guard let updates = params[monitor == .since ? 2 : 1] else {
            throw .mismatch(params, wanted: "a monitor's updates")
        }
        let changes = try TableUpdates(updates, form: monitor.form, schema: schema)
        if monitor == .since {
            // Only what was read whole counts as known.
            guard let transaction = params[1]?.string.flatMap({ UUID($0) }) else {
                throw .mismatch(params, wanted: "a transaction's id")
            }
            lastTransaction = transaction == .zero ? nil : transaction
        }
        return [.changed(changes)]
    }
}

/// What the server answers.
extension SessionStateMachine {
    private mutating func replied(
        _ pending: Pending,
        _ id: Int64,
        _ message: JSONView
    ) throws(OVSDBError) -> [Action] {
        // A null error is none; an old server's error may come without a result.
        let error = message["error"].flatMap { $0.isNull ? nil : $0 }
        switch pending {
        case .changeAwareness, .abandoned: return []
        case .schema:
            return try learned(try result(of: message, "get_schema"))
        case .lock:
            let result = try result(of: message, "lock")
            return [.lock(result["locked"]?.boolean == true ? .held : .waiting)]
        case .monitor(let method, let known):
            if let error, let fallback = method.fallback, error.isUnknownMethod {
                guard case .startingMonitor(let schema, _) = state else { return [] }
                return startMonitor(fallback, schema)
            }
            return try started(method, since: known, try result(of: message, method.rawValue))
        case .call(let method):
            if let error { return [.answered(id: id, .failure(.refused(method: method, error: error.reason)))] }
            return [.answered(id: id, .success(message["result"].map { JSON($0) } ?? .null))]
        case .transaction(let count):
            do throws(OVSDBError) {
                let result = try result(of: message, "transact")
                return [.answered(id: id, .transaction(try [OperationResult](result, count: count)))]
            } catch {
                let answered = Action.answered(id: id, .failure(error))
                if case .protocolViolation = error { return [answered, .close(error)] }
                return [answered]
            }
        }
    }

    private func result(of message: JSONView, _ method: String) throws(OVSDBError) -> JSONView {
        if let error = message["error"], !error.isNull { throw .refused(method: method, error: error.reason) }
        guard let result = message["result"] else { throw .mismatch(message, wanted: "a result of \(method)") }
        return result
    }

    private mutating func learned(_ json: JSONView) throws(OVSDBError) -> [Action] {
        let schema = try DatabaseSchema(json)
        let followed = schema.selecting(purpose.followed)
        var actions: [Action] = [.learned(schema)]
        // Without it a server closes the connection when a database is converted; an old one does not know it.
        actions.append(send("set_db_change_aware", [true], as: .changeAwareness))
        if let lock = purpose.lock { actions.append(send("lock", [.string(lock)], as: .lock)) }
        return actions + startMonitor(.since, followed)
    }

    private mutating func startMonitor(_ method: MonitorMethod, _ schema: DatabaseSchema) -> [Action] {
        state = .startingMonitor(schema, method)
        let requests = schema.tables.sorted { $0.key < $1.key }.map { name, table in
            let columns = JSON.array(table.columns.map { .string($0.name) })
            return JSON.Member(name, method == .plain ? ["columns": columns] : [["columns": columns]])
        }
        var params: [JSON] = [.string(purpose.database), .string(Self.monitor), .object(requests)]
        var known = UUID.zero
        if method == .since {
            if let mark, mark.schema == schema { known = mark.transaction }
            params.append(.string(known.description))
        }
        return [send(method.rawValue, params, as: .monitor(method, since: known))]
    }

    private mutating func started(
        _ method: MonitorMethod,
        since known: UUID,
        _ result: JSONView
    ) throws(OVSDBError) -> [Action] {
        guard case .startingMonitor(let schema, _) = state else { return [] }
        guard method == .since else {
            let rows = try TableUpdates(result, form: method.form, schema: schema)
            state = .following(schema, method)
            return [.snapshot(schema, rows)]
        }
        guard let found = result[0]?.boolean, let transaction = result[1]?.string.flatMap({ UUID($0) }),
            let updates = result[2]
        else { throw .mismatch(result, wanted: "found, transaction and updates") }
        // Nothing was asked to be continued: such changes would fall on rows of another time.
        if found, known == .zero { throw .protocolViolation("the server found a transaction that nobody named") }
        let changes = try TableUpdates(updates, form: method.form, schema: schema)
        state = .following(schema, method)
        // A server on its own names no transaction.
        lastTransaction = transaction == .zero ? nil : transaction
        return [found ? .resumed(changes) : .snapshot(schema, changes)]
    }
}

extension JSONView {
    /// Servers say it as `"unknown method"` or as an object with that `error`.
    fileprivate var isUnknownMethod: Bool { reason.hasPrefix("unknown method") }

    /// An error's words.
    fileprivate var reason: String {
        if let text = string { return text }
        if let name = self["error"]?.string {
            return self["details"]?.string.map { "\(name): \($0)" } ?? name
        }
        return JSON(self).text()
    }
}
