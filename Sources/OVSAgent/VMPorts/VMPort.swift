import OpenFlow

/// A VM's port on brN.local, as far as its flows follow from it.
struct VMPort: Hashable, Sendable {
    /// The interface's name.
    var name: String
    /// What the switch numbers it now.
    var number: UInt16
    var vlans: VLANMembership
    var source: Source
    /// Whether it has spoken with the address that it declares.
    var presence = Presence.expected(since: 0)

    /// Which frames a port may send.
    enum Source: Hashable, Sendable {
        /// Those of this address; where IP addresses are given, those of them only.
        case declared(EthernetAddress, addresses: SourceAddresses? = nil)
        /// Any that no other port declares: the switch learns where they come from.
        case learned
    }

    /// The address that the port declares.
    var address: EthernetAddress? {
        if case .declared(let address, _) = source { address } else { nil }
    }

    var learns: Bool { source == .learned }
}

/// The VLANs of a port, with the meaning that Open vSwitch gives the columns (ovs-vswitchd.conf.db(5), Port Table).
enum VLANMembership: Hashable, Sendable {
    /// One VLAN, whose frames have no tag at the port. A VLAN's tag is refused there, a priority tag is not.
    case access(VLAN)
    /// Several.
    case trunk(Trunk)

    struct Trunk: Hashable, Sendable {
        /// Those that are listed, the native one included; `nil` for every VLAN.
        let vlans: VLANSet?
        /// What a frame without tag belongs to; `nil` where such frames are refused.
        let native: VLAN?
        /// Whether frames of the native VLAN leave with its tag.
        let tagsNative: Bool

        init(vlans: VLANSet?, native: VLAN?, tagsNative: Bool = false) {
            self.vlans = vlans.map { listed in native.map { listed.union([$0]) } ?? listed }
            self.native = native
            self.tagsNative = tagsNative
        }
    }

    /// Reads a Port's columns; `nil` for what the chain can't carry: a tunnel (`dot1q-tunnel`), VLAN 4095.
    init?(mode: String?, tag: Int?, trunks: some Sequence<Int>) {
        let numbers = Array(trunks)
        // A list without one VLAN that can be carried stands for none, as only an empty list stands for all.
        let listed = numbers.isEmpty ? nil : VLANSet(numbers.lazy.compactMap(VLAN.init))
        let tagged = tag.map(VLAN.init)
        if case .some(.none) = tagged { return nil }
        let own = tagged.flatMap { $0 }
        switch mode ?? (own == nil ? "trunk" : "access") {
        case "access": self = .access(own ?? .untagged)
        case "trunk":
            let takesUntagged = listed?.contains(.untagged) ?? true
            self = .trunk(Trunk(vlans: listed, native: takesUntagged ? VLAN.untagged : nil))
        case "native-tagged": self = .trunk(Trunk(vlans: listed, native: own ?? .untagged, tagsNative: true))
        case "native-untagged": self = .trunk(Trunk(vlans: listed, native: own ?? .untagged))
        default: return nil
        }
    }

    /// What a frame without tag belongs to.
    var untagged: VLAN? {
        switch self {
        case .access(let vlan): vlan
        case .trunk(let trunk): trunk.native
        }
    }

    /// Every VLAN of the port in order; `nil` for all there are.
    var all: [VLAN]? {
        switch self {
        case .access(let vlan): [vlan]
        case .trunk: list.map(Array.init)
        }
    }

    /// The VLAN whose tag is taken off on the way out to the port; VLAN 0 never has one.
    var stripped: VLAN? {
        switch self {
        case .access(let vlan): vlan == .untagged ? nil : vlan
        case .trunk(let trunk): trunk.tagsNative || trunk.native == VLAN.untagged ? nil : trunk.native
        }
    }
}

/// A VLAN by its number, 0 to 4094. Frames of VLAN 0 have no tag.
struct VLAN: Hashable, Comparable, Sendable {
    let number: UInt16

    /// The VLAN of frames without tag.
    static let untagged = VLAN(unchecked: 0)

    /// `nil` outside 0 to 4094.
    init?(_ number: Int) {
        guard (0...4094).contains(number) else { return nil }
        self.init(unchecked: UInt16(number))
    }

    private init(unchecked number: UInt16) { self.number = number }

    static func < (a: VLAN, b: VLAN) -> Bool { a.number < b.number }
}

/// The IP addresses that a port may send from: what `external_ids:ovs-agent-addresses` lists.
struct SourceAddresses: Hashable, Sendable {
    var ipv4: [IPv4Address] = []
    var ipv6: [IPv6Address] = []

    struct Unreadable: Error, Hashable {
        /// The word that is no address.
        var word: String
    }

    init(ipv4: [IPv4Address] = [], ipv6: [IPv6Address] = []) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// IPv4 and IPv6 addresses, with commas or spaces between. A word that can't be read refuses the whole: left out, it
    /// would cut the VM off without saying why.
    init(_ text: String) throws(Unreadable) {
        for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            if let address = IPv4Address(String(word)) {
                ipv4.append(address)
            } else if let address = IPv6Address(String(word)) {
                ipv6.append(address)
            } else {
                throw Unreadable(word: String(word))
            }
        }
    }
}
