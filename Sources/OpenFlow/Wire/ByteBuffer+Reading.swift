import NIOCore

extension ByteBuffer {
    /// `false`, and nothing skipped, when there are fewer bytes.
    mutating func skip(_ count: Int) -> Bool {
        guard readableBytes >= count else { return false }
        moveReaderIndex(forwardBy: count)
        return true
    }
}

extension OpenFlowError {
    static func short(_ what: String) -> OpenFlowError { .protocolViolation("\(what) cut short") }
}
