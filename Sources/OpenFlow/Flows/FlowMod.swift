/// One change of a flow table (OpenFlow 1.4, 7.3.4.2).
public enum FlowMod: Hashable, Sendable {
    /// Puts a flow there; one with the same key is replaced, and its counters go on unless the flags say otherwise.
    case add(Flow)
    /// Changes what the flow with this key does, and leaves its counters, cookie and timeouts; nothing if there is none.
    case modifyStrict(Flow)
    /// Takes away the one flow with this key, if its cookie is among these.
    case deleteStrict(Flow.Key, cookie: CookieFilter = .any)
    /// Takes away all flows that match at least this much, in one table or in all.
    case delete(FlowFilter)
}

/// Which flows are meant.
public struct FlowFilter: Hashable, Sendable {
    /// `nil` for all tables.
    public var table: UInt8?
    /// Flows that match this and perhaps more.
    public var match: Match
    public var cookie: CookieFilter

    public init(table: UInt8? = nil, match: Match = Match(), cookie: CookieFilter = .any) {
        self.table = table
        self.match = match
        self.cookie = cookie
    }

    public static let all = FlowFilter()
}

/// Some bits of a cookie that flows must have.
public struct CookieFilter: Hashable, Sendable {
    public var value: UInt64
    public var mask: UInt64

    /// - Parameter mask: the bits that count; without it, all.
    public init(_ value: UInt64, mask: UInt64 = .max) {
        self.value = value & mask
        self.mask = mask
    }

    public static let any = CookieFilter(0, mask: 0)

    public func contains(_ cookie: UInt64) -> Bool { cookie & mask == value }
}

/// A flow as the switch holds it, and what went through it.
public struct FlowEntry: Hashable, Sendable {
    public var flow: Flow
    public var packetCount: UInt64
    public var byteCount: UInt64

    public init(flow: Flow, packetCount: UInt64 = 0, byteCount: UInt64 = 0) {
        self.flow = flow
        self.packetCount = packetCount
        self.byteCount = byteCount
    }
}

extension FlowMod: CustomStringConvertible {
    /// A line of a file for `ovs-ofctl bundle`, with the word `flow` left out.
    public var description: String {
        switch self {
        case .add(let flow): "add \(flow)"
        case .modifyStrict(let flow): "modify_strict \(flow)"
        case .deleteStrict(let key, let cookie):
            "delete_strict "
                + (cookie.terms + ["table=\(key.table)", "priority=\(key.priority)"] + key.match.terms)
                .joined(separator: ",")
        case .delete(let filter):
            "delete "
                + (filter.cookie.terms + (filter.table.map { ["table=\($0)"] } ?? []) + filter.match.terms)
                .joined(separator: ",")
        }
    }
}

extension CookieFilter {
    fileprivate var terms: [String] { mask == 0 ? [] : ["cookie=0x\(hexDigits(value))/0x\(hexDigits(mask))"] }
}
