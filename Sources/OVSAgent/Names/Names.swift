// Every name that follows from a layout, and the way back: which lane and place a name in the database stands for.
// Nothing else in the agent spells a bridge's or a lane port's name.

/// The versions of OpenFlow that the agent speaks to a brN, as `protocols` names them (ovs-vswitchd.conf.db(5)): 1.4, and
/// 1.0 for what no later one has a word for (`no-flood`).
enum OpenFlowVersions {
    static let needed: Set<String> = ["OpenFlow10", "OpenFlow14"]
}

/// The four bridges that all lanes share, from the VMs to the wire.
enum ChainBridge: Hashable, Sendable, CaseIterable {
    case multiplexer, microsegmentation, networkFunctions, demultiplexer

    init?(name: String) {
        guard let bridge = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = bridge
    }

    var name: String {
        switch self {
        case .multiplexer: "br.mx"
        case .microsegmentation: "br.microseg"
        case .networkFunctions: "br.nf"
        case .demultiplexer: "br.dmx"
        }
    }

    /// As it stands in the names of lane ports.
    fileprivate var abbreviation: String {
        switch self {
        case .multiplexer: "mx"
        case .microsegmentation: "ms"
        case .networkFunctions: "nf"
        case .demultiplexer: "dmx"
        }
    }
}

/// One end of one patch pair of a lane.
///
/// From the VMs to the wire: `br0.local.n`<->`br0.mx.s`, `br0.mx.n`<->`br0.ms.s`, `br0.ms.n`<->`br0.nf.s`,
/// `br0.nf.n`<->`br0.dmx.s`, `br0.dmx.n`<->`br0.dmx`.
struct LanePort: Hashable, Sendable {
    /// Where on the lane it stands; south is toward the VMs, north toward the wire.
    enum Place: Hashable, Sendable, CaseIterable {
        /// On brN.local.
        case local
        case south(ChainBridge)
        case north(ChainBridge)
        /// On brN.
        case uplink

        /// From the VMs to the wire, so that neighbours 2n and 2n+1 are a patch pair.
        static let allCases: [Place] =
            [.local] + ChainBridge.allCases.flatMap { [.south($0), .north($0)] } + [.uplink]
    }

    let lane: Lane
    let place: Place

    init(_ place: Place, of lane: Lane) {
        self.lane = lane
        self.place = place
    }

    /// The lane port of this name; `nil` for a name that no lane derives.
    init?(name: String) {
        guard let dot = name.firstIndex(of: "."), let lane = Lane(uplinkBridge: name[..<dot]) else { return nil }
        let ending = name[dot...]
        guard let place = Place.allCases.first(where: { $0.ending == ending }) else { return nil }
        self.init(place, of: lane)
    }

    /// All ten of a lane, from the VMs to the wire.
    static func all(of lane: Lane) -> [LanePort] { Place.allCases.map { LanePort($0, of: lane) } }

    var name: String { lane.uplinkBridge + place.ending }

    /// The bridge that it belongs on.
    var bridge: String {
        switch place {
        case .local: lane.localBridge
        case .south(let bridge), .north(let bridge): bridge.name
        case .uplink: lane.uplinkBridge
        }
    }

    /// The other end of the pair.
    var peer: LanePort { LanePort(place.peer, of: lane) }

    /// `Interface.ofport_request`: 40000+N toward the VMs, 50000+N toward the wire, clear of the numbers that OVS
    /// hands out itself.
    var portRequest: Int64 { (place.leadsToTheWire ? 50_000 : 40_000) + Int64(lane.number) }

    /// `Port.tag`, unique on its bridge, so that NORMAL passes nothing between two of them; `nil` on brN.local, which
    /// has one lane port, and on brN, whose NORMAL needs a trunk.
    var accessTag: Int64? {
        switch place {
        case .local, .uplink: nil
        case .south: 1001 + Int64(lane.number)
        case .north: 2001 + Int64(lane.number)
        }
    }

    /// `Port.trunks`, so that NORMAL on brN.local takes in from the lane and gives to it no frame that any VLAN has: a
    /// tag would be put on all that arrives, and VM ports that carry every VLAN would get it. 4095 is in the schema's
    /// range and no VLAN's (IEEE 802.1Q, table 9-2). `nil` elsewhere.
    var trunks: [Int64]? { place == .local ? [4095] : nil }
}

extension LanePort.Place {
    fileprivate var ending: String {
        switch self {
        case .local: ".local.n"
        case .south(let bridge): ".\(bridge.abbreviation).s"
        case .north(let bridge): ".\(bridge.abbreviation).n"
        case .uplink: ".dmx"
        }
    }

    fileprivate var leadsToTheWire: Bool {
        switch self {
        case .local, .north: true
        case .south, .uplink: false
        }
    }

    fileprivate var peer: LanePort.Place {
        switch self {
        case .local: .south(.multiplexer)
        case .south(.multiplexer): .local
        case .north(.multiplexer): .south(.microsegmentation)
        case .south(.microsegmentation): .north(.multiplexer)
        case .north(.microsegmentation): .south(.networkFunctions)
        case .south(.networkFunctions): .north(.microsegmentation)
        case .north(.networkFunctions): .south(.demultiplexer)
        case .south(.demultiplexer): .north(.networkFunctions)
        case .north(.demultiplexer): .uplink
        case .uplink: .north(.demultiplexer)
        }
    }
}

/// What a bridge's or port's name stands for, when it is one that a layout derives.
enum DerivedName: Hashable, Sendable {
    case chainBridge(ChainBridge)
    /// brN, as a bridge and as its host port.
    case uplinkBridge(Lane)
    case localBridge(Lane)
    case lanePort(LanePort)

    init?(_ name: String) {
        if let bridge = ChainBridge(name: name) {
            self = .chainBridge(bridge)
        } else if let lane = Lane(uplinkBridge: name) {
            self = .uplinkBridge(lane)
        } else if let lane = Lane(localBridge: name) {
            self = .localBridge(lane)
        } else if let port = LanePort(name: name) {
            self = .lanePort(port)
        } else {
            return nil
        }
    }
}

extension Lane {
    /// The lane of a local bridge's name: `br7.local` is lane 7.
    init?(localBridge name: String) {
        guard name.hasSuffix(".local") else { return nil }
        self.init(uplinkBridge: name.dropLast(6))
    }
}
