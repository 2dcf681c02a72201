import Glibc

/// A shell that outlives a test process which crashes or is killed, ends what that process had started, and removes
/// its folder.
///
/// `PR_SET_PDEATHSIG` would be no use: it fires when the *thread* that spawned the child ends, and a test has no
/// thread of its own. The guardian reads a socket instead: `+PID` and `-PID` lines keep its list, and the socket's
/// end, which the kernel brings about however the test process dies, is the order to clean up. An orderly stop goes
/// the same way, so that there is one way out.
struct Guardian: Sendable {
    private let process: ChildProcess
    private let socket: Int32

    init(folder: String) throws {
        let (ours, theirs) = try ChildProcess.connection()
        defer { close(theirs) }
        let script = """
            pids=' '
            while read -r line; do
                pid=${line#?}
                case $line in
                    +*) pids="$pids$pid " ;;
                    -*) before=${pids%%" $pid "*}; after=${pids#*" $pid "}; pids="$before $after" ;;
                esac
            done
            for pid in $pids; do kill -9 "$pid"; done
            rm -rf -- "$1"
            """
        do {
            process = try ChildProcess(
                "/bin/sh",
                ["-c", script, "guardian", folder],
                environment: ["PATH": "/usr/bin:/bin"],
                input: theirs
            )
        } catch {
            close(ours)
            throw error
        }
        socket = ours
    }

    func watch(_ pid: pid_t) {
        tell("+\(pid)\n")
    }

    /// Must come before the pid is reaped: from then on it may belong to somebody else.
    func forget(_ pid: pid_t) {
        tell("-\(pid)\n")
    }

    /// Ends what is still watched, removes the folder, and returns when both are done. Call it once.
    func dismiss() {
        close(socket)
        _ = process.reap()
    }

    private func tell(_ line: String) {
        var line = line
        line.withUTF8 { bytes in
            _ = send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }
}
