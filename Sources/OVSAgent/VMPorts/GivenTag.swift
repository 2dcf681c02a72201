import OVSDB

/// What the agent notes of a Port whose `tag` it gives, for a network or as the host's VLAN, so that it can give the former one back.
///
/// It stands in the Port's own `external_ids`, so that it outlives the agent and goes with the port.
struct GivenTag: Hashable, Sendable {
    /// `Port.tag` before the network: one integer or none.
    var former: Datum
    /// The VLAN given last; `nil` where somebody removed that note.
    var given: Int64?

    init(former: Datum, given: Int64?) {
        self.former = former
        self.given = given
    }

    /// As a Port's marks tell it; `nil` without a readable ``Mark/formerTag``.
    init?(_ marks: Datum) {
        switch marks[Mark.formerTag] {
        case Self.none: former = .emptySet
        case let text?:
            guard let tag = Int64(text), 0...4095 ~= tag else { return nil }
            former = Datum(.integer(tag))
        case nil: return nil
        }
        given = marks[Mark.givenTag].flatMap(Int64.init)
    }

    /// The marks that say it.
    var marks: [String: String?] {
        [
            Mark.formerTag: former.isEmpty ? Self.none : former.description,
            Mark.givenTag: given.map { "\($0)" },
        ]
    }

    /// The tag to leave behind. One that somebody set together with taking the network away is theirs, and stays.
    func restored(from found: Datum) -> Datum {
        given == nil || found.integer == given ? former : found
    }

    static let noMarks: [String: String?] = [Mark.formerTag: nil, Mark.givenTag: nil]

    /// As `ovs-vsctl get` prints a column without a value.
    private static let none = "[]"
}
