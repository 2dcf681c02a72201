import CTestSupport
import Glibc

/// A program started by a test, as a direct child, in a process group of its own so that a Ctrl-C at the terminal reaches
/// the test and not the child; it carries the one wait that a test needs: until the child has ended.
///
/// The child holds one end of a connection as its descriptor 3: the kernel closes it when the child ends, which is
/// an event that `poll(2)` can wait for with a deadline, as `waitpid(2)` can't.
struct ChildProcess: Sendable {
    let pid: pid_t
    /// Reads end of file once the child has ended.
    private let ending: Int32

    /// Starts `program`, found in `PATH` or where system daemons live, with exactly this environment.
    ///
    /// - Parameters:
    ///   - input: the child's descriptor 0; `/dev/null` when `nil`. Likewise `output` for 1 and `error` for 2.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        input: Int32? = nil,
        output: Int32? = nil,
        error: Int32? = nil
    ) throws {
        guard let path = Self.locate(program) else { throw PrivateSwitchError.notInstalled(program) }
        let (readEnd, writeEnd) = try Self.connection()
        defer { close(writeEnd) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in [(0, input), (1, output), (2, error)] as [(Int32, Int32?)] {
            if let source {
                posix_spawn_file_actions_adddup2(&actions, source, target)
            } else {
                posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0)
            }
        }
        posix_spawn_file_actions_adddup2(&actions, writeEnd, 3)
        // NIO opens its sockets without CLOEXEC. Inherited by a server of another test, the connection of a client that
        // has ended would stay open, and its lock held.
        ctest_close_from(&actions, 4)

        // The test process may block or ignore signals (NIO ignores SIGPIPE); the child starts with the defaults.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETPGROUP)
        )

        var pid: pid_t = 0
        let code = Self.withCStrings([path] + arguments) { argv in
            Self.withCStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
                posix_spawn(&pid, path, &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else {
            close(readEnd)
            throw PrivateSwitchError.system("posix_spawn \(path)", code)
        }
        self.pid = pid
        self.ending = readEnd
    }

    func send(_ signal: Int32) {
        kill(pid, signal)
    }

    /// Waits until the child has ended; `false` when it still runs at the deadline. It stays a zombie, and its pid
    /// its own, until `reap()`.
    func hasEnded(by deadline: ContinuousClock.Instant) throws -> Bool {
        try wait(for: [ending], until: deadline).isEmpty == false
    }

    /// Collects the child, waiting for its end without limit. Call it once.
    ///
    /// - Returns: the exit code as a shell gives it: 128 and the signal's number for a child that a signal ended.
    func reap() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        close(ending)
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// A connected pair of descriptors that no other child inherits, not even one started at this moment; a pipe
    /// could promise that only by `pipe2(2)`, which Swift's Glibc module lacks.
    static func connection() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw PrivateSwitchError.system("socketpair", errno)
        }
        return (ends[0], ends[1])
    }

    /// The full path of a program; daemons live in folders that an ordinary user's `PATH` may lack.
    static func locate(_ program: String) -> String? {
        if program.contains("/") { return program }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return (path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"])
            .lazy.map { "\($0)/\(program)" }
            .first { access($0, X_OK) == 0 }
    }

    private static func withCStrings<R>(
        _ strings: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        return body(&pointers)
    }
}

/// Waits with `poll(2)` until at least one descriptor is readable or at its end; the ready ones, none at the deadline.
func wait(for descriptors: [Int32], until deadline: ContinuousClock.Instant) throws -> Set<Int32> {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
        let left = ContinuousClock.now.duration(to: deadline)
        let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
        let count = poll(&entries, nfds_t(entries.count), Int32(clamping: max(0, milliseconds)))
        if count > 0 { return Set(entries.filter { $0.revents != 0 }.map(\.fd)) }
        if count == 0 && ContinuousClock.now >= deadline { return [] }
        if count < 0 && errno != EINTR { throw PrivateSwitchError.system("poll", errno) }
    }
}
