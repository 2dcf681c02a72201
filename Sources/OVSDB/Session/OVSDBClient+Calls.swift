import JSONRPC
import NIOCore

/// What callers ask.
extension OVSDBClient {
    /// Sends a transaction and calls `completion` on the event loop with what it gave: a result for each operation, or
    /// ``OVSDBError/transaction(_:)`` when it was undone, or another error when it is not known whether it was made.
    ///
    /// It goes out on any connection that stands, also before ``Event/synced``: who plans by ``replica`` waits for that.
    /// After `timeout`, where there is one, it is given up with ``OVSDBError/timedOut(method:limit:)``.
    public func transact(
        _ operations: [Operation],
        timeout: TimeAmount? = nil,
        completion: @escaping @Sendable (Result<[OperationResult], OVSDBError>) -> Void
    ) {
        guard channel != nil else { return completion(.failure(noConnection)) }
        let (id, action) = session.transact(operations)
        calls[id] = Call(
            complete: { result in
                switch result {
                case .success(let answer): completion(answer.results)
                case .failure(let error as OVSDBError): completion(.failure(error))
                case .failure(let error): completion(.failure(.disconnected(reason: "\(error)")))
                }
            },
            deadline: deadline(of: id, "transact", within: timeout)
        )
        perform(action)
    }

    /// Sends a transaction (RFC 7047, 4.1.3) and waits for what it gave, a result for each operation.
    ///
    /// Throws ``OVSDBError/transaction(_:)`` when it was undone; any other error, `CancellationError` included, leaves
    /// open whether it was made. A transaction that is given up while the server lets it wait is taken back.
    public func transact(_ operations: [Operation], timeout: TimeAmount? = nil) async throws -> [OperationResult] {
        guard channel != nil else { throw noConnection }
        return try await answer(to: session.transact(operations), "transact", within: timeout).results.get()
    }

    /// Sends any other request of RFC 7047 or ovsdb-server(7) and waits for its result, at most this long.
    public func call(_ method: String, _ params: [JSON], timeout: TimeAmount? = nil) async throws -> JSON {
        guard channel != nil else { throw noConnection }
        return try await answer(to: session.call(method, params), method, within: timeout).result.get()
    }

    /// The identity of the server, another after each of its starts (ovsdb-server(7), Get Server ID).
    public func serverID(timeout: TimeAmount? = nil) async throws -> UUID {
        let result = try await call("get_server_id", [], timeout: timeout)
        guard let id = result.string.flatMap({ UUID($0) }) else {
            throw OVSDBError.protocolViolation("get_server_id gave \(result.text()), not an identity")
        }
        return id
    }

    /// Sets which rows of a followed table are wanted from now on, on this connection and all later ones; what comes
    /// and goes for it is told as ``Event/changed(_:)``, and ``Event/filtered`` says once when it is complete, which may
    /// be right now or on a later connection. Of several wishes that follow each other the last one counts.
    public func follow(_ rows: RowFilter, in table: String) {
        guard let index = configuration.followed.firstIndex(where: { $0.name == table }) else { return }
        configuration.followed[index].rows = rows
        perform(session.follow(rows, in: table))
    }

    private var noConnection: OVSDBError { .disconnected(reason: "no connection to \(remote)") }

    private func answer(
        to request: (id: Int64, action: SessionStateMachine.Action),
        _ method: String,
        within limit: TimeAmount?
    ) async throws -> SessionStateMachine.Answer {
        let id = request.id
        let deadline = deadline(of: id, method, within: limit)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                calls[id] = Call(complete: { continuation.resume(with: $0) }, deadline: deadline)
                perform(request.action)
            }
        } onCancel: {
            eventLoop.execute { self.assumeIsolated { $0.giveUp(id, CancellationError()) } }
        }
    }

    /// Ends a call that is not answered by then.
    private func deadline(of id: Int64, _ method: String, within limit: TimeAmount?) -> Scheduled<Void>? {
        limit.map { limit in
            eventLoop.scheduleTask(in: limit) {
                self.assumeIsolated { $0.giveUp(id, OVSDBError.timedOut(method: method, limit: limit)) }
            }
        }
    }

    /// Ends a call before its answer.
    private func giveUp(_ id: Int64, _ error: any Error) {
        perform(session.abandon(id))
        answered(id, .failure(error))
    }

    func answered(_ id: Int64, _ result: Result<SessionStateMachine.Answer, any Error>) {
        guard let call = calls.removeValue(forKey: id) else { return }
        call.deadline?.cancel()
        call.complete(result)
    }
}

extension SessionStateMachine.Answer {
    fileprivate var results: Result<[OperationResult], OVSDBError> {
        switch self {
        case .transaction(let results): .success(results)
        case .failure(let error): .failure(error)
        case .success: .failure(.protocolViolation("a transaction was answered like a call"))
        }
    }

    fileprivate var result: Result<JSON, OVSDBError> {
        switch self {
        case .success(let json): .success(json)
        case .failure(let error): .failure(error)
        case .transaction: .failure(.protocolViolation("a call was answered like a transaction"))
        }
    }
}
