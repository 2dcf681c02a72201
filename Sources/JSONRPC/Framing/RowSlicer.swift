/// Finds the rows inside the reply of a monitor while the reply is still arriving, so that each can be parsed and
/// forgotten before the next one comes: a snapshot's text is never whole in memory, nor is a tree of it.
///
/// A reply's rows stand as `"result": {TABLE: {UUID: ROW, ...}, ...}` (RFC 7047, 4.1.5; ovsdb-server(7), Monitor_cond)
/// or as `"result": [FOUND, ID, {TABLE: {UUID: ROW, ...}, ...}]` (Monitor_cond_since). An object there whose first name
/// is a UUID holds rows; they are cut out, and what is left of the message, the *skeleton*, is a small reply of the
/// same shape with empty tables. A message without rows is its own skeleton.
///
/// It goes over bytes that its caller keeps, from ``offset`` on, and looks at each once.
package struct RowSlicer {
    /// A row as it stands in the bytes.
    package struct Row {
        package var table: String
        package var uuid: UUID
        package var range: Range<Int>
    }

    package enum Step {
        case row(Row)
        /// The message ends before this offset.
        case end(Int)
        case needsBytes
    }

    private enum Mode {
        /// Anywhere that is not inside an object with rows.
        case outside
        /// After the brace that may open an object with rows.
        case opened
        case key(start: Int, isFirst: Bool)
        case colon
        case value
        case row(start: Int, depth: Int)
        case afterRow
        case beforeKey
    }

    /// The next byte to look at.
    package private(set) var offset = 0
    /// What was cut out and what was kept: bytes before it are in ``skeleton`` or belong to rows.
    package private(set) var settled = 0
    /// The message without its rows, as far as it is settled.
    package private(set) var skeleton: [UInt8] = []
    /// The first element of `result` where that is an array and begins with a boolean: whether the server goes on from
    /// the transaction that it was asked about.
    package private(set) var isContinued: Bool?

    private var mode = Mode.outside
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var stringStart = 0
    private var lastString = 0..<0
    private var isResult = false
    /// The depth inside the object that holds the tables; 0 before that is known.
    private var tablesDepth = 0
    private var table = ""
    private var uuid = UUID.zero
    private let depthLimit: Int

    package init(depthLimit: Int) {
        self.depthLimit = depthLimit
    }

    /// Bytes before ``settled`` were dropped.
    package mutating func rebase() {
        let by = settled
        guard by > 0 else { return }
        offset -= by
        settled = 0
        stringStart -= by
        // A string that was dropped is not asked for again.
        lastString = lastString.lowerBound >= by ? lastString.lowerBound - by..<lastString.upperBound - by : 0..<0
        switch mode {
        case .key(let start, let isFirst): mode = .key(start: start - by, isFirst: isFirst)
        case .row(let start, let depth): mode = .row(start: start - by, depth: depth)
        case .outside, .opened, .colon, .value, .afterRow, .beforeKey: break
        }
    }

    /// Goes on to the next row or to the end of the message. What this gives is settled by the next call.
    package mutating func next(in bytes: UnsafeRawBufferPointer) throws(FramingError) -> Step {
        while offset < bytes.count {
            switch mode {
            case .outside:
                if let end = try scanOutside(bytes) {
                    skeleton.append(contentsOf: bytes[settled..<end])
                    settled = end
                    return .end(end)
                }
            case .row(let start, let depth):
                guard let end = try scanRow(bytes, depth) else { return .needsBytes }
                mode = .afterRow
                settled = end
                return .row(Row(table: table, uuid: uuid, range: start..<end))
            case .key(let start, let isFirst):
                guard let end = scanKey(bytes) else { return .needsBytes }
                try took(key: start..<end, isFirst: isFirst, in: bytes)
            case .opened, .colon, .value, .afterRow, .beforeKey:
                try took(bytes[offset])
            }
        }
        return .needsBytes
    }

    /// A byte between rows.
    private mutating func took(_ byte: UInt8) throws(FramingError) {
        defer { offset += 1 }
        if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { return }
        switch (mode, byte) {
        case (.opened, UInt8(ascii: "\"")): mode = .key(start: offset + 1, isFirst: true)
        case (.opened, _):
            // Empty, or no object after all.
            mode = .outside
            offset -= 1
        case (.beforeKey, UInt8(ascii: "\"")): mode = .key(start: offset + 1, isFirst: false)
        case (.colon, UInt8(ascii: ":")): mode = .value
        case (.value, UInt8(ascii: "{")): mode = .row(start: offset, depth: 0)
        case (.afterRow, UInt8(ascii: ",")): mode = .beforeKey
        case (.afterRow, UInt8(ascii: "}")):
            mode = .outside
            settled = offset
            offset -= 1
        default: throw .notARow(found: byte)
        }
        // A row's opening brace is looked at again by the scan of the row.
        if case .row = mode { offset -= 1 }
    }

    /// A name in an object that may hold, or holds, rows.
    private mutating func took(
        key: Range<Int>,
        isFirst: Bool,
        in bytes: UnsafeRawBufferPointer
    ) throws(FramingError) {
        let quote = key.lowerBound - 1
        if let uuid = UUID(ascii: UnsafeRawBufferPointer(rebasing: bytes[key])) {
            if isFirst { skeleton.append(contentsOf: bytes[settled..<quote]) }
            self.uuid = uuid
            settled = quote
            mode = .colon
            offset = key.upperBound + 1
        } else if isFirst {
            // An object of another kind: it stays in the skeleton.
            mode = .outside
            offset = quote
        } else {
            throw .notARow(found: UInt8(ascii: "\""))
        }
    }

    /// The end of the name that began before `offset`; `nil` when it has not come yet.
    private mutating func scanKey(_ bytes: UnsafeRawBufferPointer) -> Int? {
        while offset < bytes.count {
            if bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "\\") { return offset }
            offset += 1
        }
        return nil
    }

    /// The end of the row; `nil` when it has not come yet.
    private mutating func scanRow(_ bytes: UnsafeRawBufferPointer, _ start: Int) throws(FramingError) -> Int? {
        var (offset, depth, isInString, isEscaped) = (self.offset, start, self.isInString, self.isEscaped)
        defer { (self.offset, self.isInString, self.isEscaped) = (offset, isInString, isEscaped) }
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
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
                if depth > depthLimit { throw .tooDeep(limit: depthLimit) }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return offset }
            default: break
            }
        }
        if case .row(let begin, _) = mode { mode = .row(start: begin, depth: depth) }
        return nil
    }

    /// Goes on to the end of the message, which it gives, or to an object that may hold rows.
    private mutating func scanOutside(_ bytes: UnsafeRawBufferPointer) throws(FramingError) -> Int? {
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    lastString = stringStart..<(offset - 1)
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                stringStart = offset
            case UInt8(ascii: ":"):
                if depth == 1 { isResult = bytes[lastString].elementsEqual("result".utf8) }
                if depth == tablesDepth, isResult { table = String(decoding: bytes[lastString], as: UTF8.self) }
            case UInt8(ascii: ","):
                if depth == 1 { (isResult, tablesDepth) = (false, 0) }
            case UInt8(ascii: "t"), UInt8(ascii: "f"):
                if depth == 2, isResult, isContinued == nil { isContinued = byte == UInt8(ascii: "t") }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                if depth > depthLimit { throw .tooDeep(limit: depthLimit) }
                guard isResult, byte == UInt8(ascii: "{") else { break }
                if tablesDepth == 0, depth == 2 || depth == 3 {
                    tablesDepth = depth
                } else if tablesDepth > 0, depth == tablesDepth + 1 {
                    mode = .opened
                    return nil
                }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return offset }
            default: break
            }
        }
        return nil
    }
}
