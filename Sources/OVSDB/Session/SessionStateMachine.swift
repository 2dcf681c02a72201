import JSONRPC

/// One connection's conversation with an ovsdb-server, without the connection: messages in, actions out.
///
/// It looks whether the server will do, where that matters; learns the schema, asks for the lock, starts one monitor
/// over all that is followed and then hands on what the monitor reports, beside any number of other calls, answered in
/// any order. It keeps no rows.
struct SessionStateMachine {
    /// What a session is for.
    struct Purpose: Hashable, Sendable {
        var database: String
        /// The lock to ask for; `nil` for none (RFC 7047, 4.1.8).
        var lock: String?
        /// The tables and columns to follow; what the schema does not know is left out.
        var followed: [FollowedTable]
        var role = ServerRole.any
    }

    /// How far an earlier session followed the database, to go on from there.
    struct Mark: Hashable, Sendable {
        var schema: DatabaseSchema
        /// The rows followed, by table.
        var filters: [String: RowFilter]
        var transaction: UUID
    }

    enum Action: Hashable, Sendable {
        /// Send a message.
        case send(OutgoingMessage)
        /// The server's whole schema.
        case learned(DatabaseSchema)
        /// All rows of what is followed: forget what was known.
        case snapshot(DatabaseSchema, TableUpdates)
        /// What changed since the mark: what was known then and this together are the whole.
        case resumed(TableUpdates)
        /// What one transaction, or a change of filters, changed.
        case changed(TableUpdates)
        /// The rows followed are those asked for last.
        case filtered
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

    enum Pending: Hashable, Sendable {
        case serverSchema
        case serverMonitor(DatabaseSchema)
        case schema
        case changeAwareness
        case lock
        /// With the transaction that it goes on from.
        case monitor(MonitorMethod, since: UUID)
        /// With the filters asked for.
        case filters([String: RowFilter])
        case cancelledMonitor
        case call(method: String)
        case transaction(operations: Int)
        /// Nobody waits for the answer any more.
        case abandoned
    }

    enum State: Hashable, Sendable {
        case unconnected
        case learningServer
        case learningSchema
        case startingMonitor(DatabaseSchema, MonitorMethod)
        case following(DatabaseSchema, MonitorMethod)
        /// Still following, until the server has ended the monitor as asked; then it starts anew.
        case restartingMonitor(DatabaseSchema, MonitorMethod)
        case closed
    }

    static let monitor = "ovsdb"
    static let serverMonitor = "server"
    /// What is remembered of requests whose answers nobody waits for is bounded.
    static let mostAbandoned = 10_000
    /// The id of every probe: what is remembered of probes does not grow with a peer that never answers one.
    private static let probe = "echo"

    let purpose: Purpose
    /// Where the first monitor goes on from: what comes after it falls on rows of a later time.
    var mark: Mark?
    var state = State.unconnected
    var pending: [Int64: Pending] = [:]
    var lastTransaction: UUID?
    /// What the server tells of itself, where that matters.
    var server: ServerStatus?
    /// How far the cluster's log has come, as far as this session and those before it have seen.
    var clusterProgress: ServerStatus.Progress?
    /// The rows that the monitor reports, by table.
    var filters: [String: RowFilter] = [:]
    /// The rows that it is to report.
    var wantedFilters: [String: RowFilter]
    /// The number of the change of filters that the server has not confirmed.
    var filterChange: Int64?
    /// Whether ``Action/filtered`` is owed to who asked for other rows.
    var isFilterAwaited: Bool
    var lock = Lock()
    /// Whether the server was told to leave the connection open when a database is converted.
    var isChangeAware = false
    /// Replies to nothing that was asked.
    private(set) var unknownReplies = 0
    /// Requests whose answers nobody waits for and that have not come.
    private var abandoned = 0
    /// The number of the last request.
    private(set) var lastID: Int64

    /// What is remembered of the lock.
    struct Lock: Hashable, Sendable {
        var isRequested = false
        var wasStolen = false
        /// It is ours again, which is told with the snapshot that is on its way.
        var comesWithSnapshot = false
    }

    /// - Parameters:
    ///   - lastID: the number after which this session numbers its requests, so that a client's calls have numbers of
    ///     their own over all its connections.
    ///   - clusterProgress: what earlier sessions saw.
    ///   - isFilterAwaited: whether earlier sessions did not come to the filters asked for.
    init(
        purpose: Purpose,
        mark: Mark? = nil,
        lastID: Int64 = 0,
        clusterProgress: ServerStatus.Progress? = nil,
        isFilterAwaited: Bool = false
    ) {
        self.purpose = purpose
        self.mark = mark
        self.lastID = lastID
        self.clusterProgress = clusterProgress
        self.isFilterAwaited = isFilterAwaited
        wantedFilters = Dictionary(purpose.followed.map { ($0.name, $0.rows) }) { first, _ in first }
    }

