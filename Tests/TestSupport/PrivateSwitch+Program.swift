import Glibc
import NIOPosix
import Synchronization

// Programs under test that keep running, such as a daemon: started beside the switch, and ended with the test.

extension PrivateSwitch {
    /// A program that runs while a test looks at it. What it prints, on either stream, is appended to ``log``.
    public final class Program: Sendable {
        public var pid: pid_t { child.pid }
        /// The path of the file that takes what the program prints.
        public let log: String

        private let child: ChildProcess
        private let guardian: Guardian
        private let exitCode = Mutex<Int32?>(nil)

        fileprivate init(_ tool: String, _ arguments: [String], in ovs: PrivateSwitch) throws {
            log = "\(ovs.runFolder)/\(tool.split(separator: "/").last ?? "program").log"
            let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw PrivateSwitchError.system("open \(log)", errno) }
            defer { close(file) }
            child = try ChildProcess(tool, arguments, environment: ovs.environment, output: file, error: file)
            guardian = ovs.guardian
            guardian.watch(child.pid)
        }

        public func send(_ signal: Int32) { child.send(signal) }

        /// Returns once the program accepts connections at a unix socket.
        public func accepts(at path: String) async throws {
            try await PrivateSwitch.threads.runIfActive {
                try PrivateSwitch.waitUntilAccepting(path, self.child, log: self.log)
            }
        }

        /// The exit code, as a shell gives it, of a program that ends by itself or by a signal sent before.
        public func end(within limit: Duration = .seconds(10)) async throws -> Int32 {
            let deadline = ContinuousClock.now + limit
            return try await PrivateSwitch.threads.runIfActive {
                guard let code = try self.reap(by: deadline) else { throw PrivateSwitchError.timeout(self.log) }
                return code
            }
        }

        private func reap(by deadline: ContinuousClock.Instant) throws -> Int32? {
            if let code = exitCode.withLock({ $0 }) { return code }
            guard try child.hasEnded(by: deadline) else { return nil }
            return exitCode.withLock { code in
                if let code { return code }
                guardian.forget(child.pid)
                let reaped = child.reap()
                code = reaped
                return reaped
            }
        }

        fileprivate func kill() {
            if exitCode.withLock({ $0 != nil }) { return }
            send(SIGKILL)
            _ = try? reap(by: .now + .seconds(10))
        }
    }

    /// Starts a program in the environment of ``run(_:_:timeout:)``, and kills it when `body` leaves it running.
    public func withProgram<R>(
        _ tool: String,
        _ arguments: [String],
        _ body: (Program) async throws -> R
    ) async throws -> R {
        let program = try await Self.threads.runIfActive { try Program(tool, arguments, in: self) }
        do {
            let result = try await body(program)
            try await Self.threads.runIfActive { program.kill() }
            return result
        } catch {
            try await Self.threads.runIfActive { program.kill() }
            throw error
        }
    }
}
