import Glibc
import JSONRPC
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import OVSAgent

/// An agent that answers what a test has put there, so that the socket can be tested before any database is.
final class ScriptedTarget: ControlTarget {
    private struct State {
        var status = Status(
            state: .inSync,
            pid: 42,
            database: .init(remote: "unix:db.sock", connected: true, lock: .held),
            layout: .init(path: "layout.yaml", digest: "d1")
        )
        var journal: Journal
        var pending: [EventLoopPromise<PlanAnswer>] = []
        var isHoldingPlans = false
        var log: [String] = []
        var asked: Set<Int> = []
        /// Questions since the loop turned to others last, and the most that there ever were.
        var inTurn = 0
        var mostInTurn = 0
    }

    let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private let ended: EventLoopPromise<Void>

    init(loop: any EventLoop, instance: String = "run-1") {
        self.loop = loop
        state = .makeBoxSendingValue(State(journal: Journal(instance: instance, capacity: 100)), eventLoop: loop)
        ended = loop.makePromise()
    }

    func status() -> Status { state.value.status }
    func topology() -> Topology { Topology(virtualSwitches: []) }
    func vms() -> VMListing { VMListing() }
    func events(since id: Int) -> Journal.Excerpt {
        state.value.asked.insert(id)
        count()
        return state.value.journal.excerpt(since: id)
    }

    func plan(for file: NamedFile?) -> EventLoopFuture<PlanAnswer> {
        state.value.log.append("plan \(file?.name ?? "-") \(file?.contents.utf8.count ?? 0)")
        if state.value.isHoldingPlans {
            let promise = loop.makePromise(of: PlanAnswer.self)
            state.value.pending.append(promise)
            return promise.futureResult
        }
        guard let file else { return loop.makeSucceededFuture(PlanAnswer(lines: [], changes: [])) }
        if file.contents.hasPrefix("bad") {
            return loop.makeFailedFuture(CommandFailure("\(file.name):1:1: error: bad layout"))
        }
        return loop.makeSucceededFuture(PlanAnswer(lines: ["add Bridge br0"], changes: [["object": "Bridge br0"]]))
    }

    func controlSocket(at path: String, _ news: ControlListener.News) { state.value.log.append("socket \(news)") }

    func reload(allowRemoval: Bool) -> EventLoopFuture<Answer> {
        state.value.log.append("reload \(allowRemoval)")
        return loop.makeSucceededFuture(Answer(text: "layout d2 at work", json: ["digest": "d2"]))
    }

    func adopt(_ object: String?) -> EventLoopFuture<Answer> {
        state.value.log.append("adopt \(object ?? "all")")
        return loop.makeSucceededFuture(Answer(text: "adopted", json: ["adopted": []]))
    }

    func pause(seconds: Int, reason: String) -> EventLoopFuture<Answer> {
        loop.makeSucceededFuture(Answer(text: "paused \(seconds) \(reason)", json: [:]))
    }

    private func count() {
        if state.value.inTurn == 0 { loop.execute { self.state.value.inTurn = 0 } }
        state.value.inTurn += 1
        state.value.mostInTurn = max(state.value.mostInTurn, state.value.inTurn)
    }

    func mostQuestionsInTurn() async throws -> Int { try await loop.submit { self.state.value.mostInTurn }.get() }

    func resume() -> EventLoopFuture<Answer> {
        count()
        return loop.makeSucceededFuture(Answer(text: "resumed", json: [:]))
    }

    func trace(port: String, frame: String) -> EventLoopFuture<Answer> {
        state.value.log.append("trace \(port) \(frame)")
        return loop.makeSucceededFuture(Answer(text: "delivered to vm2", json: ["hops": []]))
    }

    func exit() { ended.succeed() }
    func setLogLevel(_ level: Logger.Level) { state.value.log.append("level \(level)") }

    /// Ends with the `exit` command; once.
    var exited: EventLoopFuture<Void> { ended.futureResult }

    /// Ends an agent that nobody told to exit, for NIO leaves no promise open.
    func dismiss() { ended.succeed() }

    func set(_ word: Status.State) async throws {
        try await loop.submit { self.state.value.status.state = word }.get()
    }

    func holdPlans() async throws { try await loop.submit { self.state.value.isHoldingPlans = true }.get() }

    func releasePlans() async throws {
        try await loop.submit {
            for promise in self.state.value.pending { promise.succeed(PlanAnswer(lines: [], changes: [])) }
            self.state.value.pending = []
        }.get()
    }

    /// Waits until somebody has asked for the events after a number.
    func awaitQuestion(after id: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try await !loop.submit({ self.state.value.asked.contains(id) }).get() {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }

    /// Reports events and tells the server.
    func report(_ kinds: Event.Kind..., to server: ControlServer) async throws {
        try await loop.submit {
            for kind in kinds { self.state.value.journal.append(.init(kind), at: .now()) }
            server.journalGrew()
        }.get()
    }

    func log() async throws -> [String] { try await loop.submit { self.state.value.log }.get() }
}

/// A control server with its agent in a private folder, and the stock tools at hand.
struct ControlFixture: Sendable {
    let ovs: PrivateSwitch
    let path: String
    let target: ScriptedTarget
    let server: ControlServer

    static func with(
        instance: String = "run-1",
        threads: NIOThreadPool = .singleton,
        _ body: (ControlFixture) async throws -> Void
    ) async throws {
        try await PrivateSwitch.with(vswitchd: false) { ovs in
            let path = "\(ovs.runFolder)/agent/control.sock"
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let target = ScriptedTarget(loop: loop, instance: instance)
            defer { target.dismiss() }
            let server = try await ControlServer.start(
                at: path,
                target: target,
                on: loop,
                threads: threads,
                logger: .quiet
            )
            do {
                try await body(ControlFixture(ovs: ovs, path: path, target: target, server: server))
                await server.stop()
            } catch {
                await server.stop()
                throw error
            }
        }
    }

    func appctl(_ arguments: String...) async throws -> PrivateSwitch.ToolResult {
        try await ovs.run("ovs-appctl", ["-t", path, "-T", "20"] + arguments)
    }

    func agentctl(_ arguments: String...) async throws -> PrivateSwitch.ToolResult {
        try await ovs.run(Self.agentctlPath, arguments)
    }

    /// Built next to the tests.
    static let agentctlPath: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let program = String(decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return program.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/ovs-agentctl"
    }()
}

extension Logger {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
