import JSONRPC
import OVSDB
import OpenFlow

/// What the rows of a brN show that is allowed and can keep frames from where they should go: pure. Each is a line of the
/// status, with the remedy.
///
/// The cost is in proportion to the ports of brN and the addresses of VM ports; where the uplink does not carry every VLAN,
/// also to the ports of brN.local.
enum Doubts {
    /// - Parameter addresses: those that VM ports declare, by the rows of their interfaces.
    static func all(in replica: Replica, _ layout: Layout, addresses: [(UUID, EthernetAddress)]) -> [String] {
        layout.virtualSwitches.flatMap { declared -> [String] in
            guard let bridge = replica.bridge(named: declared.lane.uplinkBridge) else { return [] }
            let direct = directPorts(declared, in: replica)
            return hostPort(declared, in: replica) + uplink(declared, layout, in: replica)
                + interfaces(declared, in: replica)
                + direct.compactMap { bypass($0, declared) } + twins(direct, addresses, declared, in: replica)
                + blocking(bridge)
        }
    }

    /// How somebody changes a value that may be as found, and would be put back.
    static func remedy(_ command: String, _ object: String) -> String {
        """
        ovs-agentctl pause --for 600 --reason "\(object)"; \(command); ovs-agentctl adopt "\(object)"; ovs-agentctl resume
        """
    }

    // MARK: brN

    /// Spanning trees and lists of VLANs, with which the bridge itself holds frames back.
    private static func blocking(_ bridge: Row) -> [String] {
        let name = bridge.name
        let trees = [Bridge.stpEnable, Bridge.rstpEnable].filter { bridge[$0].boolean == true }.map(\.name).map {
            column in
            """
            Bridge \(name) has \(column), with which it may block the uplink or the way to the VMs: \
            \(remedy("ovs-vsctl set Bridge \(name) \(column)=false", "Bridge \(name)")), if that is not meant
            """
        }
        let key = "mcast-snooping-disable-flood-unregistered"
        let isPicky = bridge[Bridge.mcastSnoopingEnable].boolean == true && bridge[Bridge.otherConfig][key] == "true"
        let groups = """
            Bridge \(name) gives multicast only to who asked for it (\(key)), which can cut IPv6's neighbour discovery: \
            \(remedy("ovs-vsctl remove Bridge \(name) other_config \(key)", "Bridge \(name)")), if that is not meant
            """
        let found = trees + (isPicky ? [groups] : [])
        guard !bridge[Bridge.floodVLANs].isEmpty else { return found }
        return found + [
            """
            Bridge \(name) learns no address in the VLANs \(bridge[Bridge.floodVLANs]) (flood_vlans): \
            \(remedy("ovs-vsctl clear Bridge \(name) flood_vlans", "Bridge \(name)")), if that is not meant
            """
        ]
    }

    private static func hostPort(_ declared: Layout.VirtualSwitch, in replica: Replica) -> [String] {
        let name = declared.lane.uplinkBridge
        guard let port = replica.port(named: name),
            let uplink = declared.uplink.flatMap({ replica.port(named: $0.name) }),
            [port, uplink].allSatisfy({ $0[Port.protected].boolean == true })
        else { return [] }
        return [
            """
            Ports \(name) and \(uplink.name) are both protected, so that no frame goes between the host and the wire: \
            \(remedy("ovs-vsctl set Port \(name) protected=false", "Port \(name)"))
            """
        ]
    }

    /// What limits the frames of the host port and of the NICs themselves.
    private static func interfaces(_ declared: Layout.VirtualSwitch, in replica: Replica) -> [String] {
        let host = replica.interface(named: declared.lane.uplinkBridge)
        let port = declared.uplink.flatMap { replica.port(named: $0.name) }
        let rows = port.map(replica.interfaces(of:)) ?? []
        let members = rows.sortedNaturally(by: \.name)
        let policed = ((host.map { [$0] } ?? []) + members).flatMap { row in
            [Interface.ingressPolicingRate, Interface.ingressPolicingKpktsRate].compactMap { column -> String? in
                guard let rate = row[column].integer, rate > 0 else { return nil }
                let unit = column == Interface.ingressPolicingRate ? "kbit/s" : "thousand frames a second"
                return """
                    Interface \(row.name) drops what comes in above \(rate) \(unit) (\(column.name)): \
                    ovs-vsctl set Interface \(row.name) \(column.name)=0, if that is not meant
                    """
            }
        }
        guard let host, let mtu = host[Interface.mtu].integer else { return policed }
        return policed
            + members.compactMap { row in
                guard let own = row[Interface.mtu].integer, own < mtu else { return nil }
                return """
                    Interface \(row.name) has an MTU of \(own) and the host port \(host.name) one of \(mtu), so the host's \
                    longer frames do not reach the wire: state mtu in the layout, or ip link set \(host.name) mtu \(own)
                    """
            }
    }

    // MARK: Uplink

