/// One port as the switch itself describes it (OpenFlow 1.4, 7.2.1).
public struct SwitchPort: Hashable, Sendable {
    /// 1 to 65279, or ``local``.
    public var number: UInt32
    /// The interface's name, of which OpenFlow carries the first 15 bytes.
    public var name: String
    /// The interface's own MAC address.
    public var hardwareAddress: EthernetAddress
    public var configuration: Configuration
    public var state: State

    public init(
        number: UInt32,
        name: String,
        hardwareAddress: EthernetAddress = EthernetAddress(rawValue: 0),
        configuration: Configuration = [],
        state: State = []
    ) {
        self.number = number
        self.name = name
        self.hardwareAddress = hardwareAddress
        self.configuration = configuration
        self.state = state
    }

    /// The number of the port that has the bridge's own name.
    public static let local: UInt32 = 0xffff_fffe

    /// The highest number of an ordinary port in Open vSwitch.
    static let highest: UInt32 = 0xfeff

    /// What an administrator set, for example with `ovs-ofctl mod-port`.
    public struct Configuration: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let down = Configuration(rawValue: 1 << 0)
        public static let noReceive = Configuration(rawValue: 1 << 2)
        public static let noForward = Configuration(rawValue: 1 << 5)
        public static let noPacketIn = Configuration(rawValue: 1 << 6)
    }

    /// What the switch found.
    public struct State: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let linkDown = State(rawValue: 1 << 0)
        public static let blocked = State(rawValue: 1 << 1)
        public static let live = State(rawValue: 1 << 2)
    }
}

/// The ports that a switch has now, found by name or by number in constant time.
public struct SwitchPorts: Hashable, Sendable, Sequence {
    private var byNumber: [UInt32: SwitchPort] = [:]
    /// Of several ports with one name, which only names cut to 15 bytes can have, any one.
    private var numbers: [String: UInt32] = [:]

    public init(_ ports: some Sequence<SwitchPort> = []) {
        for port in ports { insert(port) }
    }

    /// The port of this name. A name longer than 15 bytes stands for its first 15, so it may find a neighbour's port.
    public subscript(name: String) -> SwitchPort? {
        let carried = name.utf8.count <= 15 ? name : String(decoding: name.utf8.prefix(15), as: UTF8.self)
        return numbers[carried].flatMap { byNumber[$0] }
    }

    public subscript(number number: UInt32) -> SwitchPort? { byNumber[number] }

    public var count: Int { byNumber.count }

    /// In no particular order.
    public func makeIterator() -> some IteratorProtocol<SwitchPort> { byNumber.values.makeIterator() }

    /// In the order of their numbers.
    public var sorted: [SwitchPort] { byNumber.values.sorted { $0.number < $1.number } }

    /// Adds a port, or replaces the one of the same number.
    mutating func insert(_ port: SwitchPort) {
        if let old = byNumber.updateValue(port, forKey: port.number), old.name != port.name { forgetName(of: old) }
        numbers[port.name] = port.number
    }

    mutating func remove(number: UInt32) {
        if let old = byNumber.removeValue(forKey: number) { forgetName(of: old) }
    }

    /// Does what the switch is asked to do: what we change of a port, it does not announce to us.
    mutating func apply(_ mod: PortMod) {
        guard var port = byNumber[mod.number], port.hardwareAddress == mod.hardwareAddress else { return }
        port.configuration = port.configuration.subtracting(mod.mask).union(mod.configuration.intersection(mod.mask))
        byNumber[port.number] = port
    }

    private mutating func forgetName(of port: SwitchPort) {
        guard numbers[port.name] == port.number else { return }
        // Only a name of 15 bytes can stand for a second port, so only such a name costs a search.
        let twin = port.name.utf8.count < 15 ? nil : byNumber.values.first { $0.name == port.name }
        numbers[port.name] = twin?.number
    }

    /// Whether these ports have the same names and numbers, whatever else of them differs.
    public func areNumbered(as other: SwitchPorts) -> Bool { numbers == other.numbers }

    /// Whether the links of these ports are up and down alike.
    public func areLinked(as other: SwitchPorts) -> Bool {
        count == other.count
            && byNumber.allSatisfy { number, port in
                other[number: number]?.state.contains(.linkDown) == port.state.contains(.linkDown)
            }
    }

    // The name index follows from the ports.
    public static func == (a: SwitchPorts, b: SwitchPorts) -> Bool { a.byNumber == b.byNumber }
    public func hash(into hasher: inout Hasher) { hasher.combine(byNumber) }
}
