import Glibc
import NIOPosix
import Synchronization

/// A real Open vSwitch for one test: a private folder with a real ovsdb-server and, where the switch's own answer
/// matters, a real ovs-vswitchd on the dummy datapath. No root, nothing mocked, any number in parallel.
///
///     try await PrivateSwitch.with(vswitchd: true) { ovs in
///         try await ovs.vsctl("add-br", "br0")
///         ...
///     }
///
/// Every wait has a deadline and happens on threads of its own, so that it never holds up the executor on which the
/// code under test runs. However the test process ends, the daemons end and the folder goes (``Guardian``).
public final class PrivateSwitch: Sendable {
    /// The folder of all sockets (`db.sock`, `<bridge>.mgmt`), logs and the database, as `OVS_RUNDIR` names it.
    /// Short, because a unix socket's path has 107 bytes.
    public let runFolder: String

    /// The path of the database's unix socket.
    public var databaseSocket: String { "\(runFolder)/db.sock" }

    /// The same as a remote: `unix:<path>`.
    public var databaseRemote: String { "unix:\(databaseSocket)" }

    let guardian: Guardian
    private let daemons = Mutex<[Daemon: ChildProcess]>([:])
    private let stopped = Mutex(false)
    static let threads = {
        let threads = NIOThreadPool(numberOfThreads: 8)
        threads.start()
        return threads
    }()

    private enum Daemon: String {
        case server = "ovsdb-server"
        case vswitchd = "ovs-vswitchd"
    }

    /// What a finished program left behind.
    public struct ToolResult: Sendable {
        /// 128 and the signal's number for a program that a signal ended.
        public let exitCode: Int32
        public let output: String
        public let errorOutput: String
    }

    /// Why integration tests cannot run here; `nil` when they can. For `.enabled(if:)`.
    public static let reasonToSkip: String? = {
        for tool in [
            "ovsdb-server", "ovsdb-tool", "ovsdb-client", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl",
        ]
        where ChildProcess.locate(tool) == nil {
            return "\(tool) is not installed"
        }
        return nil
    }()

    // MARK: Life

    /// Starts a switch, hands it to `body` and stops it afterwards, whatever `body` does.
    public static func with<R>(vswitchd: Bool, _ body: (PrivateSwitch) async throws -> R) async throws -> R {
        try await Places.shared.withPlace {
            let ovs = try await start(vswitchd: vswitchd)
            do {
                let result = try await body(ovs)
                await ovs.stop()
                return result
            } catch {
                await ovs.stop()
                throw error
            }
        }
    }

    /// A started switch with a fresh database: its server accepts connections, and ovs-vswitchd, where asked for, has
    /// configured itself from that database.
    public static func start(vswitchd: Bool) async throws -> PrivateSwitch {
        let ovs = try PrivateSwitch()
        do {
            try await ovs.restartServer(freshDatabase: true)
            if vswitchd { try await ovs.restartSwitch() }
            return ovs
        } catch {
            await ovs.stop()
            throw error
        }
    }

    /// Ends the daemons and removes the folder. A second call does nothing.
    public func stop() async {
        _ = try? await Self.threads.runIfActive { self.end() }
    }

