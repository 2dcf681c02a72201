import NIOCore

extension MessageFramer {
    /// The next whole message less the rows in it, each of which is shown to `row` as it completes; `nil` when more
    /// bytes are needed (``RowSlicer``).
    ///
    /// To be used instead of ``next()`` from the end of one message to the end of another.
    package mutating func next(
        showing row: (RowSlicer.Row, UnsafeRawBufferPointer, _ isContinued: Bool) throws -> Void
    ) throws -> ByteBuffer? {
        if slicer == nil {
            try skipBlanks()
            guard buffer.readableBytes > 0 else { return nil }
            slicedLength = 0
        }
        var slicer = self.slicer ?? RowSlicer(depthLimit: limits.depth)
        let end: Int? = try buffer.withUnsafeReadableBytes { bytes in
            while true {
                switch try slicer.next(in: bytes) {
                case .needsBytes: return nil
                case .end(let end): return end
                case .row(let found):
                    let text = UnsafeRawBufferPointer(rebasing: bytes[found.range])
                    try row(found, text, slicer.isContinued ?? false)
                }
            }
        }
        slicedLength += slicer.settled
        buffer.moveReaderIndex(forwardBy: slicer.settled)
        buffer.discardReadBytes()
        if end != nil {
            self.slicer = nil
            if slicedLength > limits.length { throw FramingError.tooLong(limit: limits.length) }
            return ByteBuffer(bytes: slicer.skeleton)
        }
        if slicedLength + buffer.readableBytes > limits.length { throw FramingError.tooLong(limit: limits.length) }
        if max(buffer.readableBytes, slicer.skeleton.count) > limits.part {
            throw FramingError.partTooLong(limit: limits.part)
        }
        slicer.rebase()
        self.slicer = slicer
        return nil
    }
}
