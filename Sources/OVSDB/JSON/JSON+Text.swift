import COVSDB
import NIOCore

extension JSON {
    /// Parses exactly one JSON text; throws ``JSONError``.
    public init(parsing bytes: some Sequence<UInt8>) throws {
        self = try Array(bytes).withUnsafeBytes { try withJSON($0) { JSON($0) } }
    }

    /// The text on one line, or indented by so many blanks a level.
    ///
    /// A real that is no number, which JSON cannot say, is written as `null`.
    public func text(indent: Int = 0) -> String {
        var buffer = ByteBuffer()
        buffer.writeJSON(self, indent: indent)
        return String(buffer: buffer)
    }

    /// The tree that the C side writes; it belongs to the caller.
    fileprivate func build() -> OpaquePointer? {
        switch self {
        case .null: return covsdb_new_null()
        case .boolean(let value): return covsdb_new_boolean(value)
        case .integer(let value): return covsdb_new_integer(value)
        case .real(let value): return covsdb_new_real(value) ?? covsdb_new_null()
        case .string(var value):
            return value.withUTF8 {
                $0.withMemoryRebound(to: CChar.self) { covsdb_new_string($0.baseAddress, $0.count) }
            }
        case .array(let elements):
            let array = covsdb_new_array()
            for element in elements { covsdb_append(array, element.build()) }
            return array
        case .object(let members):
            let object = covsdb_new_object()
            for member in members { covsdb_set(object, member.name, member.value.build()) }
            return object
        }
    }
}

extension ByteBuffer {
    /// Appends the text of a JSON value.
    public mutating func writeJSON(_ json: JSON, indent: Int = 0) {
        guard let tree = json.build() else { return }
        defer { covsdb_free(tree) }
        var capacity = 512
        var written = 0
        // No value has an empty text: a length of 0 is a failure, for want of memory.
        while written == 0, capacity > 0 {
            written = writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { bytes in
                let text = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                capacity = covsdb_write(tree, UInt32(indent), text, bytes.count)
                return capacity <= bytes.count ? capacity : 0
            }
        }
    }
}
