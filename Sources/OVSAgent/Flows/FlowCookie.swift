/// The cookie of a flow of ours: it says that the flow is the agent's, and what it is there for.
///
/// From the top: 32 bits that are the agent's alone ("ovsa"), 4 bits of purpose, 12 bits of lane, 16 bits of what the
/// purpose numbers. So one masked request finds all of ours, all of a lane's, or all of one VM port's.
struct FlowCookie: Hashable, Sendable {
    let rawValue: UInt64

    enum Purpose: Hashable, Sendable {
        /// Belongs to the bridge, whatever lanes there are.
        case bridge
        /// Carries a lane.
        case lane(Lane)
        /// Serves one VM port, by its number on brN.local.
        case vmPort(Lane, number: UInt16)
        /// Names the ports of one VLAN, or of none in particular.
        case flood(Lane, VLAN)
        /// Was made by `learn()` for one VM port; where the port isn't told apart, number 0.
        case learned(Lane, number: UInt16)
        /// Was made by `learn()` when a VM port spoke that was expected: it claims the address it declares. It belongs to that
        /// coming of the port, by the low bits of its ``Presence/since``, since another port may get the same number.
        case claim(Lane, since: UInt16)
        /// Was made by `learn()` when the wire announced an address of this host.
        case announcement(Lane)
    }

    static let space: UInt64 = 0x6f76_7361 << 32
    static let spaceMask: UInt64 = 0xffff_ffff << 32

    init(_ purpose: Purpose) {
        let (kind, lane, number): (UInt64, Lane?, UInt16) =
            switch purpose {
            case .bridge: (0, nil, 0)
            case .lane(let lane): (1, lane, 0)
            case .vmPort(let lane, let number): (2, lane, number)
            case .flood(let lane, let vlan): (3, lane, vlan.number)
            case .learned(let lane, let number): (4, lane, number)
            case .claim(let lane, let since): (5, lane, since)
            case .announcement(let lane): (6, lane, 0)
            }
        rawValue = Self.space | kind << 28 | UInt64(lane?.number ?? 0) << 16 | UInt64(number)
    }

    /// Whether a flow with this cookie is the agent's.
    static func isOurs(_ cookie: UInt64) -> Bool { cookie & spaceMask == space }

    /// The VM port that a flow of this cookie serves; `nil` where it serves none in particular.
    static func vmPort(_ cookie: UInt64) -> (lane: Lane, number: UInt16)? { port(cookie, kind: 2) }

    /// Whether a flow of this cookie claims an address for a VM port.
    static func isClaim(_ cookie: UInt64) -> Bool { port(cookie, kind: 5) != nil }

    /// The cookie of the claims that an expected port makes when it speaks; `nil` for one that is present and makes none.
    static func claim(_ lane: Lane, _ presence: Presence) -> UInt64? {
        guard case .expected(let since) = presence else { return nil }
        return FlowCookie(.claim(lane, since: UInt16(truncatingIfNeeded: since))).rawValue
    }

    /// Whether a flow of this cookie marks an announcement.
    static func isAnnouncement(_ cookie: UInt64) -> Bool { port(cookie, kind: 6) != nil }

    private static func port(_ cookie: UInt64, kind: UInt64) -> (lane: Lane, number: UInt16)? {
        guard cookie & (spaceMask | 0xf << 28) == space | kind << 28, let lane = Lane(Int(cookie >> 16 & 0xfff)) else {
            return nil
        }
        return (lane, UInt16(truncatingIfNeeded: cookie))
    }

    /// Whether a flow with this cookie was made by `learn()`, so that no program lists it.
    static func isLearned(_ cookie: UInt64) -> Bool { learned(cookie) != nil }

    /// The VM port behind which `learn()` heard what a flow of this cookie tells; `nil` for other flows.
    static func learned(_ cookie: UInt64) -> (lane: Lane, number: UInt16)? { port(cookie, kind: 4) }
}
