import Glibc
import JSONRPC
import Logging
import NIOCore
import NIOPosix
import OVSDB
import Synchronization
import TestSupport

@testable import OVSAgent

/// A whole agent at work in this process on a ``PrivateSwitch``, talked to as an operator does: over its control socket.
struct RunningAgent: AgentCaller {
    let ovs: PrivateSwitch
    let configuration: AgentConfiguration
    let logs: LogCollector
    private let running: Task<Void, any Error>

    var controlPath: String { configuration.controlPath }

    /// How long anything may take on a machine that is busy with other tests.
    static let patience = 60
    private static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 24)
        threads.start()
        return threads
    }()

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Where an agent of this name finds and leaves things in a switch's folder.
    static func configuration(_ ovs: PrivateSwitch, name: String = "a") throws -> AgentConfiguration {
        var configuration = AgentConfiguration(
            layoutPath: "\(ovs.runFolder)/layout.yaml",
            remotes: [try Remote(ovs.databaseRemote)],
            controlPath: "\(ovs.runFolder)/\(name).sock",
            stateFolder: "\(ovs.runFolder)/\(name).state"
        )
        configuration.switchPatience = .seconds(Int64(patience))
        // Not this machine's.
        configuration.nicFolder = "\(ovs.runFolder)/net"
        return configuration
    }

    /// Starts an agent; `layout` replaces the layout file first.
    static func start(
        _ ovs: PrivateSwitch,
        name: String = "a",
        layout: String? = nil,
        stateFolder: String? = nil,
        contest: Contest.Limits? = nil,
        openFlowFolder: String? = nil,
        remote: String? = nil,
        auditInterval: TimeAmount = .minutes(1),
        quarantine: TimeAmount = .seconds(30)
    ) async throws -> RunningAgent {
        var configuration = try configuration(ovs, name: name)
        if let remote { configuration.remotes = [try Remote(remote)] }
        if let contest { (configuration.contest, configuration.flowContest) = (contest, contest) }
        configuration.auditInterval = auditInterval
        configuration.quarantine = quarantine
        if let openFlowFolder { configuration.openFlowFolder = openFlowFolder }
        if let stateFolder { configuration.stateFolder = stateFolder }
        if let layout { try write(layout, to: configuration.layoutPath) }
        let logs = LogCollector()
        let service = try await AgentService.prepare(configuration, logLevel: LogLevel(.debug), logger: logs.logger)
        let running = Task { try await service.run() }
        return RunningAgent(ovs: ovs, configuration: configuration, logs: logs, running: running)
    }

    /// Starts an agent for `body`, and ends it whatever `body` does.
    static func with(
        _ ovs: PrivateSwitch,
        name: String = "a",
        layout: String? = nil,
        stateFolder: String? = nil,
        contest: Contest.Limits? = nil,
        openFlowFolder: String? = nil,
        remote: String? = nil,
        auditInterval: TimeAmount = .minutes(1),
        quarantine: TimeAmount = .seconds(30),
        _ body: (RunningAgent) async throws -> Void
    ) async throws {
        let agent = try await start(
            ovs,
            name: name,
            layout: layout,
            stateFolder: stateFolder,
            contest: contest,
            openFlowFolder: openFlowFolder,
            remote: remote,
            auditInterval: auditInterval,
            quarantine: quarantine
        )
        do {
            try await body(agent)
        } catch {
            try? await agent.stop()
            throw error
        }
        try await agent.stop()
    }

    /// A switch with an agent that is in sync.
    static func inSync(
        layout: String = .oneSwitch,
        contest: Contest.Limits? = nil,
        auditInterval: TimeAmount = .minutes(1),
        _ body: (RunningAgent) async throws -> Void
    ) async throws {
        try await PrivateSwitch.with(vswitchd: true) { ovs in
            try await with(ovs, layout: layout, contest: contest, auditInterval: auditInterval) { agent in
                try await agent.waitForState("in-sync")
                try await body(agent)
            }
        }
    }

    /// Ends the agent as `exit` does, and returns when all of it has ended. May be called again.
    func stop() async throws {
        do {
            _ = try await ask("exit")
        } catch let error as ControlClientError {
            // It has ended, or ends before it answers.
            guard error.mayPass else { throw error }
        }
        try await running.value
    }

    /// Runs what blocks on a thread that may be blocked.
    static func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await threads.runIfActive(body)
    }

    /// Returns when the agent has ended of itself.
    func ended() async throws { try await running.value }
}

/// One event of the journal, as its JSON tells it.
struct JournalEntry: Sendable {
    let json: JSON

    var id: Int { json["id"]?.integer.map { Int($0) } ?? 0 }
    var kind: String { json["kind"]?.string ?? "" }
    var object: String { json["object"]?.string ?? "" }
    var column: String { json["column"]?.string ?? "" }
    var found: String { json["found"]?.string ?? "" }
    var wanted: String { json["wanted"]?.string ?? "" }
    var latency: Int? { json["latencyMicroseconds"]?.integer.map { Int($0) } }
    var reason: String { json["reason"]?.string ?? "" }
    var text: String { "\(kind) \(object) \(column): \(found) -> \(wanted) \(reason)" }
}

/// What an agent logged.
final class LogCollector: Sendable {
    private let lines = Mutex<[String]>([])

    var logger: Logger { Logger(label: "test") { _ in Handler(collector: self) } }
    func contains(_ words: String) -> Bool { words.isPart(of: lines.withLock { $0 }) }
    var count: Int { lines.withLock { $0.count } }
    /// The newest lines, for a failure's text.
    func newest(_ count: Int) -> String { lines.withLock { $0.suffix(count).joined(separator: "\n") } }
    /// How many lines hold these words.
    func count(of words: String) -> Int { lines.withLock { lines in lines.count { $0.contains(words) } } }

    private struct Handler: LogHandler {
        let collector: LogCollector
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { collector.lines.withLock { $0.append("\(event.level): \(event.message)") } }
    }
}

extension String {
    func isPart(of texts: [String]) -> Bool { texts.contains { $0.contains(self) } }

    /// One virtual switch with two NICs on the dummy datapath.
    static let oneSwitch = switches(0)

    /// Virtual switches brN with the NICs ethN and ethN1 (br0: eth0 and eth1).
    static func switches(_ numbers: Int..., datapath: String = "dummy", uplink: String = "") -> String {
        let switches = numbers.map { number in
            """
              - name: vs\(number)
                bridge: br\(number)
                uplink:
                  nics: [eth\(number == 0 ? "0" : "\(number)"), eth\(number == 0 ? "1" : "\(number)1")]

            """ + (uplink.isEmpty ? "" : "      \(uplink)\n")
        }
        return "version: 1\ndatapath: \(datapath)\nvirtualSwitches:\n\(switches.joined())"
    }
}

/// Replaces a file's contents.
func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PrivateSwitchError.system("open \(path)", errno) }
    defer { close(descriptor) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count >= 0 else { throw PrivateSwitchError.system("write \(path)", errno) }
        bytes = bytes.dropFirst(count)
    }
}
