import OVSDB

/// The topology as a pure function of the replica and the layout: every place of the chain is shown, there or not.
extension Topology {
    init(replica: Replica, layout: Layout) {
        virtualSwitches = layout.virtualSwitches.map { VirtualSwitch($0, networks: layout.networks, in: replica) }
    }
}

extension Topology.VirtualSwitch {
    fileprivate init(_ declared: Layout.VirtualSwitch, networks: [Layout.Network], in replica: Replica) {
        let lane = declared.lane
        name = declared.name
        bridge = lane.uplinkBridge
        bridgePresent = replica["Bridge"][name: bridge] != nil
        uplink = declared.uplink.map { uplink in
            let found = Status.Uplink(uplink, on: lane.uplinkBridge, in: replica)
            return Topology.Uplink(name: found.name, present: found.isPresent, members: found.members)
        }
        let vlans = Dictionary(
            networks.filter { $0.virtualSwitch == declared.name }.map { ($0.name, $0.vlan) },
            uniquingKeysWith: { first, _ in first }
        )
        let ports = replica.ports(of: bridge).map { Topology.Port($0, vlans, in: replica) }
        let owned = [bridge, declared.uplink?.name, LanePort(.uplink, of: lane).name]
        hostPort = ports.first { $0.name == lane.uplinkBridge } ?? Topology.Port(name: bridge, present: false)
        directPorts = ports.filter { !owned.contains($0.name) }
        let hops = Hop.all(of: lane)
        let hopBridges = [bridge] + hops.map(\.bridge)
        chain = zip(hops, hopBridges).map { hop, wireBridge in
            Topology.Hop(
                wireSide: Topology.PatchPort(hop.wireSide, on: wireBridge, in: replica),
                vmSide: Topology.PatchPort(hop.vmSide, on: hop.bridge, in: replica),
                bridge: hop.bridge,
                bridgePresent: replica["Bridge"][name: hop.bridge] != nil
            )
        }
        let local = [lane.localBridge, hops.last?.vmSide]
        vmPorts = replica.ports(of: lane.localBridge).filter { !local.contains($0.name) }
            .map { Topology.Port($0, vlans, in: replica) }
    }
}

/// One patch pair of a lane: the port nearer to the wire, the port nearer to the VMs, and the bridge that this one is on.
private struct Hop {
    var wireSide: String
    var vmSide: String
    var bridge: String

    /// From brN to brN.local.
    static func all(of lane: Lane) -> [Hop] {
        LanePort.all(of: lane).reversed().filter { !$0.isSouth }.map { vmSide in
            Hop(wireSide: vmSide.peer.name, vmSide: vmSide.name, bridge: vmSide.bridge)
        }
    }
}

extension LanePort {
    /// Whether the port leads toward the VMs.
    fileprivate var isSouth: Bool {
        switch place {
        case .south, .uplink: true
        case .local, .north: false
        }
    }
}

extension Topology.Port {
    fileprivate init(_ port: Row, _ networks: [String: Int], in replica: Replica) {
        name = port.name
        let network = port["external_ids"]["ovs-agent-network"]
        vlans = Topology.VLANs(
            tag: network.flatMap { networks[$0] } ?? port["tag"].integer.map { Int($0) },
            trunks: port["trunks"].atoms.compactMap { if case .integer(let vlan) = $0 { Int(vlan) } else { nil } },
            network: network
        )
        guard let interface = port["interfaces"].uuids.lazy.compactMap({ replica["Interface"][$0] }).first else {
            return
        }
        ofport = interface["ofport"].portNumber
        interfaceID = interface["external_ids"]["iface-id"]
        mac = interface["external_ids"]["attached-mac"]
        role = port["external_ids"]["ovs-agent-port"] ?? interface["external_ids"]["ovs-agent-port"]
    }
}

extension Topology.PatchPort {
    fileprivate init(_ name: String, on bridge: String, in replica: Replica) {
        self.name = name
        present = false
        guard let port = replica["Port"][name: name], let interface = replica["Interface"][name: name],
            replica["Bridge"][name: bridge]?["ports"].contains(.uuid(port.uuid)) == true,
            port["interfaces"].contains(.uuid(interface.uuid))
        else { return }
        present = true
        ofport = interface["ofport"].portNumber
        peer = interface["options"]["peer"]
    }
}

extension Datum {
    /// An `ofport`; ovs-vswitchd writes -1 where it could not make the port.
    fileprivate var portNumber: Int? { integer.flatMap { $0 >= 0 ? Int($0) : nil } }
}

extension Replica {
    /// The ports of a bridge, sorted by name.
    fileprivate func ports(of bridge: String) -> [Row] {
        let ports = self["Bridge"][name: bridge]?["ports"].uuids ?? []
        return ports.compactMap { self["Port"][$0] }.sorted { $0.name < $1.name }
    }
}