    /// How the rows of the snapshot are to be read that is awaited; `nil` when none is. It may be larger than any other
    /// message.
    var awaitedSnapshot: (DatabaseSchema, TableUpdates.Form)? {
        if case .startingMonitor(let schema, let method) = state { (schema, method.form) } else { nil }
    }

    /// From where a later session can go on; `nil` while the server has named no transaction, and while it is open
    /// under which filters its last updates were made.
    var progress: Mark? {
        guard case .following(let schema, _) = state, let lastTransaction, filterChange == nil else { return nil }
        return Mark(schema: schema, filters: filters, transaction: lastTransaction)
    }

    /// The connection stands.
    mutating func connected() -> [Action] {
        guard case .unconnected = state else { return [] }
        guard purpose.role == .any else {
            state = .learningServer
            return [send("get_schema", [.string(ServerStatus.database)], as: .serverSchema)]
        }
        return learnSchema()
    }

    /// The connection is gone: every call fails.
    mutating func disconnected(_ error: OVSDBError) -> [Action] {
        state = .closed
        let open = pending.sorted { $0.key < $1.key }
        pending = [:]
        return open.compactMap { id, pending in
            switch pending {
            case .call, .transaction: .answered(id: id, .failure(error))
            default: nil
            }
        }
    }

    /// Sends a request of the caller's; its answer comes as ``Action/answered(id:_:)`` under the number given.
    mutating func call(_ method: String, _ params: [JSON]) -> (id: Int64, action: Action) {
        let action = send(method, params, as: .call(method: method))
        return (lastID, action)
    }

    /// Sends a transaction; its answer comes as ``Action/answered(id:_:)`` under the number given (RFC 7047, 4.1.3).
    mutating func transact(_ operations: [Operation]) -> (id: Int64, action: Action) {
        lastID += 1
        pending[lastID] = .transaction(operations: operations.count)
        return (lastID, .send(.transact(id: lastID, database: purpose.database, operations)))
    }

    /// Nobody waits for a call's answer any more. A transaction that still waits for its time is taken back (RFC 7047,
    /// 4.1.4); one that the server has begun is made all the same. A server that leaves too many of them unanswered is
    /// left.
    mutating func abandon(_ id: Int64) -> [Action] {
        let actions: [Action]
        switch pending[id] {
        case .transaction: actions = [.send(.json(["id": nil, "method": "cancel", "params": [.integer(id)]]))]
        case .call: actions = []
        default: return []
        }
        pending[id] = .abandoned
        abandoned += 1
        guard abandoned <= Self.mostAbandoned else {
            return [.close(.disconnected(reason: "the server has not answered \(abandoned) requests in time"))]
        }
        return actions
    }

    /// Asks the server for a sign of life (RFC 7047, 4.1.11).
    func probe() -> Action { .send(.json(["id": .string(Self.probe), "method": "echo", "params": []])) }

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

    mutating func send(_ method: String, _ params: [JSON], as pending: Pending) -> Action {
        lastID += 1
        self.pending[lastID] = pending
        return .send(.json(["id": .integer(lastID), "method": .string(method), "params": .array(params)]))
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
            return [.send(.json(["id": JSON(id), "result": JSON(params), "error": nil]))]
        case "update", "update2", "update3":
            if params[0]?.isString(Self.serverMonitor) == true { return try serverUpdated(method, params) }
            return try updated(method, params)
        case "locked", "stolen":
            guard let name = purpose.lock, params[0]?.string == name else { return [] }
            return method == "locked" ? lockCame() : lockWasStolen()
        case "monitor_canceled", "monitor_cancelled":
            return try monitorEnded(params[0]?.string)
        default:
            guard let id = message["id"], !id.isNull else { return [] }
            return [.send(.json(["id": JSON(id), "result": nil, "error": "unknown method"]))]
        }
    }

    /// A lock that was taken from us and comes back is worth nothing before all that happened meanwhile is known: it
    /// is told with a fresh snapshot.
    private mutating func lockCame() -> [Action] {
        guard lock.wasStolen else { return [.lock(.held)] }
        lock.wasStolen = false
        lock.comesWithSnapshot = true
        return restartMonitor()
    }

    private mutating func lockWasStolen() -> [Action] {
        lock.wasStolen = true
        lock.comesWithSnapshot = false
        return [.lock(.lost)]
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
        case .changeAwareness: return []
        case .abandoned:
            abandoned -= 1
            return []
        case .serverSchema:
            // A server that has no such database is one on its own.
            return error == nil ? try learnedServer(try result(of: message, "get_schema")) : learnSchema()
        case .serverMonitor(let schema):
            return try serverStarted(schema, try result(of: message, "monitor_cond"))
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
        case .filters(let filters):
            // One that the monitor's end has overtaken: its monitor is unknown, or was asked for with other filters.
            guard id == filterChange else { return [] }
            _ = try result(of: message, "monitor_cond_change")
            return changedFilters(to: filters)
        case .cancelledMonitor:
            // An error says that the server has no such monitor, which is what was asked for.
            guard case .restartingMonitor(let schema, let method) = state else { return [] }
            return startMonitor(method, schema, afresh: true)
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
