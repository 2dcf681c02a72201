import OVSDB

/// The topology as a pure function of the replica and the layout: every place of the chain is shown, there or not.
extension Topology {
    /// - Parameter chain: what is known of how VM ports are served; without it they are left out, which cost the most
    ///   where there are many.
    init(replica: Replica, layout: Layout, chain: ChainStanding?) {
        virtualSwitches = layout.virtualSwitches.map { declared in
            VirtualSwitch(declared, networks: layout.networks, in: replica, standing: chain)
        }
    }
}

extension Topology.VirtualSwitch {
    fileprivate init(
        _ declared: Layout.VirtualSwitch,
        networks: [Layout.Network],
        in replica: Replica,
        standing: ChainStanding?
    ) {
        let lane = declared.lane
        self.lane = lane
        name = declared.name
        bridge = lane.uplinkBridge
        bridgePresent = replica.bridge(named: bridge) != nil
        uplink = declared.uplink.map { uplink in
            let found = Status.Uplink(uplink, on: lane.uplinkBridge, in: replica)
            return Topology.Uplink(name: found.name, present: found.isPresent, members: found.members)
        }
        let vlans = networks.vlans(of: declared)
        let ports = replica.ports(of: bridge).map { Topology.Port($0, vlans, in: replica) }
        let owned = [bridge, declared.uplink?.name, LanePort(.uplink, of: lane).name]
        hostPort = ports.first { $0.name == lane.uplinkBridge } ?? Topology.Port(name: bridge, present: false)
        directPorts = ports.filter { !owned.contains($0.name) }
        // From the wire to the VMs each pair begins with the port that leads toward the VMs.
        chain = LanePort.all(of: lane).reversed().filter(\.place.leadsToVMs).map { port in
            Topology.Hop(
                wireSide: Topology.PatchPort(port, in: replica),
                vmSide: Topology.PatchPort(port.peer, in: replica),
                bridge: port.peer.bridge,
                bridgePresent: replica.bridge(named: port.peer.bridge) != nil
            )
        }
        vmPorts =
            standing.map {
                VMListing.Entry.all(of: declared, networks: networks, in: replica, chain: $0)
            } ?? []
    }
}

extension Topology.Port {
    fileprivate init(_ port: Row, _ networks: [String: Int], in replica: Replica) {
        let members = replica.interfaces(of: port)
        self.init(port, members.first, of: members, networks)
        name = port.name
    }

    /// Of one of a port's interfaces; `members` are all.
    init(_ port: Row, _ interface: Row?, of members: [Row], _ networks: [String: Int]) {
        name = interface?.name ?? port.name
        vlans = Topology.VLANs(port, members: members, networks: networks)
        guard let interface else { return }
        ofport = interface[Interface.ofport].portNumber
        interfaceID = interface[Interface.externalIDs][VMPort.Key.interfaceID]
        mac = interface[Interface.externalIDs][VMPort.Key.attachedMAC]
        role = port[Port.externalIDs][ControllerPort.key] ?? interface[Interface.externalIDs][ControllerPort.key]
    }
}

extension [Layout.Network] {
    /// The VLANs of a virtual switch's networks, by name.
    func vlans(of declared: Layout.VirtualSwitch) -> [String: Int] {
        Dictionary(
            filter { $0.virtualSwitch == declared.name }.map { ($0.name, $0.vlan) },
            uniquingKeysWith: { first, _ in first }
        )
    }
}

extension Topology.PatchPort {
    fileprivate init(_ lanePort: LanePort, in replica: Replica) {
        name = lanePort.name
        present = false
        guard let port = replica.port(named: name), let interface = replica.interface(named: name),
            replica.bridge(named: lanePort.bridge)?[Bridge.ports].contains(.uuid(port.uuid)) == true,
            port[Port.interfaces].contains(.uuid(interface.uuid))
        else { return }
        present = true
        ofport = interface[Interface.ofport].portNumber
        peer = interface[Interface.options]["peer"]
    }
}

extension LanePort.Place {
    fileprivate var leadsToVMs: Bool {
        switch self {
        case .uplink, .south: true
        case .local, .north: false
        }
    }
}

extension Datum {
    /// An `ofport`; ovs-vswitchd writes -1 where it could not make the port.
    fileprivate var portNumber: Int? { integer.flatMap { $0 >= 0 ? Int($0) : nil } }
}
