import NIOCore

@testable import OpenFlow

/// Owns a connection as the daemon does, from an actor that lives on the connection's event loop, and hands the
/// reported states to a test in their order.
actor SwitchWatcher {
    typealias State = SwitchConnection.State

    nonisolated let eventLoop: any EventLoop
    private var connection: SwitchConnection?
    private var unseen: [State] = []
    private var changes: [SwitchChange] = []
    private var waitingForChange: (matches: (SwitchChange) -> Bool, continuation: CheckedContinuation<Void, any Error>)?
    private var waiting: (matches: (State) -> Bool, continuation: CheckedContinuation<State, any Error>)?

    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    struct Timeout: Error, CustomStringConvertible {
        var seen: State?
        var description: String { "the awaited state did not come; now: \(seen.map { "\($0)" } ?? "closed")" }
    }

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func open(_ path: String, timing: SwitchConnection.Timing = .init()) {
        connection = SwitchConnection(
            socketPath: path,
            eventLoop: eventLoop,
            timing: timing,
            onSwitchChange: { self.changed($0) },
            onChange: { self.changed($0) }
        )
    }

    func refresh() {
        connection?.refresh()
    }

    func flows(_ filter: FlowFilter = .all) async throws -> [FlowEntry] {
        guard let connection else { throw OpenFlowError.notConnectedYet }
        return try await connection.flows(filter).get()
    }

    func commit(_ mods: [FlowMod]) async throws {
        guard let connection else { throw OpenFlowError.notConnectedYet }
        try await connection.commit(mods).get()
    }

    /// Makes a request without waiting for its answer.
    func issue<Value: Sendable>(
        _ request: @Sendable (SwitchConnection) -> EventLoopFuture<Value>
    ) throws -> EventLoopFuture<Value> {
        guard let connection else { throw OpenFlowError.notConnectedYet }
        return request(connection)
    }

    func close() async throws {
        try await connection?.close().get()
    }

    /// Closes, and lets go of the connection, which holds whom it reports to.
    func end() async throws {
        try await close()
        connection = nil
    }

    /// The reported states that no `next` has taken.
    var unseenStates: [State] { unseen }

    /// The next state that matches; those before it are dropped.
    func next(within: TimeAmount = .seconds(10), _ matches: @escaping @Sendable (State) -> Bool) async throws -> State {
        while !unseen.isEmpty {
            let state = unseen.removeFirst()
            if matches(state) { return state }
        }
        let timer = giveUp(in: within)
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { waiting = (matches, $0) }
    }

    /// The reported changes up to the first that matches, which are then forgotten.
    func changes(
        within: TimeAmount = .seconds(20),
        until matches: @escaping @Sendable (SwitchChange) -> Bool
    ) async throws -> [SwitchChange] {
        if !changes.contains(where: matches) {
            let timer = giveUpOnChange(in: within)
            defer { timer.cancel() }
            try await withCheckedThrowingContinuation { waitingForChange = (matches, $0) }
        }
        let end = (changes.firstIndex(where: matches) ?? changes.endIndex - 1) + 1
        defer { changes.removeFirst(end) }
        return Array(changes[..<end])
    }

    func nextUp(
        within: TimeAmount = .seconds(10),
        _ matches: @escaping @Sendable (SwitchStatus) -> Bool = { _ in true }
    ) async throws -> SwitchStatus {
        let state = try await next(within: within) { if case .up(let status) = $0 { matches(status) } else { false } }
        guard case .up(let status) = state else { throw Timeout(seen: state) }
        return status
    }

    func nextOutage(
        within: TimeAmount = .seconds(10),
        _ matches: @escaping @Sendable (OpenFlowError) -> Bool = { _ in true }
    ) async throws -> String {
        let state = try await next(within: within) { if case .down(let out) = $0 { matches(out.error) } else { false } }
        guard case .down(let outage) = state else { throw Timeout(seen: state) }
        return outage.description
    }

    private func giveUp(in delay: TimeAmount) -> Scheduled<Void> {
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.waiting?.continuation.resume(throwing: Timeout(seen: self.connection?.state))
            self.waiting = nil
        }
    }

    private func giveUpOnChange(in delay: TimeAmount) -> Scheduled<Void> {
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.waitingForChange?.continuation.resume(throwing: Timeout(seen: self.connection?.state))
            self.waitingForChange = nil
        }
    }

    private func changed(_ changes: [SwitchChange]) {
        eventLoop.preconditionInEventLoop()
        self.changes += changes
        if let (matches, continuation) = waitingForChange, changes.contains(where: matches) {
            waitingForChange = nil
            continuation.resume()
        }
    }

    private func changed(_ state: State) {
        eventLoop.preconditionInEventLoop()
        if let (matches, continuation) = waiting {
            guard matches(state) else { return }
            waiting = nil
            continuation.resume(returning: state)
        } else {
            unseen.append(state)
        }
    }
}
