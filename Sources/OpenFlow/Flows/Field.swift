/// A field of a packet, or of what the switch keeps with it, as ovs-fields(7) describes it. Its cases stand in the
/// order in which Open vSwitch prints a match.
public enum Field: UInt8, Hashable, Sendable, CaseIterable {
    case packetMark, conjunctionID, actionSetOutput
    case ctState, ctZone, ctMark, ctLabel
    case ctIPv4Source, ctIPv6Source, ctIPv4Destination, ctIPv6Destination
    case ctIPProtocol, ctPortSource, ctPortDestination
    case ethernetType
    case register0, register1, register2, register3, register4, register5, register6, register7
    case register8, register9, register10, register11, register12, register13, register14, register15
    case tunnelID, tunnelSource, tunnelDestination, tunnelIPv6Source, tunnelIPv6Destination
    case metadata
    /// As Nicira defined it: 16 bits, which every number of Open vSwitch fits.
    case inPort
    case vlanTCI
    case ethernetSource, ethernetDestination
    case ipv6Source, ipv6Destination, ipv6Label
    case arpSPA, arpTPA
    case ipv4Source, ipv4Destination
    case ipProtocol, arpOperation
    case arpSHA, arpTHA
    case ipDSCP, ipECN, ipTTL
    case mplsLabel, mplsTC, mplsTTL, mplsBottomOfStack
    case ipFragment
    case tcpSource, tcpDestination, udpSource, udpDestination, sctpSource, sctpDestination
    case icmpType, icmpCode, icmpv6Type, icmpv6Code
    case ndTarget, ndSLL, ndTLL
    case tcpFlags
    // Other views of fields above; a `Match` holds those instead.
    /// As OpenFlow defines it: 32 bits.
    case inPortOXM
    /// The VLAN id with the bit 0x1000 that says that there is a tag.
    case vlanID
    case vlanPriority
    /// The whole byte of which `ipDSCP` is the upper six bits.
    case ipTOS
    case xregister0, xregister1, xregister2, xregister3, xregister4, xregister5, xregister6, xregister7
    case xxregister0, xxregister1, xxregister2, xxregister3

    /// Register 0 to 15.
    public static func register(_ number: Int) -> Field {
        precondition((0...15).contains(number), "Open vSwitch has registers 0 to 15")
        return Field(rawValue: Field.register0.rawValue + UInt8(number)) ?? .register0
    }

    /// The name in `set_field:...->name` and in the match of `learn()`.
    public var name: String { layout.name }

    /// Bits that can be read or written as a ``Subfield``.
    public var bits: Int { layout.bits }

    /// Bytes of a value on the wire.
    var bytes: Int { layout.bytes }

    /// All ones, as wide as a value on the wire.
    public var exactMask: UInt128 { UInt128.max >> UInt128(128 - 8 * bytes) }

    /// The name in subfields, such as `NXM_NX_REG0`.
    var symbol: String { layout.symbol }

    var format: FieldLayout.Format { layout.format }

    /// What a match writes: OpenFlow's own name for the field where there is one.
    var matchHeader: OXMHeader { layout.oxm ?? layout.nxm ?? OXMHeader(class: 0, field: 0) }

    /// What actions write: Nicira's own name for the field where there is one.
    var actionHeader: OXMHeader { layout.nxm ?? layout.oxm ?? OXMHeader(class: 0, field: 0) }

    private var layout: FieldLayout { FieldLayout.all[Int(rawValue)] }

    /// The field that either name of it means; `nil` for one that this module does not know.
    init?(_ header: OXMHeader) {
        guard let field = FieldLayout.byHeader[header] else { return nil }
        self = field
    }
}

/// The class and number that name a field on the wire (OpenFlow 1.4, 7.2.2.2). Where the class says experimenter, the
/// experimenter's number tells the fields of different organisations apart.
struct OXMHeader: Hashable, Sendable {
    var `class`: UInt16
    var field: UInt8
    var experimenter: UInt32 = 0

    static let nicira0: UInt16 = 0x0000
    static let nicira1: UInt16 = 0x0001
    static let basic: UInt16 = 0x8000
    static let packetRegisters: UInt16 = 0x8001
    static let experimenterClass: UInt16 = 0xffff
    /// The Open Networking Foundation's number as an experimenter.
    static let onf: UInt32 = 0x4f4e_4600
}

/// How wide a field is, what it is called and how its values are printed.
struct FieldLayout: Sendable {
    enum Format: Hashable, Sendable {
        case decimal, hexadecimal, port, ethernet, ipv4, ipv6, ctState, tcpFlags, fragment
    }

    var field: Field
    var name: String
    var symbol: String
    var bits: Int
    var bytes: Int
    var format: Format
    var oxm: OXMHeader?
    var nxm: OXMHeader?

    /// At the index that is the field's raw value.
    static let all: [FieldLayout] = {
        let known = Dictionary(uniqueKeysWithValues: table.map { ($0.field, $0) })
        return Field.allCases.map { field in
            guard let layout = known[field] else { preconditionFailure("no layout of \(field)") }
            return layout
        }
    }()

    static let byHeader: [OXMHeader: Field] = {
        var fields: [OXMHeader: Field] = [:]
        for layout in table {
            for header in [layout.oxm, layout.nxm] { if let header { fields[header] = layout.field } }
        }
        return fields
    }()
}
