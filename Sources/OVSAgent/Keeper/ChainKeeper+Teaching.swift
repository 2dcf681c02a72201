import NIOCore
import NIOPosix
import OpenFlow

/// An address of a VM that has left the lane. While it was present, brN dropped frames from the wire that came from it; now
/// they pass again.
struct Unguarded: Hashable, Sendable {
    var address: EthernetAddress
    /// In which the guard was; `nil` for every VLAN.
    var vlans: [VLAN]?
}

/// Addresses that have left the lane: brN would keep frames for them from the wire, where the VMs may be now, until it hears
/// them from there, which the guard has kept it from.
///
/// The flows that the switch has say who was present, and not what this agent remembers: a VM may have left while no agent
/// was at work, or another one.
extension ChainKeeper {
    /// Has brN believe that these addresses are on the wire.
    func teach(_ bridge: String, _ unguarded: [Unguarded]) {
        guard !unguarded.isEmpty, let lane = resolved?.first(where: { $0.lane.uplinkBridge == bridge }),
            let kept = bridges[bridge]
        else { return }
        let present = Set(lane.vmPorts.filter(\.presence.isPresent).compactMap(\.address))
        let left = unguarded.filter { !present.contains($0.address) }
        bridges[bridge]?.taught.note(left.map(\.address), now: .now())
        let asARP = lanes?.balancedBySource.contains(lane.lane) == true
        let packets = left.flatMap { $0.teaching(from: lane.uplinkMembers, asGratuitousARP: asARP) }
        if !packets.isEmpty {
            // Where a member has gone meanwhile, nothing is learned by it.
            attend(bridge, kept.connection.apply(packets.map { .packet($0) }))
        }
        let everywhere = Set(left.filter { $0.vlans == nil }.map(\.address))
        if !everywhere.isEmpty { teachEverywhere(bridge, everywhere) }
    }

    /// Has no port of the bridge count as served before this is done or has failed.
    private func attend(_ bridge: String, _ lesson: EventLoopFuture<Void>) {
        guard let connection = bridges[bridge]?.connection else { return }
        let taught = ObjectIdentifier(connection)
        bridges[bridge]?.lessons += 1
        lesson.whenComplete { _ in
            self.assumeIsolated { keeper in
                // It may be another bridge of the name.
                guard let kept = keeper.bridges[bridge], ObjectIdentifier(kept.connection) == taught else { return }
                keeper.bridges[bridge]?.lessons -= 1
                keeper.keep(bridge)
            }
        }
    }

    /// A VM is here after all whose address brN was taught to look for on the wire. The frame by which it was heard may have
    /// come before brN had the flows that learn from such a frame: where it is still looked for elsewhere, brN forgets all
    /// that it has learned, and sends everywhere what it does not know until it hears of it.
    func cameBack(_ address: EthernetAddress, on lane: Lane) {
        let bridge = lane.uplinkBridge
        guard bridges[bridge]?.taught.take(address) == true else { return }
        let isAsking = bridges[bridge]?.returned.isEmpty == false
        bridges[bridge]?.returned.insert(address)
        if !isAsking { attend(bridge, lookForReturned(bridge)) }
    }

    /// Done once brN looks for none of them elsewhere, also of those that come meanwhile.
    private func lookForReturned(_ bridge: String) -> EventLoopFuture<Void> {
        let asked = bridges[bridge]?.returned ?? []
        return askSwitch("fdb/show", bridge).flatMap { table in
            self.assumeIsolated { keeper -> EventLoopFuture<Void> in
                guard let lane = keeper.resolved?.first(where: { $0.lane.uplinkBridge == bridge }),
                    let port = lane.numbers[.uplink],
                    LearnedAddress.all(in: table).contains(where: { asked.contains($0.address) && $0.port != port })
                else { return keeper.eventLoop.makeSucceededVoidFuture() }
                return keeper.askSwitch("fdb/flush", bridge).map { _ in }
            }
        }.flatMapErrorThrowing { _ in
            // One that can't be asked has nothing any more, or hangs.
        }.flatMap {
            self.assumeIsolated { keeper -> EventLoopFuture<Void> in
                keeper.bridges[bridge]?.returned.subtract(asked)
                let isDone = keeper.bridges[bridge]?.returned.isEmpty ?? true
                return isDone ? keeper.eventLoop.makeSucceededVoidFuture() : keeper.lookForReturned(bridge)
            }
        }
    }

    /// Has brN forget what it learned of stations behind ports of a brN.local that learn and go, and believe that those are on
    /// the wire which it still looks for down the lane: as soon as it can be reached.
    func forget(_ stations: Set<LearnedStation>, behind local: String) {
        guard !stations.isEmpty, let lane = Lane(localBridge: local) else { return }
        bridges[lane.uplinkBridge]?.departed.formUnion(stations)
        forgetDeparted(lane.uplinkBridge)
    }