    /// VLANs in use that the uplink does not carry.
    private static func uplink(
        _ declared: Layout.VirtualSwitch,
        _ layout: Layout,
        in replica: Replica
    ) -> [String] {
        guard let name = declared.uplink?.name, let port = replica.port(named: name) else { return [] }
        let set = [Port.tag, Port.trunks, Port.vlanMode, Port.cvlans].filter { !port[$0].isEmpty }.map(\.name)
        guard !set.isEmpty else { return [] }
        let remedy = Self.remedy("ovs-vsctl clear Port \(name) \(set.joined(separator: " "))", "Port \(name)")
        guard let carried = VLANMembership(port) else {
            return [
                """
                Port \(name) is a tunnel (vlan_mode \(port[Port.vlanMode])), which puts the frames of every VLAN into its \
                own: \(remedy), if that is not meant
                """
            ]
        }
        guard let vlans = carried.all else { return [] }
        let cut = inUse(declared, layout, in: replica).filter { !vlans.contains($0) }
        guard !cut.isEmpty else { return [] }
        let rest = cut.count > 5 ? " and \(cut.count - 5) more" : ""
        let numbers = cut.prefix(5).map { "\($0.number)" }.joined(separator: ", ")
        return [
            """
            Port \(name) carries \(Topology.VLANs(port, members: [], networks: [:]).text) only, so that VLAN \
            \(numbers)\(rest), in use here, does not reach the wire: \(remedy), if that is not meant
            """
        ]
    }

    /// The VLANs of the layout's networks, of the host port and of the VM ports, in order.
    private static func inUse(_ declared: Layout.VirtualSwitch, _ layout: Layout, in replica: Replica) -> [VLAN] {
        var vlans = Set(layout.networks.vlans(of: declared).values.compactMap(VLAN.init))
        let host = replica.port(named: declared.lane.uplinkBridge)
        vlans.formUnion(host.flatMap(VLANMembership.init)?.all ?? [])
        for port in replica.unorderedPorts(of: declared.lane.localBridge) where DerivedName(port.name) == nil {
            // A list that is as good as all says little of what is in use.
            if let listed = VLANMembership(port)?.all, listed.count <= 64 { vlans.formUnion(listed) }
        }
        return vlans.sorted()
    }

    // MARK: Direct ports

    /// A port of brN that is neither the host's nor the uplink nor the lane's.
    private struct DirectPort {
        var name: String
        var interface: Row
        var isControllers: Bool
    }

    private static func directPorts(_ declared: Layout.VirtualSwitch, in replica: Replica) -> [DirectPort] {
        let ports = replica.ports(of: declared.lane.uplinkBridge).filter {
            DerivedName($0.name) == nil && $0.name != declared.uplink?.name
        }
        return ports.flatMap { port in
            replica.interfaces(of: port).map { interface in
                DirectPort(
                    name: port.name,
                    interface: interface,
                    isControllers: ControllerPort.isMarked(port, [interface])
                )
            }
        }
    }

    /// A VM beside the chain.
    private static func bypass(_ port: DirectPort, _ declared: Layout.VirtualSwitch) -> String? {
        guard port.interface.isVMInterface, !port.isControllers else { return nil }
        return """
            Port \(port.name) on \(declared.lane.uplinkBridge) is a VM's \
            (\(port.interface[Interface.externalIDs][VMPort.Key.interfaceID] ?? "")) and bypasses the chain, with every policy: \
            plug it into \(declared.lane.localBridge), or set external_ids:\(ControllerPort.key)=\(ControllerPort.value) if it is the \
            controller VM's
            """
    }

    /// Addresses that the host or a direct port and a VM port both have.
    private static func twins(
        _ direct: [DirectPort],
        _ addresses: [(UUID, EthernetAddress)],
        _ declared: Layout.VirtualSwitch,
        in replica: Replica
    ) -> [String] {
        var owners: [EthernetAddress: String] = [:]
        for port in direct {
            let told = [
                port.interface[Interface.externalIDs][VMPort.Key.attachedMAC],
                port.interface[Interface.macInUse].string,
            ]
            for address in told.compactMap({ $0.flatMap { EthernetAddress($0) } }) { owners[address] = port.name }
        }
        let host = replica.interface(named: declared.lane.uplinkBridge)
        if let host, let address = host[Interface.macInUse].string.flatMap({ EthernetAddress($0) }) {
            owners[address] = host.name
        }
        guard !owners.isEmpty else { return [] }
        let found = addresses.compactMap { uuid, address -> (vm: String, line: String)? in
            guard let owner = owners[address], let row = replica[Interface.table][uuid],
                let vm = VMPortRow(row, in: replica), vm.lane == declared.lane, vm.address == address
            else { return nil }
            let line = """
                Port \(owner) on \(declared.lane.uplinkBridge) has the address \(address) of VM port \(vm.name), to which \
                frames for it go: give one of them another
                """
            return (vm.name, line)
        }
        return found.sortedNaturally(by: \.vm).map(\.line)
    }
}

extension VLANMembership {
    /// Of a Port's row; `nil` for a tunnel.
    fileprivate init?(_ port: Row) {
        let trunks = port[Port.trunks].atoms.compactMap {
            if case .integer(let number) = $0 { Int(number) } else { nil }
        }
        self.init(mode: port[Port.vlanMode].string, tag: port[Port.tag].integer.map { Int($0) }, trunks: trunks)
    }
}
