import Glibc

/// A listening unix socket as a file: made without a moment in which the wrong people can connect, never taken from a
/// living process, removed only while it is still ours.
struct ControlSocket: Sendable {
    let path: String
    /// Listening; whoever takes it closes it.
    let descriptor: CInt
    private let identity: FileIdentity

    /// Takes the path: a missing parent folder is made (0750), a socket that nobody listens on is replaced, mode 0660.
    /// Throws ``ControlSocketError``.
    static func listen(at path: String) throws(ControlSocketError) -> ControlSocket {
        let folder = parent(of: path)
        if mkdir(folder, 0o750) != 0, errno != EEXIST { throw .failed(folder, "make folder", errno) }
        // Two agents that start at once must not both find the same dead socket and remove each other's new one.
        let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folderDescriptor >= 0 else { throw .failed(folder, "open folder", errno) }
        defer { close(folderDescriptor) }
        while flock(folderDescriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .failed(folder, "lock folder", errno) }
        }
        try clear(path)

        let descriptor = try UnixSocketAddress.openSocket(for: path, flags: CInt(SOCK_NONBLOCK.rawValue))
        do throws(ControlSocketError) {
            // Before bind the mode is that of the file to come, less the umask; nobody connects before listen.
            guard fchmod(descriptor, 0o660) == 0 else { throw .failed(path, "set mode", errno) }
            let bound = try UnixSocketAddress.withAddress(of: path) { bind(descriptor, $0, $1) }
            guard bound == 0 else { throw .failed(path, "bind", errno) }
            guard chmod(path, 0o660) == 0 else { throw .failed(path, "set mode", errno) }
            guard let identity = FileIdentity(of: path) else { throw .failed(path, "stat", errno) }
            guard Glibc.listen(descriptor, 128) == 0 else { throw .failed(path, "listen", errno) }
            return ControlSocket(path: path, descriptor: descriptor, identity: identity)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Whether the path still names it.
    var isInPlace: Bool { FileIdentity(of: path) == identity }

    /// Removes the file unless another process has put its own there. Call it before the descriptor is closed: until
    /// then the kernel gives the inode to no other file.
    func remove() {
        if isInPlace { unlink(path) }
    }

    /// Makes room at a path, where only a dead socket may stand.
    private static func clear(_ path: String) throws(ControlSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .failed(path, "stat", errno) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        let probe = try UnixSocketAddress.openSocket(for: path, flags: CInt(SOCK_NONBLOCK.rawValue))
        defer { close(probe) }
        let connected = try UnixSocketAddress.withAddress(of: path) { connect(probe, $0, $1) }
        if connected == 0 { throw .inUse(path, pid: PeerCredentials(of: probe).flatMap(\.visiblePID)) }
        switch errno {
        // A full queue of callers is a sign of life.
        case EAGAIN, EINPROGRESS: throw .inUse(path, pid: nil)
        case ECONNREFUSED: break
        default: throw .failed(path, "connect", errno)
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw .failed(path, "remove", errno) }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Why there is no control socket.
enum ControlSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Somebody answers there; the pid where the kernel tells it.
    case inUse(String, pid: Int32?)
    case notASocket(String)
    /// A unix socket's path has at most 107 bytes.
    case pathTooLong(String)
    /// A system call with its errno.
    case failed(String, String, Int32)

    var description: String {
        switch self {
        case .inUse(let path, let pid?): "\(path): in use by process \(pid); is another ovs-agentd running?"
        case .inUse(let path, nil): "\(path): in use by another process; is another ovs-agentd running?"
        case .notASocket(let path): "\(path): exists and is not a socket; remove it or give another --control"
        case .pathTooLong(let path): "\(path): too long for a unix socket (at most 107 bytes)"
        case .failed(let path, let operation, let code):
            "\(path): cannot \(operation): \(String(cString: strerror(code)))"
        }
    }
}

/// Which file a path names now: no two files share it at the same time.
private struct FileIdentity: Hashable, Sendable {
    private let device: dev_t
    private let inode: ino_t

    init?(of path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        (device, inode) = (status.st_dev, status.st_ino)
    }
}