    /// Does so for what went with a port that learns and is none any more: it may have been learned so late that the agent
    /// did not know of it when it took the port's flows away.
    func forget(_ changes: [SwitchChange], behind local: String) {
        let gone = changes.compactMap { change -> (station: LearnedStation, number: UInt16)? in
            guard case .flowRemoved(let flow, .deleted) = change, let port = FlowCookie.learned(flow.cookie),
                let station = LearnedStation(flow)
            else { return nil }
            return (station, port.number)
        }
        guard !gone.isEmpty, let lane = resolved?.first(where: { $0.lane.localBridge == local }) else { return }
        let learning = Set(lane.vmPorts.filter(\.learns).map(\.number))
        forget(Set(gone.filter { !learning.contains($0.number) }.map(\.station)), behind: local)
    }

    func forgetDeparted(_ bridge: String) {
        guard let kept = bridges[bridge], !kept.departed.isEmpty, resolved != nil, case .up = kept.connection.state
        else { return }
        let stations = kept.departed
        bridges[bridge]?.departed = []
        let mods = stations.map { station in
            let match = Match(.vlanTCI(station.vlan.number, mask: 0xfff), .ethernetDestination(station.address))
            return FlowMod.delete(FlowFilter(table: UplinkTable.learned.rawValue, match: match))
        }
        kept.connection.commit(mods).whenFailure { _ in
            // When it is there again.
            self.assumeIsolated { $0.bridges[bridge]?.departed.formUnion(stations) }
        }
        teachWhereBelieved(bridge) { stations.contains(LearnedStation(address: $0.address, vlan: $0.vlan)) }
    }

    /// Asks in which VLANs brN believes these addresses down the lane, of which no flow tells it, and teaches it in those.
    private func teachEverywhere(_ bridge: String, _ addresses: Set<EthernetAddress>) {
        teachWhereBelieved(bridge) { addresses.contains($0.address) }
    }

    private func teachWhereBelieved(_ bridge: String, _ isMeant: @escaping @Sendable (LearnedAddress) -> Bool) {
        askSwitch("fdb/show", bridge).whenSuccess { table in
            self.assumeIsolated { keeper in
                guard let lane = keeper.resolved?.first(where: { $0.lane.uplinkBridge == bridge }),
                    let port = lane.numbers[.uplink]
                else { return }
                let known = LearnedAddress.all(in: table).filter { $0.port == port && isMeant($0) }
                let vlans = Dictionary(grouping: known, by: \.address).mapValues { $0.map(\.vlan).sorted() }
                keeper.teach(bridge, vlans.map { Unguarded(address: $0.key, vlans: $0.value) })
            }
        }
    }

    private func askSwitch(_ command: String, _ bridge: String) -> EventLoopFuture<String> {
        let (folder, loop) = (openFlowFolder, eventLoop)
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) { try SwitchSocket.path(in: folder) }.flatMap {
            socket in
            UnixctlClient.ask(
                "ovs-vswitchd",
                command,
                [bridge],
                at: socket,
                on: loop,
                until: .now() + Self.patienceWithTable
            )
        }.flatMapThrowing { try UnixctlClient.result($0) }
    }

    private static let patienceWithTable = TimeAmount.seconds(5)
}

/// An address that was heard from behind a VM port, and in which VLAN.
struct LearnedStation: Hashable, Sendable {
    var address: EthernetAddress
    var vlan: VLAN

    init(address: EthernetAddress, vlan: VLAN) { (self.address, self.vlan) = (address, vlan) }

    /// What a flow of a brN.local tells that was learned; `nil` for another flow.
    init?(_ flow: Flow) {
        guard flow.table == LocalTable.learnedDestination.rawValue, let address = flow.match[.ethernetDestination],
            let tag = flow.match[.vlanTCI], let vlan = VLAN(Int(tag.value & 0xfff))
        else { return nil }
        self.init(address: EthernetAddress(rawValue: UInt64(truncatingIfNeeded: address.value)), vlan: vlan)
    }
}

/// The addresses of which a brN was told that they are on the wire: a pure value on the caller's clock.
struct TaughtAddresses: Hashable, Sendable {
    /// Longer than a switch believes what it does not hear again (`mac-aging-time`, ovs-vswitchd.conf.db(5), at most an hour).
    private static let memory = TimeAmount.hours(1)

    private var taughtAt: [EthernetAddress: NIODeadline] = [:]

    mutating func note(_ addresses: [EthernetAddress], now: NIODeadline) {
        taughtAt = taughtAt.filter { now - $0.value < Self.memory }
        for address in addresses { taughtAt[address] = now }
    }

    /// Whether an address was; it is forgotten.
    mutating func take(_ address: EthernetAddress) -> Bool { taughtAt.removeValue(forKey: address) != nil }
}

