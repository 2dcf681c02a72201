import OpenFlow

// The four bridges that all lanes share. br.microseg and br.nf pass everything as yet; their frames run through the
// tables that policies and network functions will stand in, with direction and way out in registers.

/// What a frame brings along through br.microseg and br.nf.
enum ChainRegister {
    /// ``ChainDirection``.
    static let direction = OpenFlow.Field.register1
    /// The port that it leaves by.
    static let next = OpenFlow.Field.register2
    static let lane = OpenFlow.Field.register3
}

enum ChainDirection: UInt64 {
    /// From a VM towards the wire.
    case up = 1
    /// Towards a VM.
    case down = 2
}

/// Tables of br.microseg.
enum MicrosegmentationTable: UInt8 {
    /// Tells lane and direction.
    case classify = 0
    /// Finds the policy of the frame's NIC.
    case subject = 1
    case leave = 20
}

/// Tables of br.nf.
enum NetworkFunctionTable: UInt8 {
    /// Tells lane and direction.
    case classify = 0
    /// Finds the network functions of the frame's NIC.
    case steer = 1
    /// Copies frames to taps.
    case tap = 2
    case leave = 20
}

extension ChainProgram {
    /// What a chain bridge has whatever the lanes.
    static func common(_ bridge: ChainBridge) -> [Flow] {
        let cookie = FlowCookie(.bridge).rawValue
        let leave = FlowAction.outputField(Subfield(ChainRegister.next))
        switch bridge {
        case .multiplexer:
            // brN.local passes these, and only these, to the lane when somebody lets it switch by itself.
            return [Flow(priority: 300, Match(.reservedVLAN), cookie: cookie)]
        case .demultiplexer: return []
        case .microsegmentation:
            typealias Table = MicrosegmentationTable
            return [
                Flow(table: Table.subject.rawValue, priority: 0, cookie: cookie, goto: Table.leave.rawValue),
                Flow(table: Table.leave.rawValue, priority: 0, cookie: cookie, actions: [leave]),
            ]
        case .networkFunctions:
            typealias Table = NetworkFunctionTable
            return [
                Flow(table: Table.steer.rawValue, priority: 0, cookie: cookie, goto: Table.tap.rawValue),
                Flow(table: Table.tap.rawValue, priority: 0, cookie: cookie, goto: Table.leave.rawValue),
                Flow(table: Table.leave.rawValue, priority: 0, cookie: cookie, actions: [leave]),
            ]
        }
    }
}

extension LanePorts {
    /// The lane's way through a chain bridge, up and down.
    func passThrough(_ bridge: ChainBridge) -> [Flow] {
        guard let south = numbers[.south(bridge)], let north = numbers[.north(bridge)] else { return [] }
        return [pass(bridge, from: south, to: north, .up), pass(bridge, from: north, to: south, .down)]
    }

    private func pass(_ bridge: ChainBridge, from: UInt32, to: UInt32, _ direction: ChainDirection) -> Flow {
        let table: UInt8
        switch bridge {
        case .multiplexer, .demultiplexer:
            return Flow(priority: 100, Match(.inPort(from)), cookie: cookie, actions: [.output(to)])
        case .microsegmentation: table = MicrosegmentationTable.subject.rawValue
        case .networkFunctions: table = NetworkFunctionTable.steer.rawValue
        }
        return Flow(
            priority: 100,
            Match(.inPort(from)),
            cookie: cookie,
            actions: [
                .load(direction.rawValue, ChainRegister.direction),
                .load(UInt64(to), ChainRegister.next),
                .load(UInt64(lane.number), ChainRegister.lane),
            ],
            goto: table
        )
    }
}
