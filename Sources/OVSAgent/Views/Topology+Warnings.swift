/// What the database and the host show that is allowed and probably not meant: pure.
extension Topology {
    /// One line each, with the remedy; `hardware` is what the host tells of its NICs, by name.
    func warnings(_ hardware: [String: NICHardware] = [:]) -> [String] {
        virtualSwitches.flatMap { $0.openPorts + ($0.uplink?.warnings(hardware) ?? []) }
    }
}

extension Topology.VirtualSwitch {
    fileprivate var openPorts: [String] {
        let isHostOpen = hostPort.present && hostPort.vlans.carriesAll
        let host = """
            Port \(hostPort.name), the host's own, has no VLAN that limits it and so gets every VLAN of the VMs: give it \
            trunks, or, where the layout leaves it out, state hostVlan there (0 for frames without a tag)
            """
        return (isHostOpen ? [host] : [])
            + directPorts.filter(\.vlans.isUnset).map { port in
                "Port \(port.name) on \(bridge) has no tag and so gets every VLAN of the VMs: "
                    + "give it one (ovs-vsctl set Port \(port.name) tag=VLAN)"
            }
    }
}

extension Topology.Uplink {
    fileprivate func warnings(_ hardware: [String: NICHardware]) -> [String] {
        [
            difference("speed") { member in member.speedMbps.map { "\($0) Mbit/s" } },
            difference("driver") { member in hardware[member.name]?.driver },
            difference("vendor") { member in hardware[member.name]?.vendor },
        ].compactMap { $0 }
    }

    /// What to say where not all members of whom a property is known have the same.
    private func difference(_ property: String, _ value: (Status.Member) -> String?) -> String? {
        let known = members.compactMap { member in value(member).map { (name: member.name, value: $0) } }
        guard Set(known.map(\.value)).count > 1 else { return nil }
        let values = known.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
        return "the NICs of \(name) differ in \(property) (\(values)): a bond wants equal ones"
    }
}
