/// A limit on what flows that name it may pass (OpenFlow 1.4, 5.7). Its description is what `ovs-ofctl dump-meters`
/// prints of it, on one line.
public struct Meter: Hashable, Sendable {
    /// 1 to 0xffff0000, or ``controller``.
    public var number: UInt32
    public var unit: Unit
    /// Whether the bands' `burst` counts.
    public var hasBursts: Bool
    /// Whether the switch counts what passes.
    public var hasStatistics: Bool
    public var bands: [Band]

    public init(
        _ number: UInt32,
        _ unit: Unit,
        hasBursts: Bool = false,
        hasStatistics: Bool = false,
        bands: [Band] = []
    ) {
        self.number = number
        self.unit = unit
        self.hasBursts = hasBursts
        self.hasStatistics = hasStatistics
        self.bands = bands
    }

    /// The meter of what goes to controllers.
    public static let controller: UInt32 = 0xffff_fffe
    static let slowPath: UInt32 = 0xffff_fffd
    static let all: UInt32 = 0xffff_ffff

    /// What a rate counts.
    public enum Unit: Hashable, Sendable {
        /// Kilobits a second.
        case kilobits
        /// Packets a second.
        case packets
    }

    /// What happens to what is more than a rate.
    public struct Band: Hashable, Sendable {
        public var effect: Effect
        /// In the meter's unit.
        public var rate: UInt32
        /// How much may come at once, in kilobits or packets; 0 where bursts don't count.
        public var burst: UInt32

        public init(_ effect: Effect, rate: UInt32, burst: UInt32 = 0) {
            self.effect = effect
            self.rate = rate
            self.burst = burst
        }

        public enum Effect: Hashable, Sendable {
            case drop
            /// Raises the drop precedence in the IP header's DSCP field by so many levels.
            case remark(levels: UInt8)
        }
    }
}

/// One change of a switch's meters (OpenFlow 1.4, 7.3.4.4). Open vSwitch takes none of them in a bundle.
public enum MeterMod: Hashable, Sendable {
    /// Fails where the number is taken.
    case add(Meter)
    /// Fails where there is none of the number.
    case modify(Meter)
    /// Takes the flows that name it away, too. Nothing where there is none.
    case delete(UInt32)
    case deleteAll

    /// The meter that is meant; `nil` for all.
    public var number: UInt32? {
        switch self {
        case .add(let meter), .modify(let meter): meter.number
        case .delete(let number): number
        case .deleteAll: nil
        }
    }
}

extension Meter: CustomStringConvertible {
    public var description: String {
        var words = ["meter=\(Self.text(number))", unit == .kilobits ? "kbps" : "pktps"]
        if hasBursts { words.append("burst") }
        if hasStatistics { words.append("stats") }
        words.append("bands=")
        for band in bands {
            switch band.effect {
            case .drop: words += ["type=drop", "rate=\(band.rate)"]
            case .remark: words += ["type=dscp_remark", "rate=\(band.rate)"]
            }
            if hasBursts { words.append("burst_size=\(band.burst)") }
            if case .remark(let levels) = band.effect { words.append("prec_level=\(levels)") }
        }
        return words.joined(separator: " ")
    }

    /// A meter's number as `ovs-ofctl` prints it: that of a reserved one by name.
    public static func text(_ number: UInt32) -> String {
        switch number {
        case controller: "controller"
        case slowPath: "slowpath"
        case all: "all"
        default: "\(number)"
        }
    }
}

extension MeterMod: CustomStringConvertible {
    public var description: String {
        switch self {
        case .add(let meter): "add \(meter)"
        case .modify(let meter): "modify \(meter)"
        case .delete(let number): "delete meter=\(Meter.text(number))"
        case .deleteAll: "delete meter=all"
        }
    }
}