/// A line of what a bridge has learned by switching (ovs-vswitchd(8), `fdb/show`).
struct LearnedAddress: Hashable, Sendable {
    var port: UInt32
    var vlan: VLAN
    var address: EthernetAddress

    /// Those by ports with a number.
    static func all(in table: String) -> [LearnedAddress] {
        table.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 4, let port = UInt32(words[0]), let vlan = Int(words[1]).flatMap(VLAN.init),
                let address = EthernetAddress(String(words[2]))
            else { return nil }
            return LearnedAddress(port: port, vlan: vlan, address: address)
        }
    }
}

extension KeptFlows {
    /// The addresses of which brN's guard goes with these changes.
    func unguarded(by mods: [FlowMod]) -> [Unguarded] {
        mods.compactMap { mod in
            if case .deleteStrict(let key, _) = mod { installed[key].flatMap(unguarded) } else { nil }
        }
    }

    /// The same of claims that went with what had made them, before anybody asked for it.
    func unguarded(by changes: [SwitchChange]) -> [Unguarded] {
        changes.compactMap { change in
            if case .flowRemoved(let flow, _) = change, FlowCookie.isClaim(flow.cookie) { unguarded(flow) } else { nil }
        }
    }

    private func unguarded(_ flow: Flow) -> Unguarded? {
        guard flow.table == UplinkTable.wire.rawValue,
            FlowCookie.vmPort(flow.cookie) != nil || FlowCookie.isClaim(flow.cookie),
            let address = flow.match[.ethernetSource]
        else { return nil }
        return Unguarded(
            address: EthernetAddress(rawValue: UInt64(truncatingIfNeeded: address.value)),
            vlans: vlans(of: flow.match)
        )
    }

    /// What was learned on a brN.local by flows that go with these changes, so that it goes, too.
    func unlearned(by mods: [FlowMod]) -> Set<LearnedStation> {
        var cookies: Set<UInt64> = []
        for case .deleteStrict(let key, _) in mods where key.table == LocalTable.learn.rawValue {
            for case .learn(let learn) in installed[key]?.instructions.actions ?? [] { cookies.insert(learn.cookie) }
        }
        guard !cookies.isEmpty else { return [] }
        let learned = installed.values.filter {
            $0.table == LocalTable.learnedDestination.rawValue && cookies.contains($0.cookie)
        }
        return Set(learned.compactMap(LearnedStation.init))
    }

    /// What the flow of a VM port on brN asks of the VLAN: one, or the bit of a list.
    private func vlans(of match: Match) -> [VLAN]? {
        if let field = match[.vlanTCI], field.mask & 0xfff == 0xfff {
            return VLAN(Int(field.value & 0xfff)).map { [$0] } ?? []
        }
        guard let bit = VLANLists.bit(of: match) else { return nil }
        return installed.values.compactMap { flow in
            guard flow.table == UplinkTable.lists.rawValue, VLANLists.loads(bit, flow), let field = flow.match[.vlanTCI]
            else { return nil }
            return VLAN(Int(field.value & 0xfff))
        }.sorted()
    }
}

extension Unguarded {
    /// More VLANs than this are not worth it: brN forgets an address that is not heard from by itself.
    private static let mostVLANs = 64

    /// Packets from the address, and to it, by the members of a bond, which takes them as it takes frames off the wire.
    ///
    /// - Parameter asGratuitousARP: what balance-slb believes, and only that (ovs-vswitchd.conf.db(5), `bond_mode`).
    fileprivate func teaching(from ports: [UInt32], asGratuitousARP: Bool) -> [PacketOut] {
        (vlans ?? []).prefix(Self.mostVLANs).flatMap { vlan in
            let frame = asGratuitousARP ? [UInt8].gratuitousARP(address, vlan) : [UInt8].teaching(address, vlan)
            return ports.map { PacketOut(frame, from: $0, actions: [.normal]) }
        }
    }
}

extension [UInt8] {
    /// An answer that nobody asked for, which names no IP address (RFC 5227, 1.1: a probe's sender is all zeroes).
    fileprivate static func gratuitousARP(_ address: EthernetAddress, _ vlan: VLAN) -> [UInt8] {
        let (mac, none) = (address.bytes, [UInt8](repeating: 0, count: 4))
        return EthernetAddress.broadcast.bytes + mac + vlan.tag + [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2] + mac + none
            + mac
            + none + [UInt8](repeating: 0, count: 18)
    }

    /// A frame of the least length from an address to itself, of a type that is kept for experiments (IEEE 802, 9.2.3).
    fileprivate static func teaching(_ address: EthernetAddress, _ vlan: VLAN) -> [UInt8] {
        let mac = address.bytes
        return mac + mac + vlan.tag + [0x88, 0xb5] + [UInt8](repeating: 0, count: 46)
    }
}
