import Glibc
import JSONRPC
import NIOCore
import Testing

@testable import OVSAgent

/// The bare socket, for what no honest client says. Every wait ends after 30 s.
final class Wire {
    private var descriptor: CInt
    private var framer = MessageFramer(limits: .init(length: 1 << 24))

    init(_ path: String) throws {
        descriptor = try UnixSocketAddress.openSocket(for: path)
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = try UnixSocketAddress.withAddress(of: path) { connect(descriptor, $0, $1) }
        try #require(code == 0)
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        try #require(Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count)
    }

    /// Bytes that the socket took before it was full.
    func sendWhatFits(_ text: String, times: Int) -> Int {
        let bytes = Array(text.utf8)
        var total = 0
        for _ in 0..<times {
            var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&state, 1, 500) > 0 else { break }
            let sent = Glibc.send(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
            guard sent > 0 else { break }
            total += sent
        }
        return total
    }

    func receive() throws -> JSON {
        while true {
            if let message = try framer.next() { return try JSON(parsing: message.readableBytesView) }
            var bytes = ByteBuffer()
            let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 65536) {
                max(0, recv(descriptor, $0.baseAddress, $0.count, 0))
            }
            try #require(count > 0)
            framer.append(&bytes)
        }
    }

    func isAtEnd() throws -> Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, 0)
        return count == 0 || count < 0 && errno == ECONNRESET
    }
}
