import OpenFlow

// brN: a frame from the lane goes out as a switch would send it, and back down the lane when it is for another VM of
// the host, which NORMAL never does. All else on brN is the bridge's own to switch.

/// Tables of brN. All but the first stand above those that an operator is likely to use.
enum UplinkTable: UInt8, CaseIterable {
    /// The operator's, too.
    case shared = 0
    /// From the lane: learns the addresses that no VM declares.
    case lane = 240
    /// From the lane: up, down, or both.
    case destination = 241
    /// Addresses learned from the lane.
    case learned = 242
    /// What nobody declares.
    case undeclared = 243
    /// From the wire: VMs that are present on this host don't stand there.
    case wire = 244
    /// For a VM that is expected: up and down, until it has spoken.
    case expected = 245
    /// Tells which of the long lists a frame's VLAN is in.
    case lists = 246
    /// The first frames of a VM that was expected: past NORMAL, too, which learns where it stands now.
    case arrival = 247
    /// From the wire, with the address of a VM that is present here.
    case guarded = 248
    /// Marks what of it announced that the VM is there. No frame comes here.
    case announced = 249
}

extension LanePorts {
    private typealias Table = UplinkTable

    /// What brN has whatever its VMs.
    func uplinkCommon() -> [Flow] {
        guard let lanePort = numbers[.uplink] else { return [.standalone] }
        let fromLane = FieldMatch.inPort(lanePort)
        let members = uplinkMembers.sorted().map { member in
            flow(.shared, 150, Match(.inPort(member)), actions: [.resubmit(Table.lists)], goto: .wire)
        }
        return [
            .standalone,
            flow(.shared, 300, Match(fromLane, .reservedDestination)),
            flow(.shared, 200, Match(fromLane), actions: [.resubmit(Table.lists)], goto: .lane),
            flow(.lane, 0, actions: [.learn(learning)], goto: .destination),
            flow(.destination, 200, Match(.multicastDestination), actions: [.normal, .inPort]),
            flow(.destination, 0, actions: [.resubmit(Table.learned)], goto: .undeclared),
            flow(.undeclared, 100, Match(.register(0, 1)), actions: down),
            flow(.undeclared, 0, actions: [.normal]),
            flow(.expected, 100, Match(.register(0, 1)), actions: down),
            flow(.expected, 0, actions: [.normal, .inPort]),
            flow(.arrival, 0),
            flow(.arrival, 100, Match(.register(1, 1)), actions: [.normal]),
            flow(.wire, 0, actions: [.normal]),
            flow(.guarded, 0),
        ] + members + announcementMarks
    }

    /// What brN knows of one VM port, which frames for `stations` go to.
    ///
    /// One that is present is nowhere else. One that is expected may still speak from the wire, and frames for it go
    /// there, too, until it speaks from the lane: that claims its address at once, before the agent hears of it.
    func uplinkFlows(of port: VMPort, stations: [Station]) -> [Flow] {
        stations.flatMap { station in
            let (source, destination) = (station.match(source: true), station.match(source: false))
            let (lane, away) = (Table.lane, Table.destination)
            if let cookie = FlowCookie.claim(self.lane, port.presence) {
                return [
                    flow(
                        lane,
                        station.priority,
                        source,
                        of: port,
                        actions: claims(station.address, cookie) + [.load(1, .register1)],
                        goto: .destination
                    ),
                    flow(
                        away,
                        station.priority,
                        destination,
                        of: port,
                        actions: [.resubmit(Table.learned)],
                        goto: .expected
                    ),
                ]
            }
            return [
                flow(lane, station.priority, source, of: port, goto: .destination),
                flow(away, station.priority, destination, of: port, actions: down),
                flow(.wire, station.priority, source, of: port, goto: .guarded),
            ]
        }
    }

    /// Back down the lane, where NORMAL never sends a frame from the lane.
    private var down: [FlowAction] { [.resubmit(Table.arrival), .inPort] }

    /// What a frame of an expected port makes of brN: frames for it go down the lane only, and none comes from the wire.
    private func claims(_ address: EthernetAddress, _ cookie: UInt64) -> [FlowAction] {
        [
            .learn(
                .claim(
                    address,
                    in: .ethernetDestination,
                    table: Table.learned.rawValue,
                    cookie: cookie,
                    .load(1, to: Subfield(.register0))
                )
            ),
            .learn(.claim(address, in: .ethernetSource, table: Table.wire.rawValue, cookie: cookie)),
        ]
    }

    /// Remembers that the sender of a frame stands down the lane.
    private var learning: Learn {
        Learn(
            table: Table.learned.rawValue,
            priority: 100,
            cookie: FlowCookie(.learned(lane, number: 0)).rawValue,
            hardTimeout: Self.learnedTimeout,
            specs: [
                .match(Subfield(.vlanTCI, offset: 0, count: 12)),
                .matchField(Subfield(.ethernetDestination), from: Subfield(.ethernetSource)),
                .load(1, to: Subfield(.register0)),
            ]
        )
    }

    private func flow(
        _ table: Table,
        _ priority: UInt16,
        _ match: Match = Match(),
        of port: VMPort? = nil,
        actions: [FlowAction] = [],
        goto: Table? = nil
    ) -> Flow {
        Flow(
            table: table.rawValue,
            priority: priority,
            match,
            cookie: port.map(cookie(of:)) ?? cookie,
            actions: actions,
            goto: goto?.rawValue
        )
    }
}

extension Flow {
    /// The flow that a standalone bridge has by itself (ovs-vswitchd.conf.db(5), `fail_mode`).
    static let standalone = Flow(priority: 0, actions: [.normal])
}

extension FlowMod {
    /// Takes away what brN learned of an address before this flow, which sends frames for it down the lane to the VM port
    /// that declares it. Left there, it would do that still for a while when the VM has gone to another host.
    static func forgetting(_ flow: Flow) -> FlowMod? {
        guard flow.table == UplinkTable.destination.rawValue, FlowCookie.vmPort(flow.cookie) != nil,
            let address = flow.match[.ethernetDestination]
        else { return nil }
        return .delete(FlowFilter(table: UplinkTable.learned.rawValue, match: Match(address)))
    }
}
