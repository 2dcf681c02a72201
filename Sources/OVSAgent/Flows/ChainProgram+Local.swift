import OpenFlow

// brN.local: what a VM may send goes up the lane; what comes down goes to the VM that it is for, or to every VM of its
// VLAN but the one that sent it.

/// Tables of brN.local.
enum LocalTable: UInt8 {
    /// From a VM port: into its VLAN. From the lane: down.
    case classify = 0
    /// Takes a tag off that names no VLAN, only a priority.
    case priorityTag = 1
    /// Without a tag, from a VM port: into the port's VLAN. From the lane: down.
    case untagged = 2
    /// Checks who sends.
    case source = 3
    /// Checks what a packet tells of addresses and roads, where its sender's are declared.
    case neighbour = 4
    /// Keeps learned NICs from the addresses that others declare, and learns.
    case learn = 5
    /// Up the lane; whoever is expected by way of its claim.
    case up = 6
    /// Claims the address of an expected port that speaks, unless another port has it.
    case claimant = 7
    /// Looks whether a router solicitation had an option.
    case solicitation = 8
    case leave = 9
    /// Begins the way to the VMs.
    case down = 10
    /// Tells which of the long lists a frame's VLAN is in.
    case lists = 15
    /// From a port with a long list: goes on where the frame's VLAN is in it.
    case member = 16
    /// Take the sender's own port for the frame's `in_port`, which the switch never sends a frame back to.
    case sender = 11
    case learnedSender = 12
    /// Who has spoken with an address that several may have declared. What stands here is learned, and then confirmed.
    case claim = 13
    /// Find the port in register 0.
    case destination = 20
    case learnedDestination = 22
    case claimedDestination = 23
    /// Out to the port that was found.
    case deliver = 21
    /// To a port with a long list, where the frame's VLAN is in it.
    case listed = 24
    /// Multicast: to the trunks of every VLAN, then to the ports of the frame's.
    case flood = 30
    case floodTrunks = 31
    case floodVLAN = 32
    /// Unicast that no port is known for: to those that learn.
    case unknownTrunks = 33
    case unknownVLAN = 34
    /// Of both, to the ports with long lists.
    case floodListed = 35
    case unknownListed = 36
    /// To the port in register 0, whose address another declares, too: not what comes from that address.
    case rival = 37
    /// For ports that get the frame's VLAN without its tag: takes it off.
    case strip = 40
    /// Out to them.
    case stripped = 41
}

extension LanePorts {
    private typealias Table = LocalTable

    /// How long an address is remembered that nothing was heard from, as long as a bridge's own: seconds.
    static let learnedTimeout: UInt16 = 300

    /// What brN.local has whatever its VMs.
    func localCommon() -> [Flow] {
        guard let north = numbers[.local] else { return [] }
        let floods: [FlowAction] = [.resubmit(Table.floodTrunks), .resubmit(Table.floodListed)]
        let unknown: [FlowAction] = [.resubmit(Table.unknownTrunks), .resubmit(Table.unknownListed)]
        // What counts most comes last.
        let senders: [FlowAction] = [
            .resubmit(Table.lists), .resubmit(Table.learnedSender), .resubmit(Table.sender), .resubmit(Table.claim),
        ]
        return [
            localFlow(.classify, 300, Match(.reservedDestination)),
            localFlow(.classify, 290, Match(.multicastSource)),
            localFlow(.classify, 290, Match(.reservedVLAN)),
            localFlow(.classify, 200, Match(.inPort(north)), goto: .down),
            localFlow(.untagged, 100, Match(.inPort(north)), goto: .down),
            localFlow(.neighbour, 0, goto: .up),
            localFlow(.solicitation, 100, Match(.register(1, 1, mask: 1))),
            localFlow(.solicitation, 0, actions: [.resubmit(Table.up)]),
            localFlow(.up, 0, actions: [.output(north)]),
            localFlow(.claimant, 0, goto: .leave),
            localFlow(.leave, 0, actions: [.output(north)]),
            localFlow(
                .down,
                100,
                Match(.multicastDestination),
                actions: senders,
                goto: .flood
            ),
            localFlow(
                .down,
                0,
                actions: senders + [
                    .resubmit(Table.learnedDestination), .resubmit(Table.destination),
                    .resubmit(Table.claimedDestination),
                ],
                goto: .deliver
            ),
            localFlow(
                .deliver,
                200,
                Match(.register(0, 0)),
                actions: unknown,
                goto: .unknownVLAN
            ),
            localFlow(.flood, 0, actions: floods, goto: .floodVLAN),
        ] + tags() + AddressRule.all.map { check($0) }
    }

