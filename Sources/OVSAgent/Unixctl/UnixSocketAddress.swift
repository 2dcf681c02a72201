import Glibc

/// The C forms of a unix socket's address and of who is at its other end, for the control socket's two sides.
enum UnixSocketAddress {
    /// A new stream socket, closed on exec.
    static func openSocket(for path: String, flags: CInt = 0) throws(ControlSocketError) -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | flags
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw .failed(path, "open a socket", errno) }
        return descriptor
    }

    /// Calls `body` with the address of a path.
    static func withAddress<Result>(
        of path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) throws(ControlSocketError) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // The byte after the path stays zero.
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            throw .pathTooLong(path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// The process at the other end of a connected unix socket, as the kernel remembers it (unix(7), `SO_PEERCRED`): of a
/// listener its pid at `listen`, of a caller its user at `connect`.
struct PeerCredentials: Hashable, Sendable {
    var pid: Int32
    var user: UInt32

    init?(of descriptor: CInt) {
        // `struct ucred` is hidden behind _GNU_SOURCE: pid, uid, gid.
        var credentials: (pid: Int32, user: UInt32, group: UInt32) = (0, .max, .max)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0,
            length == MemoryLayout.size(ofValue: credentials)
        else { return nil }
        (pid, user) = (credentials.pid, credentials.user)
    }

    /// The pid, unless the process lives in a pid namespace that this one can't see.
    var visiblePID: Int32? { pid > 0 ? pid : nil }

    /// Whether this is root or the user that this process runs as.
    var mayChange: Bool { user == 0 || user == geteuid() }
}
