/// Which packets a flow is for: the values, or the bits of them, that fields must have. A packet matches when all of
/// them agree, so an empty match is for every packet.
///
///     Match(.inPort(7), .vlan(10), .ethernetSource(mac))
///     Match(.ethernetType(.ipv4), .ipProtocol(.tcp), .tcpDestination(443))
///
/// Two matches for the same packets compare equal whatever the order in which they were made, except that the fields
/// that others require (OpenFlow 1.4, 7.2.2.6) have to be given, as here the IP protocol before its port.
public struct Match: Hashable, Sendable {
    /// One entry per field, in the order of ``Field``, in the form that ``FieldMatch/normalized`` gives them.
    private(set) var entries: [FieldMatch] = []
    /// Fields that this module does not know, as they came.
    private(set) var opaque: [OpaqueField] = []

    public init(_ fields: FieldMatch...) {
        for field in fields { add(field) }
    }

    public init(_ fields: some Sequence<FieldMatch>) {
        for field in fields { add(field) }
    }

    public var isEmpty: Bool { entries.isEmpty && opaque.isEmpty }

    /// What the match asks of one field; `nil` when nothing. Ask for `vlanTCI` rather than for `vlanID`.
    public subscript(field: Field) -> FieldMatch? {
        index(of: field).found.map { entries[$0] }
    }

    /// The same, and this too. Says more about a field already there.
    public func and(_ fields: FieldMatch...) -> Match {
        var match = self
        for field in fields { match.add(field) }
        return match
    }

    /// Says more: bits given before stay as they are unless this gives them anew.
    public mutating func add(_ field: FieldMatch) {
        for part in field.normalized where part.mask != 0 {
            let (found, place) = index(of: part.field)
            if let found {
                entries[found] =
                    FieldMatch(
                        part.field,
                        part.value | entries[found].value & ~part.mask,
                        mask: part.mask | entries[found].mask
                    ).canonical
            } else {
                entries.insert(part, at: place)
            }
        }
    }

    mutating func add(_ field: OpaqueField) {
        opaque.append(field)
    }

    /// Matches are short, a handful of fields, so that searching from the end beats anything cleverer: it is where
    /// fields that come in order go.
    private func index(of field: Field) -> (found: Int?, place: Int) {
        var place = entries.count
        while place > 0, entries[place - 1].field.rawValue >= field.rawValue {
            place -= 1
            if entries[place].field == field { return (place, place) }
        }
        return (nil, place)
    }
}

/// A field of a match that this module does not know, as it came.
struct OpaqueField: Hashable, Sendable {
    /// Class, number, whether there is a mask, and the number of bytes.
    var header: UInt32
    /// Value and mask.
    var payload: [UInt8]
}

/// What a match asks of one field: that the bits of the mask have these values.
public struct FieldMatch: Hashable, Sendable {
    public let field: Field
    /// Zero where the mask is.
    public let value: UInt128
    public let mask: UInt128

    /// - Parameter mask: the bits that count; without it, all.
    public init(_ field: Field, _ value: UInt128, mask: UInt128? = nil) {
        self.field = field
        self.mask = (mask ?? field.exactMask) & field.exactMask
        self.value = value & self.mask
    }

    /// Whether every bit counts.
    public var isExact: Bool { mask == field.exactMask }

    /// In the fields that a match holds: several registers instead of a wider view of them, the VLAN as one tag.
    var normalized: [FieldMatch] {
        switch field {
        case .vlanID:
            [FieldMatch(.vlanTCI, value, mask: mask & 0x1fff)]
        case .vlanPriority:
            // A priority is that of a tag, so there must be one.
            [FieldMatch(.vlanTCI, 0x1000 | (value & 7) << 13, mask: 0xf000)]
        case .inPortOXM:
            // The numbers reserved in 32 bits have their like in 16.
            [FieldMatch(.inPort, value & 0xffff, mask: mask & 0xffff)]
        case .ipTOS:
            [FieldMatch(.ipDSCP, value >> 2)]
        case .xregister0, .xregister1, .xregister2, .xregister3, .xregister4, .xregister5, .xregister6, .xregister7:
            registers(from: Int(field.rawValue - Field.xregister0.rawValue) * 2, count: 2)
        case .xxregister0, .xxregister1, .xxregister2, .xxregister3:
            registers(from: Int(field.rawValue - Field.xxregister0.rawValue) * 4, count: 4)
        default:
            [canonical]
        }
    }

    /// With the mask of an exact match where all bits that the field has count.
    fileprivate var canonical: FieldMatch {
        let significant = UInt128.max >> UInt128(128 - field.bits)
        let all = field == .ctState ? 0xff : significant
        return mask & all == all ? FieldMatch(field, value & all) : self
    }

    private func registers(from first: Int, count: Int) -> [FieldMatch] {
        (0..<count).map { index in
            let shift = UInt128(32 * (count - 1 - index))
            return FieldMatch(.register(first + index), value >> shift & 0xffff_ffff, mask: mask >> shift & 0xffff_ffff)
        }
    }
}