    /// What serves one VM port, which frames for `stations` go to.
    ///
    /// - Parameter isRival: whether another port declares its address, too.
    func localFlows(of port: VMPort, stations: [Station], isRival: Bool) -> [Flow] {
        var flows = classification(port) + delivery(port, isRival: isRival) + claiming(port)
        switch port.source {
        case .declared(let address, addresses: .none):
            flows.append(localFlow(.source, 10, Match(port.field, .ethernetSource(address)), of: port, goto: .up))
        case .declared(let address, addresses: .some(let addresses)):
            flows += checks(port, address, addresses)
        case .learned:
            let source = Match(port.field)
            flows.append(localFlow(.source, 10, source, of: port, actions: [.resubmit(Table.lists)], goto: .learn))
            flows.append(localFlow(.learn, 0, Match(port.field), of: port, actions: learning(port), goto: .up))
        }
        for station in stations {
            let priority = station.priority
            let source = station.match(source: true)
            flows.append(localFlow(.learn, priority, source, of: port))
            let sender = port.presence.isPresent ? Table.claim : .sender
            flows.append(localFlow(sender, priority, source, of: port, actions: [.load(UInt64(port.number), .inPort)]))
            flows.append(
                localFlow(
                    .destination,
                    priority,
                    station.match(source: false),
                    of: port,
                    actions: [.load(UInt64(port.number), .register0)]
                )
            )
        }
        return flows
    }

    /// Puts the port's frames into their VLAN, and drops those of others.
    private func classification(_ port: VMPort) -> [Flow] {
        var flows: [Flow] = []
        if let vlan = port.vlans.untagged {
            flows.append(
                localFlow(.untagged, 100, Match(port.field), of: port, actions: Self.tagging(vlan), goto: .source)
            )
        }
        guard case .trunk = port.vlans else { return flows }
        if let membership = lists.membership(of: port) {
            let look: [FlowAction] = [.resubmit(Table.lists), .resubmit(Table.member)]
            return flows + [
                localFlow(.classify, 90, Match(port.field, .tagged), of: port, actions: look),
                localFlow(.member, 100, Match(port.field, membership), of: port, actions: [.resubmit(Table.source)]),
            ]
        }
        guard let vlans = port.vlans.all else {
            let tagged = Match(port.field, .tagged)
            return flows + [localFlow(.classify, 90, tagged, of: port, goto: .source)]
        }
        return flows
            + vlans.filter { $0 != .untagged }.map { vlan in
                localFlow(.classify, 100, Match(port.field, vlan.field), of: port, goto: .source)
            }
    }

    /// Lets those frames of the port up that its addresses allow.
    private func checks(_ port: VMPort, _ address: EthernetAddress, _ addresses: SourceAddresses) -> [Flow] {
        addresses.matches(of: address).map {
            localFlow(.source, 100, $0.and(port.field), of: port, goto: .neighbour)
        } + addresses.rules(of: address).map { check($0, of: port) }
    }

    /// A rule of what may be told, for one port or for all.
    private func check(_ rule: AddressRule, of port: VMPort? = nil) -> Flow {
        let match = port.map { rule.match.and($0.field) } ?? rule.match
        switch rule.verdict {
        case .passes: return localFlow(.neighbour, rule.priority, match, of: port, goto: .up)
        case .refused: return localFlow(.neighbour, rule.priority, match, of: port)
        case .passesWithoutOption:
            let isLonger = Subfield(.register1, offset: 0, count: 1)
            return localFlow(
                .neighbour,
                rule.priority,
                match,
                of: port,
                actions: [
                    .checkPacketLarger(AddressRule.bareSolicitation, isLonger), .resubmit(Table.solicitation),
                ]
            )
        }
    }

    /// Sends what was found to be for the port out to it, in its VLANs only.
    private func delivery(_ port: VMPort, isRival: Bool) -> [Flow] {
        let here = FieldMatch.register(0, UInt32(port.number))
        return (isRival ? refusal(port, here) : []) + delivery(port, here, isRival: isRival)
    }

    /// Keeps what comes from the port's own address from it, where another declares that, too: the frame's `in_port`, which
    /// the switch never sends it back to, can stand for one of them only.
    private func refusal(_ port: VMPort, _ here: FieldMatch) -> [Flow] {
        port.address.map { address in
            [
                localFlow(.rival, 100, Match(here, .ethernetSource(address)), of: port),
                localFlow(.rival, 90, Match(here), of: port, actions: [port.output]),
            ]
        } ?? []
    }

