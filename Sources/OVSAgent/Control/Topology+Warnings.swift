/// What the database shows that is allowed and probably not meant: pure.
extension Topology {
    /// One line each, with the remedy.
    var warnings: [String] { virtualSwitches.flatMap(\.warnings) }
}

extension Topology.VirtualSwitch {
    fileprivate var warnings: [String] {
        let open = directPorts.filter(\.vlans.isUnset).map { port in
            "Port \(port.name) on \(bridge) has no tag and so gets every VLAN of the VMs: "
                + "give it one (ovs-vsctl set Port \(port.name) tag=VLAN)"
        }
        return open + (uplink?.warnings ?? [])
    }
}

extension Topology.Uplink {
    fileprivate var warnings: [String] {
        let known = members.compactMap { member in member.speedMbps.map { (name: member.name, speed: $0) } }
        guard Set(known.map(\.speed)).count > 1 else { return [] }
        let speeds = known.map { "\($0.name) \($0.speed) Mbit/s" }.joined(separator: ", ")
        return ["the NICs of \(name) differ in speed (\(speeds)): a bond wants equal ones"]
    }
}
