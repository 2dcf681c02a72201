import OpenFlow

/// What told on the wire that an address is there: a mark that brN has learned of a frame.
///
/// The mark's match is the member, the address and the kind of frame, and all else that the frame told stands in its actions:
/// so whoever varies that on the wire changes one flow again and again, and can't fill the table.
struct Announcement: Hashable, Sendable {
    var address: EthernetAddress
    var vlan: VLAN
    /// The port of brN that the frame came in by.
    var inPort: UInt32
    private var kind: Kind

    private enum Kind: Hashable, Sendable {
        case rarp
        case arp(operation: UInt16, source: UInt32, target: UInt32)
        case neighbour
    }

    /// `nil` for a frame that announces nothing, as an ordinary ARP request.
    init?(_ mark: Flow) {
        func value(_ field: OpenFlow.Field) -> UInt128? { mark.match[field]?.value }
        func told(_ place: Subfield) -> UInt64? {
            for case .load(let value, place) in mark.instructions.actions { return value }
            return nil
        }
        guard let address = value(.ethernetSource), let inPort = value(.inPort),
            let vlan = VLAN(Int(truncatingIfNeeded: told(Told.vlan) ?? 0))
        else { return nil }
        self.address = EthernetAddress(rawValue: UInt64(truncatingIfNeeded: address))
        self.vlan = vlan
        self.inPort = UInt32(truncatingIfNeeded: inPort)
        switch value(.ethernetType).map({ UInt16(truncatingIfNeeded: $0) }) {
        case EtherType.rarp.rawValue?: kind = .rarp
        case EtherType.ipv6.rawValue?: kind = .neighbour
        default:
            let source = UInt32(truncatingIfNeeded: told(Told.source) ?? 0)
            let target = UInt32(truncatingIfNeeded: told(Told.target) ?? 0)
            let operation = UInt16(truncatingIfNeeded: told(Told.operation) ?? 0)
            // An announcement, or an answer that nobody asked for (RFC 5227, 3).
            guard source == target || operation == 2 else { return nil }
            kind = .arp(operation: operation, source: source, target: target)
        }
    }

    /// Where a mark's actions put what the frame told.
    fileprivate enum Told {
        static let source = Subfield(OpenFlow.Field.register0)
        static let target = Subfield(OpenFlow.Field.register1)
        static let vlan = Subfield(OpenFlow.Field.register2, offset: 0, count: 12)
        static let operation = Subfield(OpenFlow.Field.register2, offset: 16, count: 16)
    }

    /// The frame as it came, which the guard has kept from the VMs of this host; `nil` where not all of it is known.
    var frame: [UInt8]? {
        let mac = address.bytes
        let body: [UInt8]
        switch kind {
        case .neighbour: return nil
        case .rarp: body = [0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3] + mac + [0, 0, 0, 0] + mac + [0, 0, 0, 0]
        case .arp(let operation, let source, let target):
            body =
                [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, UInt8(truncatingIfNeeded: operation)] + mac + source.bytes
                + [0, 0, 0, 0, 0, 0] + target.bytes
        }
        return EthernetAddress.broadcast.bytes + mac + vlan.tag + body + [UInt8](repeating: 0, count: 18)
    }
}

extension LanePorts {
    /// Marks what from the wire announces an address of this host, whichever member of the bond it comes by.
    var announcementMarks: [Flow] {
        let arp: [Learn.Spec] = [
            .match(Subfield(.ethernetType), UInt128(EtherType.arp.rawValue)),
            .loadField(Subfield(.arpOperation), to: Announcement.Told.operation),
            .loadField(Subfield(.arpSPA), to: Announcement.Told.source),
            .loadField(Subfield(.arpTPA), to: Announcement.Told.target),
        ]
        let rarp: [Learn.Spec] = [.match(Subfield(.ethernetType), UInt128(EtherType.rarp.rawValue))]
        let neighbour: [Learn.Spec] = [.match(Subfield(.ethernetType), UInt128(EtherType.ipv6.rawValue))]
        let all = EthernetAddress(rawValue: 0x3333_0000_0001)
        let advertisement = Match(ICMPv6.neighbourAdvertisement.fields).and(.ethernetDestination(all))
        let kinds: [(Match, [Learn.Spec])] = [
            (Match(.ethernetDestination(.broadcast), .ethernetType(.arp)), arp),
            (Match(.ethernetType(.rarp)), rarp), (advertisement, neighbour),
        ]
        return uplinkMembers.sorted().flatMap { member in
            kinds.map { match, fields in
                Flow(
                    table: UplinkTable.guarded.rawValue,
                    priority: 100,
                    match.and(.inPort(member)),
                    cookie: cookie,
                    actions: [.learn(mark(fields))]
                )
            }
        }
    }

    /// One for each address, that lasts a second: who announces goes on for as long.
    private func mark(_ fields: [Learn.Spec]) -> Learn {
        Learn(
            table: UplinkTable.announced.rawValue,
            priority: Learn.claimPriority,
            cookie: FlowCookie(.announcement(lane)).rawValue,
            hardTimeout: 1,
            specs: [
                .match(.inPort), .match(.ethernetSource),
                .loadField(Subfield(.vlanTCI, offset: 0, count: 12), to: Announcement.Told.vlan),
            ] + fields
        )
    }
}

extension EthernetAddress {
    /// From the first byte on.
    var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * $0)) } }
}

extension VLAN {
    /// In front of a frame's type; nothing for frames without tag.
    var tag: [UInt8] {
        self == .untagged ? [] : [0x81, 0, UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
    }
}

extension UInt32 {
    fileprivate var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> UInt32(24 - 8 * $0)) } }
}
