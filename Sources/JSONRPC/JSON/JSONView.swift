import COVSDB

/// A look at one value of a parsed JSON text, valid only inside the closure that ``withJSON(_:_:)`` calls.
///
/// Rows are decoded through it, so that no second tree of a reply is ever built.
package struct JSONView {
    fileprivate let value: OpaquePointer
}

/// Why a text is not JSON.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes from the start of the text.
    public var offset: Int
    /// The parser's words.
    public var reason: String

    public var description: String { "not JSON at byte \(offset): \(reason)" }
}

/// Parses exactly one JSON text and shows it to `body`; throws ``JSONError`` when it is none (`covsdb_parse`).
package func withJSON<Result>(
    _ bytes: UnsafeRawBufferPointer,
    _ body: (JSONView) throws -> Result
) throws -> Result {
    var error = covsdb_error()
    guard let document = covsdb_parse(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count, &error)
    else {
        let reason = withUnsafeBytes(of: error.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw JSONError(offset: error.offset, reason: reason)
    }
    defer { covsdb_free_document(document) }
    return try body(JSONView(value: covsdb_root(document)))
}

extension JSONView {
    var kind: covsdb_kind { covsdb_kind_of(value) }

    package var integer: Int64? { kind == COVSDB_INTEGER ? covsdb_integer(value) : nil }

    package var boolean: Bool? { kind == COVSDB_BOOLEAN ? covsdb_boolean(value) : nil }

    /// The value of a real, or of an integer where a real is wanted: JSON writes 1.0 and 1 alike.
    package var real: Double? {
        switch kind {
        case COVSDB_REAL: covsdb_real(value)
        case COVSDB_INTEGER: Double(covsdb_integer(value))
        default: nil
        }
    }

    package var string: String? {
        guard kind == COVSDB_STRING else { return nil }
        var length = 0
        return covsdb_string(value, &length).map { text in
            String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
        }
    }

    /// The identity that a string names, without making a `String`.
    package var uuid: UUID? {
        guard kind == COVSDB_STRING else { return nil }
        var length = 0
        return covsdb_string(value, &length).flatMap { UUID(ascii: UnsafeRawBufferPointer(start: $0, count: length)) }
    }

    /// Whether this is a string of just these characters, without making a `String`.
    package func isString(_ literal: StaticString) -> Bool {
        guard kind == COVSDB_STRING else { return false }
        var length = 0
        guard let text = covsdb_string(value, &length), length == literal.utf8CodeUnitCount else { return false }
        return UnsafeRawBufferPointer(start: text, count: length)
            .elementsEqual(UnsafeRawBufferPointer(start: literal.utf8Start, count: length))
    }

    /// The same for characters that are in a `String` already.
    package func isString(_ characters: String) -> Bool {
        guard kind == COVSDB_STRING else { return false }
        var length = 0
        guard let text = covsdb_string(value, &length), length == characters.utf8.count else { return false }
        return UnsafeRawBufferPointer(start: text, count: length).elementsEqual(characters.utf8)
    }

    /// The beginning of the text, for an error's words: however large the value is, no copy of it is made.
    package func excerpt(length: Int) -> String {
        var bytes = ContiguousArray<UInt8>(repeating: 0, count: length + 1)
        let whole = bytes.withUnsafeMutableBytes { bytes in
            covsdb_write(value, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count - 1)
        }
        let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return whole > length ? "\(text)..." : text
    }

    package var isNull: Bool { kind == COVSDB_NULL }
    package var isArray: Bool { kind == COVSDB_ARRAY }
    package var isObject: Bool { kind == COVSDB_OBJECT }

    /// The number of elements or members.
    package var count: Int { isArray || isObject ? covsdb_count(value) : 0 }

    /// An element of an array; `nil` past its end and for anything that is no array.
    package subscript(index: Int) -> JSONView? {
        guard isArray, index >= 0, let element = covsdb_element(value, index) else { return nil }
        return JSONView(value: element)
    }

    /// A member's value; `nil` where there is none and for anything that is no object.
    package subscript(name: String) -> JSONView? {
        guard isObject, let member = covsdb_find(value, name) else { return nil }
        return JSONView(value: member)
    }

    /// The elements of an array; none for anything else.
    package var elements: [JSONView] { (0..<(isArray ? count : 0)).compactMap { self[$0] } }

    /// The members of an object in the order of the text; none for anything else.
    package var members: Members { Members(object: isObject ? value : nil) }

    /// Walks an object without copying it.
    package struct Members: Sequence, IteratorProtocol {
        private let object: OpaquePointer?
        private var upcoming: OpaquePointer?

        fileprivate init(object: OpaquePointer?) {
            self.object = object
            upcoming = object.flatMap(covsdb_first)
        }

        package mutating func next() -> (name: String, value: JSONView)? {
            guard let object, let member = upcoming, let name = covsdb_member_name(member),
                let value = covsdb_member_value(member)
            else { return nil }
            upcoming = covsdb_next(object, member)
            return (String(cString: name), JSONView(value: value))
        }
    }
}

extension JSON {
    /// Copies a whole value.
    package init(_ view: JSONView) {
        switch view.kind {
        case COVSDB_BOOLEAN: self = .boolean(covsdb_boolean(view.value))
        case COVSDB_INTEGER: self = .integer(covsdb_integer(view.value))
        case COVSDB_REAL: self = .real(covsdb_real(view.value))
        case COVSDB_STRING: self = .string(view.string ?? "")
        case COVSDB_ARRAY: self = .array(view.elements.map { JSON($0) })
        case COVSDB_OBJECT:
            self = .object(view.members.map { Member($0.name, JSON($0.value)) })
        default: self = .null
        }
    }
}
