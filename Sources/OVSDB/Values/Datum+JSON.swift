import JSONRPC

/// Data on the wire (RFC 7047, 5.1 `<value>`): read under a column's type, written without one.
extension Datum {
    /// Reads a value of a column.
    ///
    /// Throws ``OVSDBError/protocolViolation(_:)`` where the JSON is not of the type. The number of elements is not
    /// held against the type: a difference may carry any number, and the server keeps its own constraints.
    init(_ json: JSONView, _ type: ColumnShape) throws(OVSDBError) {
        if let valueType = type.value {
            guard json.count == 2, json[0]?.isString("map") == true, let pairs = json[1], pairs.isArray else {
                throw .mismatch(json, wanted: "a map")
            }
            var entries: [Entry] = []
            entries.reserveCapacity(pairs.count)
            for index in 0..<pairs.count {
                guard let pair = pairs[index], pair.count == 2, let key = pair[0], let value = pair[1] else {
                    throw .mismatch(pairs, wanted: "a map of pairs")
                }
                entries.append(Entry(try Atom(key, type.key), try Atom(value, valueType)))
            }
            self.init(map: entries)
        } else if json[0]?.isString("set") == true {
            guard json.count == 2, let elements = json[1], elements.isArray else {
                throw .mismatch(json, wanted: "a set")
            }
            var atoms: [Atom] = []
            atoms.reserveCapacity(elements.count)
            for index in 0..<elements.count {
                guard let element = elements[index] else { break }
                atoms.append(try Atom(element, type.key))
            }
            self.init(set: atoms)
        } else {
            self.init(try Atom(json, type.key))
        }
    }

    /// The wire form.
    public var json: JSON {
        if isMap {
            return ["map", .array(entries.map { [$0.key.json, $0.value.json] })]
        }
        if let atom { return atom.json }
        return ["set", .array(atoms.map(\.json))]
    }
}

extension Atom {
    /// Reads one atom of a given type.
    init(_ json: JSONView, _ kind: BaseType.Kind) throws(OVSDBError) {
        switch kind {
        case .integer:
            guard let value = json.integer else { throw .mismatch(json, wanted: "an integer") }
            self = .integer(value)
        case .real:
            guard let value = json.real else { throw .mismatch(json, wanted: "a real") }
            self = .real(value)
        case .boolean:
            guard let value = json.boolean else { throw .mismatch(json, wanted: "a boolean") }
            self = .boolean(value)
        case .string:
            guard let value = json.string else { throw .mismatch(json, wanted: "a string") }
            self = .string(value)
        case .uuid:
            guard json.count == 2, json[0]?.isString("uuid") == true, let uuid = json[1]?.uuid
            else {
                throw .mismatch(json, wanted: "a uuid")
            }
            self = .uuid(uuid)
        }
    }

    /// The wire form.
    public var json: JSON {
        switch self {
        case .integer(let value): .integer(value)
        case .real(let value): .real(value)
        case .boolean(let value): .boolean(value)
        case .string(let value): .string(value)
        case .uuid(let value): ["uuid", .string(value.description)]
        case .namedUUID(let name): ["named-uuid", .string(name)]
        }
    }
}

extension OVSDBError {
    /// What was found where something else was wanted, cut to a length that a log can bear.
    static func mismatch(_ json: JSONView?, wanted: String) -> OVSDBError {
        .protocolViolation("expected \(wanted), found \(json?.excerpt(length: 80) ?? "nothing")")
    }
}
