import Glibc
import JSONRPC
import NIOCore

/// A caller of the control socket: one blocking connection, no event loop, for a program that asks and ends.
package final class ControlClient {
    /// The most that an answer may take: a full journal or the plan of a large layout is far below.
    private static let limits = MessageFramer.Limits(length: 64 << 20)

    private let path: String
    private let timeout: Int
    private let descriptor: CInt
    private var framer = MessageFramer(limits: limits)
    private var nextID: Int64 = 0

    /// Connects; seconds to wait for being let in and for each answer.
    package init(connectingTo path: String, timeout: Int = 10) throws(ControlClientError) {
        descriptor = try Self.connectedSocket(to: path, timeout: timeout)
        self.path = path
        self.timeout = timeout
    }

    deinit { close(descriptor) }

    /// Sends one command and waits for its result. Throws ``ControlClientError/refused(_:)`` with the daemon's own words.
    package func call(
        _ method: String,
        _ parameters: [String] = [],
        waitsForEver: Bool = false
    ) throws(ControlClientError) -> JSON {
        nextID += 1
        try send(["id": .integer(nextID), "method": .string(method), "params": .array(parameters.map(JSON.string))])
        let reply = try receive(until: waitsForEver ? nil : Self.milliseconds() + timeout * 1000)
        guard reply["id"]?.integer == nextID, let result = reply["result"], let error = reply["error"] else {
            throw .other("\(path): not the answer of an ovs-agentd")
        }
        guard error.isNull else { throw .refused(error.string?.trimmingTrailingNewlines ?? error.text()) }
        return result
    }

    /// A command's answer as an object, with a member `text` for people.
    package func ask(
        _ method: String,
        _ parameters: [String] = [],
        waitsForEver: Bool = false
    ) throws(ControlClientError) -> JSON {
        let result = try call(method, parameters + ["--json-and-text"], waitsForEver: waitsForEver)
        guard let text = result.string, let json = try? JSON(parsing: text.utf8), json.object != nil else {
            throw .other("\(path): not the answer of an ovs-agentd")
        }
        return json
    }

    private static func connectedSocket(to path: String, timeout: Int) throws(ControlClientError) -> CInt {
        var descriptor: CInt = -1
        let code: CInt
        do {
            descriptor = try UnixSocketAddress.openSocket(for: path)
            // Of a unix socket the send timeout bounds `connect` too, which waits while the server's queue is full.
            var limit = timeval(tv_sec: timeout, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            code = try UnixSocketAddress.withAddress(of: path) { connect(descriptor, $0, $1) == 0 ? 0 : errno }
        } catch {
            if descriptor >= 0 { close(descriptor) }
            throw .other("\(error)")
        }
        guard code == 0 else {
            close(descriptor)
            throw ControlClientError(path: path, connecting: code, timeout: timeout)
        }
        return descriptor
    }

    private func send(_ request: JSON) throws(ControlClientError) {
        var bytes = ByteBuffer()
        bytes.writeJSON(request)
        guard bytes.readableBytes <= ControlConnection.limits.length else {
            throw .other(
                "\(path): the request is longer than the \(ControlConnection.limits.length) bytes that ovs-agentd takes"
            )
        }
        while bytes.readableBytes > 0 {
            // A daemon that went away is an error to be told, not a signal to die of.
            let sent = bytes.withUnsafeReadableBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if sent > 0 {
                bytes.moveReaderIndex(forwardBy: sent)
            } else if errno == EAGAIN {
                throw .noAnswer(path, seconds: timeout)
            } else if errno == EPIPE || errno == ECONNRESET {
                return  // What the daemon had to say may still be waiting to be read.
            } else if errno != EINTR {
                throw .other("\(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    private func receive(until deadline: Int?) throws(ControlClientError) -> JSON {
        while true {
            do {
                if let message = try framer.next() { return try JSON(parsing: message.readableBytesView) }
            } catch {
                throw .other("\(path): \(error)")
            }
            try awaitBytes(until: deadline)
            var bytes = ByteBuffer()
            let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 64 << 10) {
                max(0, recv(descriptor, $0.baseAddress, $0.count, 0))
            }
            guard count > 0 else { throw .closed(path) }
            framer.append(&bytes)
        }
    }

    private func awaitBytes(until deadline: Int?) throws(ControlClientError) {
        while true {
            var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = deadline.map { max(0, $0 - Self.milliseconds()) }
            let ready = poll(&state, 1, left.map { Int32(clamping: $0) } ?? -1)
            if ready > 0 { return }
            if ready == 0 { throw .noAnswer(path, seconds: timeout) }
            guard errno == EINTR else { throw .other("\(path): \(String(cString: strerror(errno)))") }
        }
    }

    private static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
    }
}

/// Why a command has no result, in words for the one who typed it.
package enum ControlClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nobody is there.
    case notRunning(String, reason: String)
    case permissionDenied(String)
    case noAnswer(String, seconds: Int)
    /// The daemon ended, or has more callers than it serves.
    case closed(String)
    /// The daemon's own words.
    case refused(String)
    case other(String)

    init(path: String, connecting code: CInt, timeout: Int) {
        switch code {
        case ENOENT: self = .notRunning(path, reason: "no such file")
        case ECONNREFUSED: self = .notRunning(path, reason: "nobody listens")
        case EACCES, EPERM: self = .permissionDenied(path)
        case EAGAIN: self = .noAnswer(path, seconds: timeout)
        default: self = .other("\(path): \(String(cString: strerror(code)))")
        }
    }

    /// Whether the daemon may be back in a moment.
    package var mayPass: Bool {
        switch self {
        case .notRunning, .closed: true
        default: false
        }
    }

    package var description: String {
        switch self {
        case .notRunning(let path, let reason): "\(path): \(reason) (is ovs-agentd running?)"
        case .permissionDenied(let path): "\(path): permission denied (are you root or in the socket's group?)"
        case .noAnswer(let path, let seconds): "\(path): no answer within \(seconds) s"
        case .closed(let path): "\(path): connection closed without an answer (is ovs-agentd ending, or busy?)"
        case .refused(let text), .other(let text): text
        }
    }
}

extension String {
    fileprivate var trimmingTrailingNewlines: String {
        var text = self
        while text.last == "\n" { text.removeLast() }
        return text
    }
}
