// Reads YAML through libyaml's events into `YAMLNode`s. It stands between the layout and libyaml so that no C type
// goes further, and it refuses what makes YAML dangerous: anchors, tags, several documents, bottomless nesting.

import CYAML

/// Reads one YAML document. Pure: bytes in, tree and findings out.
///
/// Costs time and memory in proportion to the bytes, of which it takes at most ``sizeLimit``. Every mistake of syntax
/// ends the reading (what follows could only be guessed); a repeated key does not.
struct YAMLReader {
    /// Bytes.
    static let sizeLimit = BoundedFile.layoutLimit
    /// Lists and mappings inside each other.
    static let depthLimit = 64

    /// The document's root; `nil` with at least one error in `diagnostics` when there is none to speak of.
    static func read(_ bytes: [UInt8], into diagnostics: inout Diagnostics) -> YAMLNode? {
        do throws(Refusal) {
            guard bytes.count <= sizeLimit else { throw .tooLarge(bytes.count) }
            // An editor's byte order mark is invisible; it must not count as a column.
            let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
            guard !text.isEmpty else { throw .empty }
            try checkText(text)
            return try text.withUnsafeBufferPointer { (buffer) throws(Refusal) in
                // libyaml keeps pointers to itself and to the text: both stay where they are until we are done.
                let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
                defer { parser.deallocate() }
                guard yaml_parser_initialize(parser) == 1 else { throw Refusal(.start, "there is not enough memory") }
                defer { yaml_parser_delete(parser) }
                yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
                yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
                var reader = YAMLReader(parser: parser, bytes: buffer, diagnostics: diagnostics)
                defer { diagnostics = reader.diagnostics }
                return try reader.document()
            }
        } catch {
            diagnostics.error(at: error.position, error.message)
            return nil
        }
    }

    /// Ends the reading.
    struct Refusal: Error {
        var position: SourcePosition
        var message: String

        init(_ position: SourcePosition, _ message: String) {
            self.position = position
            self.message = message
        }

        static let empty = Refusal(.start, "the file holds no layout: it is empty or has only comments")

        static func tooLarge(_ size: Int) -> Refusal {
            Refusal(.start, "the file has \(size) bytes, wanted at most \(sizeLimit): is this really a layout?")
        }
    }

    let parser: UnsafeMutablePointer<yaml_parser_t>
    let bytes: UnsafeBufferPointer<UInt8>
    private var diagnostics: Diagnostics

    private init(
        parser: UnsafeMutablePointer<yaml_parser_t>,
        bytes: UnsafeBufferPointer<UInt8>,
        diagnostics: Diagnostics
    ) {
        self.parser = parser
        self.bytes = bytes
        self.diagnostics = diagnostics
    }

    // MARK: - Documents and nodes

    private mutating func document() throws(Refusal) -> YAMLNode {
        var event = try next()
        if case .streamStart = event.kind { event = try next() }
        guard case .documentStart = event.kind else {
            throw .empty
        }
        let root = try node(try next(), depth: 0)
        event = try next()
        if case .documentEnd = event.kind { event = try next() }
        guard case .streamEnd = event.kind else {
            throw Refusal(
                event.position,
                "a second YAML document begins here, wanted one layout in one file: remove it or the '---' before it"
            )
        }
        return root
    }

    private mutating func node(_ event: Event, depth: Int) throws(Refusal) -> YAMLNode {
        guard depth <= Self.depthLimit else {
            throw Refusal(
                event.position,
                "lists and mappings stand inside each other more than \(Self.depthLimit) levels deep: a layout needs six"
            )
        }
        switch event.kind {
        case .scalar(let text, let isQuoted):
            return YAMLNode(content: .scalar(text, isQuoted: isQuoted), position: event.position)
        case .sequenceStart:
            var items: [YAMLNode] = []
            var item = try next()
            while item.kind != .sequenceEnd {
                items.append(try node(item, depth: depth + 1))
                item = try next()
            }
            return YAMLNode(content: .sequence(items), position: event.position)
        case .mappingStart:
            return YAMLNode(content: .mapping(try entries(depth: depth)), position: event.position)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw Refusal(event.position, "the YAML ends in the middle of a value: complete it")
        }
    }

    private mutating func entries(depth: Int) throws(Refusal) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var seen: [String: SourcePosition] = [:]
        while true {
            let event = try next()
            if event.kind == .mappingEnd { return entries }
            guard case .scalar(let key, _) = event.kind else {
                throw Refusal(event.position, "a list or mapping stands where a key belongs: a key is one word")
            }
            let value = try node(try next(), depth: depth + 1)
            if let first = seen.updateValue(event.position, forKey: key) {
                seen[key] = first
                diagnostics.error(
                    at: event.position,
                    "\(quoted(key)) is given twice, first at \(first): remove one of the two"
                )
            } else {
                entries.append(YAMLNode.Entry(key: key, keyPosition: event.position, value: value))
            }
        }
    }

    // MARK: - Events

    private struct Event {
        enum Kind: Equatable {
            case streamStart, streamEnd, documentStart, documentEnd
            case scalar(String, isQuoted: Bool)
            case sequenceStart, sequenceEnd, mappingStart, mappingEnd
        }

        var kind: Kind
        var position: SourcePosition
    }

    private func next() throws(Refusal) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&event) }
        let position = SourcePosition(event.start_mark)
        let data = event.data
        switch event.type {
        case YAML_STREAM_START_EVENT: return Event(kind: .streamStart, position: position)
        case YAML_DOCUMENT_START_EVENT: return Event(kind: .documentStart, position: position)
        case YAML_DOCUMENT_END_EVENT: return Event(kind: .documentEnd, position: position)
        case YAML_SEQUENCE_END_EVENT: return Event(kind: .sequenceEnd, position: position)
        case YAML_MAPPING_END_EVENT: return Event(kind: .mappingEnd, position: position)
        case YAML_SCALAR_EVENT:
            try refuse(anchor: data.scalar.anchor, tag: data.scalar.tag, at: position)
            let text = String(
                decoding: UnsafeBufferPointer(start: data.scalar.value, count: data.scalar.length),
                as: UTF8.self
            )
            let isQuoted = data.scalar.style != YAML_PLAIN_SCALAR_STYLE
            return Event(kind: .scalar(text, isQuoted: isQuoted), position: position)
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: data.sequence_start.anchor, tag: data.sequence_start.tag, at: position)
            return Event(kind: .sequenceStart, position: position)
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: data.mapping_start.anchor, tag: data.mapping_start.tag, at: position)
            return Event(kind: .mappingStart, position: position)
        case YAML_ALIAS_EVENT:
            let name = data.alias.anchor.map { String(cString: $0) } ?? ""
            throw Refusal(position, "the alias \(quoted("*" + name)) is not taken in a layout: write the value out")
        default:  // the stream's end, and what libyaml returns when asked again after it
            return Event(kind: .streamEnd, position: position)
        }
    }

    private func refuse(
        anchor: UnsafeMutablePointer<yaml_char_t>?,
        tag: UnsafeMutablePointer<yaml_char_t>?,
        at position: SourcePosition
    ) throws(Refusal) {
        if let anchor {
            throw Refusal(
                position,
                "the anchor \(quoted("&" + String(cString: anchor))) is not taken in a layout: remove it and write the values out"
            )
        }
        if let tag {
            throw Refusal(
                position,
                "the tag \(quoted(String(cString: tag))) is not taken in a layout: remove it, the key says the type"
            )
        }
    }
}

extension SourcePosition {
    /// libyaml counts from 0.
    init(_ mark: yaml_mark_t) {
        self.init(line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    }
}
