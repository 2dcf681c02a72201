import JSONRPC

@testable import OVSAgent

/// Whoever asks a running agent, in this process or another, over its control socket.
///
/// Waits are long polls of the journal on threads of their own, each with a deadline. Where a state comes without an
/// event, one look a second finds it.
protocol AgentCaller: Sendable {
    var controlPath: String { get }
}

extension AgentCaller {
    /// One command over a connection of its own.
    @discardableResult
    func ask(_ method: String, _ parameters: String...) async throws -> JSON {
        let path = controlPath
        return try await RunningAgent.blocking {
            try ControlClient(connectingTo: path, timeout: RunningAgent.patience).ask(method, parameters)
        }
    }

    func status() async throws -> JSON { try await ask("status") }

    /// What `vms` says of a port; null where there is none of this name.
    func vm(_ name: String) async throws -> JSON {
        try await ask("vms")["ports"]?.array?.first { $0["name"]?.string == name } ?? .null
    }

    /// Waits until a VM port is served, and as present or expected.
    func waitForVM(_ name: String, presence: String) async throws {
        let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
        while true {
            let port = try await vm(name)
            if port["presence"]?.string == presence, port["served"]?.boolean == true { return }
            guard ContinuousClock.now < deadline else {
                throw RunningAgent.Failure(description: "\(name) is not \(presence): \(port)")
            }
        }
    }

    /// What the journal has after an event.
    func events(since id: Int = 0) async throws -> [JournalEntry] {
        try await ask("events", "\(id)")["events"]?.array?.map(JournalEntry.init) ?? []
    }

    /// The number of the latest event.
    func lastEvent() async throws -> Int {
        try await ask("events", "0")["lastId"]?.integer.map { Int($0) } ?? 0
    }

    /// The first event after `id` of this kind, and of this object and column where they are given.
    @discardableResult
    func waitForEvent(
        after id: Int = 0,
        _ kind: String,
        object: String? = nil,
        column: String? = nil,
        within patience: Int = RunningAgent.patience
    ) async throws -> JournalEntry {
        let path = controlPath
        return try await RunningAgent.blocking {
            let client = try ControlClient(connectingTo: path, timeout: patience)
            let deadline = ContinuousClock.now + .seconds(patience)
            var seen: [JournalEntry] = []
            var last = id
            while ContinuousClock.now < deadline {
                let answer: JSON
                do {
                    answer = try client.ask("events/wait", ["\(last)"])
                } catch ControlClientError.noAnswer { break }
                let new = answer["events"]?.array?.map(JournalEntry.init) ?? []
                if let found = new.first(where: {
                    $0.kind == kind && (object == nil || $0.object == object) && (column == nil || $0.column == column)
                }) {
                    return found
                }
                seen += new
                last = answer["lastId"]?.integer.map { Int($0) } ?? last
            }
            let wanted = [kind, object, column].compactMap { $0 }.joined(separator: " ")
            let status = try ControlClient(connectingTo: path).ask("status")["text"]?.string ?? ""
            let events = seen.map(\.text).joined(separator: "\n")
            throw RunningAgent.Failure(description: "no event \(wanted), but\n\(status)\n\(events)")
        }
    }

    /// Waits for a state, and for a reason and a warning that hold these words, and for the end of one that does, where
    /// they are given; the status that shows it.
    @discardableResult
    func waitForState(
        _ state: String,
        reason: String? = nil,
        warning: String? = nil,
        lacking former: String? = nil
    ) async throws -> JSON {
        let path = controlPath
        return try await RunningAgent.blocking {
            let deadline = ContinuousClock.now + .seconds(RunningAgent.patience)
            var status = JSON.null
            while ContinuousClock.now < deadline {
                let client = try ControlClient(connectingTo: path, timeout: RunningAgent.patience)
                // Taken first: an event that comes after it ends the wait that follows.
                let last = try client.ask("events", ["0"])["lastId"]?.integer ?? 0
                status = try client.ask("status")
                if status["state"]?.string == state, status.holds(reason, in: "reasons"),
                    status.holds(warning, in: "warnings"), former == nil || !status.holds(former, in: "warnings")
                {
                    return status
                }
                do {
                    _ = try ControlClient(connectingTo: path, timeout: 1).ask("events/wait", ["\(last)"])
                } catch ControlClientError.noAnswer { continue }
            }
            let events = try ControlClient(connectingTo: path).ask("events", ["0"])["text"]?.string ?? ""
            throw RunningAgent.Failure(
                description: "never \(state) \(reason ?? "") but\n\(status["text"]?.string ?? "")\n\(events)"
            )
        }
    }
}

extension JSON {
    /// Whether a text of the list `key` holds these words; none are held by any.
    fileprivate func holds(_ words: String?, in key: String) -> Bool {
        words.map { $0.isPart(of: self[key]?.array?.compactMap(\.string) ?? []) } ?? true
    }
}