    private init() throws {
        var template = Array("/tmp/ovsXXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PrivateSwitchError.system("mkdtemp", errno) }
        runFolder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guardian = try Guardian(folder: runFolder)
    }

    deinit { end() }

    private func end() {
        let first = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        for daemon in [Daemon.vswitchd, .server] { _ = finish(daemon, signal: SIGKILL) }
        guardian.dismiss()
    }

    // MARK: Daemons

    /// The process id of ovsdb-server while it has not been killed.
    public var serverProcess: pid_t? { daemons.withLock { $0[.server]?.pid } }

    /// The process id of ovs-vswitchd while it has not been killed.
    public var switchProcess: pid_t? { daemons.withLock { $0[.vswitchd]?.pid } }

    /// Starts ovsdb-server, after killing the one that runs, and returns once it accepts connections.
    ///
    /// - Parameter freshDatabase: on an empty database with one initialised `Open_vSwitch` row, rather than on the
    ///   one that the last server left.
    public func restartServer(freshDatabase: Bool = false) async throws {
        try await killServer()
        if freshDatabase {
            unlink("\(runFolder)/conf.db")
            try await check("ovsdb-tool", "create", "\(runFolder)/conf.db", Self.schema)
        }
        try await launch(.server, ["\(runFolder)/conf.db", "--remote=punix:\(databaseSocket)"])
        if freshDatabase { try await vsctl("init", wait: false) }
    }

    /// Starts ovs-vswitchd, after killing the one that runs, and returns once it is ``settled()``.
    ///
    /// - Parameter overridesSystem: the dummy stands in for every other datapath and NIC; without it a bridge of the
    ///   `system` datapath can't open.
    public func restartSwitch(overridesSystem: Bool = true) async throws {
        try await killSwitch()
        let dummy = overridesSystem ? "--enable-dummy=override" : "--enable-dummy"
        try await launch(.vswitchd, [databaseRemote, dummy, "--disable-system"])
        try await settled()
    }

    /// Waits until ovs-vswitchd has applied all that is committed by now, stale marks of an earlier one apart.
    /// To learn that it raises `next_cfg` by one: `ovs-vsctl` itself waits only for what it changed.
    public func settled() async throws {
        let raise = """
            ["Open_vSwitch", {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]}]
            """
        try await check("ovsdb-client", "transact", databaseRemote, raise)
        let number = try await vsctl("get", "Open_vSwitch", ".", "next_cfg", wait: false)
        try await vsctl("wait-until", "Open_vSwitch", ".", "cur_cfg>=\(number)", wait: false)
    }

    /// Sends ovsdb-server a signal. Unless that is one that stops or continues, returns once the process has ended.
    public func killServer(_ signal: Int32 = SIGKILL) async throws {
        try await deliver(signal, to: .server)
    }

    /// Sends ovs-vswitchd a signal. Unless that is one that stops or continues, returns once the process has ended.
    public func killSwitch(_ signal: Int32 = SIGKILL) async throws {
        try await deliver(signal, to: .vswitchd)
    }

    // MARK: Tools

    /// Runs `ovs-vsctl` on the private database.
    ///
    /// - Parameter wait: until ovs-vswitchd has applied the change; by default when there is an ovs-vswitchd.
    /// - Returns: what it printed, without the last newline.
    /// - Throws: ``PrivateSwitchError/failed(_:_:)`` for any exit code but 0.
    @discardableResult
    public func vsctl(_ arguments: String..., wait: Bool? = nil) async throws -> String {
        let options =
            ["--db=\(databaseRemote)", "--timeout=20"] + (wait ?? (switchProcess != nil) ? [] : ["--no-wait"])
        return try await tool("ovs-vsctl", options + arguments)
    }

    /// Runs a program that must succeed; what it printed, without the last newline.
    ///
    /// - Throws: ``PrivateSwitchError/failed(_:_:)`` for any exit code but 0.
    @discardableResult
    public func check(_ tool: String, _ arguments: String...) async throws -> String {
        try await self.tool(tool, arguments)
    }

    /// Runs any program to its end with `OVS_RUNDIR` at ``runFolder``, so that the stock tools find this switch
    /// without being told (`ovs-vsctl show`, `ovs-ofctl show br0`, `ovs-appctl -t ovs-vswitchd ...`); standard input is empty.
    public func run(_ tool: String, _ arguments: [String], timeout: Duration = .seconds(30)) async throws -> ToolResult
    {
        try await Self.threads.runIfActive { try self.runBlocking(tool, arguments, timeout) }
    }

    /// The same with a list of arguments.
    @discardableResult
    public func tool(_ tool: String, _ arguments: [String]) async throws -> String {
        let result = try await run(tool, arguments)
        guard result.exitCode == 0 else {
            throw PrivateSwitchError.failed("\(tool) \(arguments.joined(separator: " "))", result)
        }
        return result.output.last == "\n" ? String(result.output.dropLast()) : result.output
    }

    private func runBlocking(_ tool: String, _ arguments: [String], _ timeout: Duration) throws -> ToolResult {
        let deadline = ContinuousClock.now + timeout
        let (output, outputEnd) = try ChildProcess.connection()
        defer { close(output) }
        let (error, errorEnd) = try ChildProcess.connection()
        defer { close(error) }
        let child: ChildProcess
        do {
            defer {
                close(outputEnd)
                close(errorEnd)
            }
            child = try ChildProcess(tool, arguments, environment: environment, output: outputEnd, error: errorEnd)
        }
        guardian.watch(child.pid)
        do {
            let texts = try readToEnd([output, error], until: deadline)
            guard try child.hasEnded(by: deadline) else { throw PrivateSwitchError.timeout(tool) }
            guardian.forget(child.pid)
            return ToolResult(exitCode: child.reap(), output: texts[0], errorOutput: texts[1])
        } catch {
            child.send(SIGKILL)
            guardian.forget(child.pid)
            _ = child.reap()
            throw error
        }
    }

    private func readToEnd(_ descriptors: [Int32], until deadline: ContinuousClock.Instant) throws -> [String] {
        var texts = descriptors.map { _ in [UInt8]() }
        var open = Set(descriptors)
        var buffer = [UInt8](repeating: 0, count: 65536)
        while !open.isEmpty {
            let ready = try TestSupport.wait(for: Array(open), until: deadline)
            guard !ready.isEmpty else { throw PrivateSwitchError.timeout("output") }
            for (index, descriptor) in descriptors.enumerated() where ready.contains(descriptor) {
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 { texts[index] += buffer[..<count] } else { open.remove(descriptor) }
            }
        }
        return texts.map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: Private

    private static let schema = "/usr/share/openvswitch/vswitch.ovsschema"

    var environment: [String: String] {
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "OVS_RUNDIR": runFolder, "OVS_LOGDIR": runFolder, "OVS_DBDIR": runFolder, "OVS_SYSCONFDIR": runFolder,
        ]
        // Our own programs are built with the sanitizer that the tests are.
        for name in ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"] {
            if let options = getenv(name) { environment[name] = String(cString: options) }
        }
        return environment
    }

