import NIOCore

/// Cuts a byte stream into JSON texts, which JSON-RPC over a stream does not separate (RFC 7047, 4).
///
/// It looks at every byte once: what it knows of a message that has not ended yet (how deep, inside a string, after a
/// backslash, how far) survives until more bytes come. It does not judge what stands between the braces; the parser does.
public struct MessageFramer: Sendable {
    /// How much a peer may make us hold.
    public struct Limits: Hashable, Sendable {
        /// Bytes of one message.
        public var length: Int
        /// Bytes of one row where rows are cut out of a message, and of all that stands around them: what is held at once
        /// of a message of any length.
        public var part: Int
        /// Objects and arrays inside each other.
        public var depth: Int

        public init(length: Int, part: Int = .max, depth: Int = 1000) {
            self.length = length
            self.part = part
            self.depth = depth
        }
    }

    /// May change between messages: a snapshot may be longer than what follows it.
    public var limits: Limits

    var buffer = ByteBuffer()
    /// The rows of the unfinished message, while they are cut out.
    var slicer: RowSlicer?
    /// Bytes of that message that are already dropped.
    var slicedLength = 0
    /// Bytes of the unfinished message, from the buffer's reader index, that were looked at.
    private var scanned = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    public init(limits: Limits) {
        self.limits = limits
    }

    /// Whether a message has begun and not ended.
    public var isInsideMessage: Bool { depth > 0 }

    /// Takes bytes as they arrived.
    public mutating func append(_ bytes: inout ByteBuffer) {
        if buffer.readableBytes == 0 {
            // Nothing is carried over: look at what arrived where it lies, and let go of what a large message needed.
            swap(&buffer, &bytes)
            scanned = 0
        } else {
            // A stream whose messages never end where a read does would else be kept from its first byte on. What is
            // moved is no more than what was read, so that every byte is moved at most about once.
            if buffer.readerIndex >= buffer.readableBytes { buffer.discardReadBytes() }
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next whole message, or `nil` when more bytes are needed. After an error the stream can't be read on.
    public mutating func next() throws(FramingError) -> ByteBuffer? {
        let found: Int? = try scan()
        guard let found else {
            if scanned > limits.length { throw .tooLong(limit: limits.length) }
            return nil
        }
        if found > limits.length { throw .tooLong(limit: limits.length) }
        scanned = 0
        return buffer.readSlice(length: found)
    }

    /// Goes on to the end of the message; gives its length.
    private mutating func scan() throws(FramingError) -> Int? {
        if depth == 0 { try skipBlanks() }
        var scanned = self.scanned
        var depth = self.depth
        var isInString = self.isInString
        var isEscaped = self.isEscaped
        var end: Int?
        let limit = limits.depth
        let tooDeep = buffer.withUnsafeReadableBytes { bytes in
            while scanned < bytes.count {
                let byte = bytes[scanned]
                scanned += 1
                if isInString {
                    if isEscaped {
                        isEscaped = false
                    } else if byte == UInt8(ascii: "\\") {
                        isEscaped = true
                    } else if byte == UInt8(ascii: "\"") {
                        isInString = false
                    }
                    continue
                }
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    depth += 1
                    if depth > limit { return true }
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    depth -= 1
                    if depth == 0 {
                        end = scanned
                        return false
                    }
                default: break
                }
            }
            return false
        }
        if tooDeep { throw .tooDeep(limit: limit) }
        (self.scanned, self.depth, self.isInString, self.isEscaped) = (scanned, depth, isInString, isEscaped)
        return end
    }

    /// Between messages only blanks may stand, and a message is an object.
    mutating func skipBlanks() throws(FramingError) {
        let blanks = buffer.readableBytesView.prefix { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }.count
        buffer.moveReaderIndex(forwardBy: blanks)
        guard let first = buffer.readableBytesView.first else { return }
        guard first == UInt8(ascii: "{") else { throw .notAnObject(found: first) }
    }
}

/// Why a stream is no JSON-RPC; the connection that carries it can only be closed.
public enum FramingError: Error, Hashable, Sendable, CustomStringConvertible {
    case notAnObject(found: UInt8)
    /// Between the rows of a snapshot.
    case notARow(found: UInt8)
    case tooDeep(limit: Int)
    case tooLong(limit: Int)
    /// A row of a snapshot, or what stands around the rows.
    case partTooLong(limit: Int)

    public var description: String {
        switch self {
        case .notAnObject(let found):
            "a JSON-RPC message begins with '{', found byte 0x\(String(found, radix: 16))"
        case .notARow(let found):
            "rows of a table are separated by commas, found byte 0x\(String(found, radix: 16))"
        case .tooDeep(let limit): "a JSON-RPC message nests deeper than \(limit)"
        case .tooLong(let limit): "a JSON-RPC message is longer than \(limit) bytes"
        case .partTooLong(let limit): "a row of a table is longer than \(limit) bytes"
        }
    }
}
