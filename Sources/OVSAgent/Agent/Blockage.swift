import OVSDB

/// Something that the database shows and that stops frames of the host or its VMs, though every row and flow is as
/// wanted: a pure function of replica and layout. The agent can't mend it, and is `degraded` while there is one.
struct Blockage: Hashable, Sendable {
    /// As in `Port br0-up`.
    var object: String
    /// What was found, and what to do.
    var reason: Reason

    init(_ object: String, _ text: String, remedy: String) {
        self.object = object
        reason = Reason("\(object): \(text)", remedy: remedy)
    }

    /// All there are, in the order of the layout. The cost is in proportion to the layout.
    static func all(in replica: Replica, _ layout: Layout, _ devices: UplinkDevices) -> [Blockage] {
        waitsForRestore(replica) + devices.replaced.sorted().map(replaced)
            + layout.virtualSwitches.flatMap { declared in
                let found = declared.uplink.map { Status.Uplink($0, on: declared.lane.uplinkBridge, in: replica) }
                return mirrors(declared, replica) + (found.map { uplink($0, replica) } ?? [])
            }
    }

    private static func replaced(_ name: String) -> Blockage {
        Blockage(
            "Interface \(name)",
            "its device was made anew, and ovs-vswitchd still listens to the one that went",
            remedy: "restart ovs-vswitchd, which opens it anew"
        )
    }

    /// ovs-vswitchd passes nothing that it has not seen before (ovs-vswitchd.conf.db(5), `flow-restore-wait`).
    private static func waitsForRestore(_ replica: Replica) -> [Blockage] {
        guard replica.root?[OpenVSwitch.otherConfig]["flow-restore-wait"] == "true" else { return [] }
        return [
            Blockage(
                "Open_vSwitch",
                "other_config:flow-restore-wait is true, so ovs-vswitchd passes no new frame on any bridge",
                remedy: "ovs-vsctl --no-wait remove Open_vSwitch . other_config flow-restore-wait"
            )
        ]
    }

    /// A port of brN that a mirror sends to: it carries nothing else in either direction (ovs-vswitchd.conf.db(5), Mirror
    /// Table, `output_port`). Ports of the operator's own may well be there for it.
    private static func mirrors(_ declared: Layout.VirtualSwitch, _ replica: Replica) -> [Blockage] {
        let name = declared.lane.uplinkBridge
        guard let bridge = replica.bridge(named: name), !bridge[Bridge.mirrors].isEmpty else { return [] }
        let mirrors = bridge[Bridge.mirrors].uuids.compactMap { replica[Mirror.table][$0] }.sortedNaturally(by: \.name)
        return mirrors.flatMap { mirror -> [Blockage] in
            let ports = mirror[Mirror.outputPort].uuids.compactMap { replica[Port.table][$0] }
            let lost = ports.filter { port in
                DerivedName(port.name) != nil || port.name == declared.uplink?.name
                    || ControllerPort.isMarked(port, replica.interfaces(of: port))
            }
            return lost.map { port in
                Blockage(
                    "Port \(port.name)",
                    "the mirror \(mirror.name) of \(name) sends to it, so it carries nothing else",
                    remedy: "ovs-vsctl -- --id=@m get Mirror \(mirror.name) -- remove Bridge \(name) mirrors @m"
                )
            }
        }
    }

    private static func uplink(_ uplink: Status.Uplink, _ replica: Replica) -> [Blockage] {
        guard uplink.isPresent, !uplink.members.isEmpty else { return [] }
        let object = "Port \(uplink.name)"
        let rows = uplink.members.compactMap { replica.interface(named: $0.name) }
        let lost = rows.filter(\.hasLostDevice).map { row in
            Blockage(
                "Interface \(row.name)",
                "its device is gone, and ovs-vswitchd holds on to what was there",
                remedy: "bring the device back, then restart ovs-vswitchd, which opens it anew"
            )
        }
        // Before ovs-vswitchd has looked at them, nothing is known of any.
        guard rows.allSatisfy({ !$0[Interface.linkState].isEmpty }) else { return lost }
        let names = uplink.members.map(\.name).joined(separator: ", ")
        guard uplink.members.contains(where: \.linkUp) else {
            let isDown = rows.allSatisfy { $0[Interface.adminState].string == "down" }
            return lost + [
                Blockage(
                    object,
                    "no NIC of it has a link (\(names)), so nothing reaches the wire",
                    remedy: isDown
                        ? "set them up: \(uplink.members.map { "ip link set \($0.name) up" }.joined(separator: "; "))"
                        : "look at the cables, and at the switch at their other end"
                )
            ]
        }
        // Of one NIC there is no bond, and ovs-vswitchd asks neither LACP nor BFD nor CFM.
        guard rows.count > 1 else { return lost }
        guard uplink.mode != "balance-tcp" || uplink.lacp != "off" else {
            return lost + [
                Blockage(
                    object,
                    "bond_mode is balance-tcp without LACP, with which ovs-vswitchd takes nothing in from the wire",
                    remedy: "write another mode, or lacp: active, in the layout's uplink"
                )
            ]
        }
        guard !uplink.members.contains(where: \.enabled) else { return lost }
        let unheard = rows.filter(\.isUnheard)
        if let first = unheard.first, unheard.count == uplink.members.count(where: \.linkUp) {
            let column = first[Interface.cfmFault].boolean == true ? Interface.cfmMPID.name : Interface.bfd.name
            return lost + [
                Blockage(
                    object,
                    "BFD or CFM hears nobody on \(unheard.map(\.name).joined(separator: ", ")), so the bond uses none",
                    remedy: "look at the other end, or "
                        + Doubts.remedy(
                            "ovs-vsctl clear Interface \(first.name) \(column)",
                            "Interface \(first.name)"
                        )
                )
            ]
        }
        guard uplink.lacp != "off", rows.contains(where: { $0[Interface.lacpCurrent].boolean == false }) else {
            return lost
        }
        return lost + [
            Blockage(
                object,
                "LACP is \(uplink.lacp) and no partner answers on \(names), so nothing reaches the wire",
                remedy: """
                    configure LACP on the switch at the other end, or write lacpFallback: true in the layout's uplink
                    """
            )
        ]
    }
}

extension Row {
    /// Whether an interface has a link and BFD or CFM says that nobody answers at its other end: a bond does not use it.
    var isUnheard: Bool {
        guard self[Interface.linkState].string == "up" else { return false }
        return self[Interface.cfmFault].boolean == true || self[Interface.bfdStatus]["forwarding"] == "false"
    }

    /// Whether an interface's device is gone and ovs-vswitchd still has the port: as `ip link delete` leaves it on the
    /// userspace datapath, where `ofport` and `error` stay as they were.
    var hasLostDevice: Bool {
        self[Interface.ifindex].integer == 0 && self[Interface.macInUse].isEmpty
            && self[Interface.adminState].string == "down"
            && self[Interface.ofport].integer.map { $0 > 0 } == true
    }
}
