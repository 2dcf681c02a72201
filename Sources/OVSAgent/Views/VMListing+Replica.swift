import OVSDB

/// The VM ports as a pure function of the replica, the layout and what is known of the flows that serve them.
extension VMListing {
    init(replica: Replica, layout: Layout, chain: ChainStanding) {
        for declared in layout.virtualSwitches.sorted(by: { $0.lane < $1.lane }) {
            ports += Entry.all(of: declared, networks: layout.networks, in: replica, chain: chain)
        }
        ports += chain.misplaced.compactMap(Entry.init)
    }
}

extension VMListing.Entry {
    /// `nil` while the layout has no lane that it could belong to.
    fileprivate init?(_ misplaced: MisplacedVM) {
        guard let lane = misplaced.lanes.first else { return nil }
        self.init(
            port: Topology.Port(
                name: misplaced.name,
                present: false,
                interfaceID: misplaced.interfaceID,
                mac: misplaced.mac
            ),
            lane: lane,
            vm: misplaced.vm,
            vmName: misplaced.vmName,
            service: .unserved(misplaced.reason)
        )
    }

    /// Those of one virtual switch: what stands on its brN.local beside the lane's own port.
    static func all(
        of declared: Layout.VirtualSwitch,
        networks: [Layout.Network],
        in replica: Replica,
        chain: ChainStanding
    ) -> [VMListing.Entry] {
        let lane = declared.lane
        let own = [lane.localBridge, LanePort(.local, of: lane).name]
        let vlans = networks.vlans(of: declared)
        let obstacle = chain.obstacle(on: lane)
        let unserved = Dictionary(
            chain.unserved.filter { $0.lane == lane }.map { ($0.name, $0.reason) },
            uniquingKeysWith: { first, _ in first }
        )
        let contested = Dictionary(
            chain.contested.filter { $0.lane == lane }.map { ($0.other, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let served = chain.served.map { $0[lane] ?? [:] }
        let ports = replica.ports(of: lane.localBridge).filter { !own.contains($0.name) }
        let interfaces = ports.flatMap { port in
            let members = replica.interfaces(of: port)
            return members.map { (port, $0, members) }
        }
        return interfaces.map { row, interface, members in
            let port = Topology.Port(row, interface, of: members, vlans)
            let marks = interface[Interface.externalIDs]
            var service = VMListing.Service.served
            if port.interfaceID == nil {
                service = .unserved(.noVMPort(port.name))
            } else if let obstacle {
                service = .unserved(obstacle)
            } else if let pause = chain.pause {
                service = .unknown(pause)
            } else if let reason = unserved[port.name]?.reason {
                service = .unserved(interface[Interface.error].string.map { reason.with(error: $0) } ?? reason)
            } else if let served, served[port.name] == nil {
                service = .unserved(.notYet)
            } else if let contest = contested[port.name] {
                service = .contested("frames to \(contest.place) go to \(contest.owner), which declares it, too")
            }
            return VMListing.Entry(
                port: port,
                lane: lane,
                vm: VMPort.Key.vm.lazy.compactMap { marks[$0] }.first,
                vmName: marks[VMPort.Key.vmName],
                service: service,
                presence: port.mac == nil
                    ? nil : .init(served?[port.name], isGone: unserved[port.name]?.hasNoLink == true)
            )
        }.sortedNaturally(by: \.port.name)
    }
}

extension VMListing.Standing {
    fileprivate init?(_ presence: Presence?, isGone: Bool) {
        guard let presence else {
            guard isGone else { return nil }
            self = .gone
            return
        }
        self = presence.isPresent ? .present : .expected
    }
}

extension Reason {
    fileprivate static let notYet = Reason(
        "the switch has not acknowledged its flows yet",
        remedy: "that takes a moment; where it lasts, ovs-agentctl status says why"
    )

    fileprivate static func noVMPort(_ name: String) -> Reason {
        let key = "external_ids:\(VMPort.Key.interfaceID)"
        return Reason(
            "no VM port, as its interface has no \(key)",
            remedy: "ovs-vsctl set Interface \(name) \(key)=NAME makes it one"
        )
    }

    /// With what ovs-vswitchd says of the interface.
    fileprivate func with(error: String) -> Reason {
        Reason(text, remedy: (remedy.map { "\($0), " } ?? "") + "which says: \(error)")
    }
}