    private func delivery(_ port: VMPort, _ here: FieldMatch, isRival: Bool) -> [Flow] {
        func deliver(_ vlan: VLAN) -> Flow {
            let match = Match(here, vlan.field)
            return vlan == port.vlans.stripped
                ? localFlow(.deliver, 100, match, of: port, goto: .strip)
                : localFlow(.deliver, 100, match, of: port, actions: [port.output])
        }
        if let membership = lists.membership(of: port) {
            // Floods ask here, too, and have other flows for the VLAN whose tag is taken off.
            let stripped = port.vlans.stripped.map { vlan in
                [deliver(vlan), localFlow(.listed, 100, Match(here, vlan.field), of: port)]
            }
            return (stripped ?? []) + [
                localFlow(.deliver, 90, Match(here), of: port, goto: .listed),
                localFlow(
                    .listed,
                    90,
                    Match(here, membership),
                    of: port,
                    actions: [isRival ? .resubmit(Table.rival) : port.output]
                ),
            ]
        }
        if let vlans = port.vlans.all { return vlans.map(deliver) }
        return (port.vlans.stripped.map { [deliver($0)] } ?? [])
            + [localFlow(.deliver, 90, Match(here), of: port, actions: [port.output])]
    }

    /// Lets an expected port that speaks have its address at once, before the agent hears of it. The claim of another is
    /// looked up first: else whoever spoke last would have it. What is claimed goes with this flow.
    private func claiming(_ port: VMPort) -> [Flow] {
        guard let address = port.address, let cookie = FlowCookie.claim(lane, port.presence) else { return [] }
        func claim(_ table: Table, _ field: OpenFlow.Field, _ target: Subfield) -> FlowAction {
            .learn(
                .claim(
                    address,
                    in: field,
                    table: table.rawValue,
                    cookie: cookie,
                    .load(UInt128(port.number), to: target)
                )
            )
        }
        return [
            localFlow(
                .up,
                100,
                Match(port.field),
                of: port,
                actions: [.resubmit(Table.lists), .resubmit(Table.claim)],
                goto: .claimant
            ),
            localFlow(
                .claimant,
                100,
                Match(port.field),
                of: port,
                actions: [
                    claim(.claim, .ethernetSource, Subfield(.inPort)),
                    claim(.claimedDestination, .ethernetDestination, Subfield(.register0, offset: 0, count: 16)),
                ],
                goto: .leave
            ),
        ]
    }

    /// Remembers the sender of a frame, for frames to it and from it. What is learned goes with this flow.
    private func learning(_ port: VMPort) -> [FlowAction] {
        let cookie = FlowCookie(.learned(lane, number: port.number)).rawValue
        let vlan = Learn.Spec.match(Subfield(.vlanTCI, offset: 0, count: 12))
        func learn(_ table: Table, _ address: Learn.Spec, to target: Subfield) -> FlowAction {
            .learn(
                Learn(
                    table: table.rawValue,
                    priority: 100,
                    cookie: cookie,
                    hardTimeout: Self.learnedTimeout,
                    flags: .deleteLearned,
                    specs: [vlan, address, .load(UInt128(port.number), to: target)]
                )
            )
        }
        let destination = Learn.Spec.matchField(Subfield(.ethernetDestination), from: Subfield(.ethernetSource))
        return [
            learn(.learnedDestination, destination, to: Subfield(.register0, offset: 0, count: 16)),
            learn(.learnedSender, .match(.ethernetSource), to: Subfield(.inPort)),
        ]
    }

    // MARK: Making

    func localFlow(
        _ table: LocalTable,
        _ priority: UInt16,
        _ match: Match = Match(),
        of port: VMPort? = nil,
        actions: [FlowAction] = [],
        goto: LocalTable? = nil
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

extension VMPort {
    /// Frames from the port.
    fileprivate var field: FieldMatch { .inPort(UInt32(number)) }

    /// To the port.
    fileprivate var output: FlowAction { .output(UInt32(number)) }

    /// To the port, of what is for many.
    ///
    /// - Parameter isRival: whether another port declares its address, too.
    func outputs(isRival: Bool) -> [FlowAction] {
        isRival ? [.load(UInt64(number), LocalRegister.port), .resubmit(LocalTable.rival)] : [output]
    }
}