    private func launch(_ daemon: Daemon, _ arguments: [String]) async throws {
        let name = "\(runFolder)/\(daemon.rawValue)"
        let options = ["--pidfile=\(name).pid", "--log-file=\(name).log", "-vconsole:off"]
        // A killed daemon leaves its sockets behind; a new one replaces them.
        try await Self.threads.runIfActive {
            let child = try ChildProcess(daemon.rawValue, arguments + options, environment: self.environment)
            self.guardian.watch(child.pid)
            self.daemons.withLock { $0[daemon] = child }
            try Self.waitUntilAccepting(
                daemon == .server ? self.databaseSocket : "\(name).\(child.pid).ctl",
                child,
                log: "\(name).log"
            )
        }
    }

    private func deliver(_ signal: Int32, to daemon: Daemon) async throws {
        if [SIGSTOP, SIGCONT, SIGTSTP].contains(signal) {
            daemons.withLock { $0[daemon]?.send(signal) }
            return
        }
        let ended = try await Self.threads.runIfActive { self.finish(daemon, signal: signal) }
        if !ended { throw PrivateSwitchError.timeout("\(daemon.rawValue) to end by signal \(signal)") }
    }

    /// Sends the signal and waits for the end; after 10 s kills instead and says `false`.
    private func finish(_ daemon: Daemon, signal: Int32) -> Bool {
        guard let child = daemons.withLock({ $0.removeValue(forKey: daemon) }) else { return true }
        child.send(signal)
        let ended = (try? child.hasEnded(by: .now + .seconds(10))) ?? false
        if !ended { child.send(SIGKILL) }
        guardian.forget(child.pid)
        _ = child.reap()
        return ended
    }

    /// Tries to connect until the daemon accepts; fails at once when the daemon ends instead.
    static func waitUntilAccepting(_ path: String, _ child: ChildProcess, log: String) throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            if let connection = connect(to: path) {
                close(connection)
                return
            }
            if try child.hasEnded(by: min(deadline, .now + .milliseconds(2))) {
                throw PrivateSwitchError.endedAtStart(log)
            }
            if ContinuousClock.now >= deadline { throw PrivateSwitchError.timeout("a daemon at \(path)") }
        }
    }

    /// Writes to a unix socket and goes away, as a client does that is killed in the midst of a message. Whether anybody
    /// listens there is no matter.
    public static func write(_ bytes: some Sequence<UInt8>, to path: String) {
        guard let descriptor = connect(to: path) else { return }
        _ = Array(bytes).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        close(descriptor)
    }

    /// A connection to a unix socket, the caller's to close; `nil` when nobody accepts.
    static func connect(to path: String) -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if code == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}

/// Why a private switch could not do what a test asked of it.
public enum PrivateSwitchError: Error, CustomStringConvertible {
    case notInstalled(String)
    /// A system call and its errno.
    case system(String, Int32)
    /// What did not happen in time.
    case timeout(String)
    /// A daemon that ended instead of starting, with the reason in this log file's last lines.
    case endedAtStart(String)
    /// A command line and what it left behind.
    case failed(String, PrivateSwitch.ToolResult)

    public var description: String {
        switch self {
        case .notInstalled(let tool): "\(tool) is not installed"
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .timeout(let what): "gave up waiting for \(what)"
        case .endedAtStart(let log): "the daemon ended instead of starting: see \(log)"
        case .failed(let command, let result): "\(command): exit \(result.exitCode): \(result.errorOutput)"
        }
    }
}
