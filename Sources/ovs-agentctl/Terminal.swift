import Glibc
import OVSAgent

/// Standard output and error, unbuffered: a follower's line is seen at once, and a reader that went away ends the
/// program by SIGPIPE as it ends any tool.
enum Terminal {
    static func printLine(_ text: String) {
        guard !text.isEmpty else { return }
        guard write(text + "\n", to: STDOUT_FILENO) else {
            printError("ovs-agentctl: standard output: \(String(cString: strerror(errno)))")
            exit(1)
        }
    }

    static func printError(_ text: String) { _ = write(text.onLines + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: CInt) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                bytes = bytes.dropFirst(written)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
