import NIOCore
import OVSDB
import OpenFlow

/// Which VM ports the switch serves, by its own word, and what became of them.
extension ChainKeeper {
    /// Something happened to a VM port.
    struct PortNews: Hashable, Sendable {
        var port: String
        var lane: Lane
        var address: EthernetAddress?
        var what: What

        enum What: Hashable, Sendable {
            /// The switch has its flows.
            case served
            /// It has spoken with its address.
            case arrived
            /// Its address was announced elsewhere; where.
            case moved(String)
            /// It has no link, no device or no row; why.
            case gone(String)
        }
    }

    /// Takes what an earlier run or another agent left behind.
    func restore(_ kept: Claims) {
        claims = kept
        unannounced = []
    }

    /// The switch has all flows of a bridge that are wanted now.
    func acknowledge(_ bridge: String) {
        guard let lane = Lane(localBridge: bridge) ?? Lane(uplinkBridge: bridge) else { return }
        let ports = resolved?.first { $0.lane == lane }?.vmPorts ?? []
        acknowledged[bridge] = Dictionary(ports.map { ($0.name, $0.whoever) }) { $1 }
        tellServed()
    }

    /// Tells which ports both ends of their lane have the flows of. Those are of the port that the switch knows by the
    /// name, which is another row's until ovs-vswitchd has taken the new one.
    func tellServed() {
        var served: [Lane: [String: Presence]] = [:]
        let numbers = Dictionary(vmPorts.values.map { ($0.name, $0.number) }) { $1 }
        for lane in resolved ?? [] {
            guard let local = acknowledged[lane.lane.localBridge], let uplink = acknowledged[lane.lane.uplinkBridge]
            else { continue }
            for port in lane.vmPorts
            where numbers[port.name] == port.number && local[port.name] == port.whoever
                && uplink[port.name] == port.whoever
            {
                served[lane.lane, default: [:]][port.name] = port.presence
            }
        }
        guard served != lastServed else { return }
        lastServed = served
        tell(.served(served))
        guard !unannounced.isEmpty else { return }
        for uuid in unannounced {
            guard let row = vmPorts[uuid], served[row.lane]?[row.name] != nil else { continue }
            unannounced.remove(uuid)
            tellOf(row, .served)
        }
    }

    func tellOf(_ row: VMPortRow, _ what: PortNews.What) {
        tell(.port(PortNews(port: row.name, lane: row.lane, address: row.address, what: what)))
    }

    /// Tells and notes what has changed of the claims since then.
    func noteClaims(since former: Claims) {
        guard claims.version != former.version else { return }
        tell(.claims(claims))
        for (uuid, entry) in claims.claims where former.claims[uuid]?.address != entry.address || former[uuid] == nil {
            unannounced.insert(uuid)
            // What the switch has may be another row's of the same name and number.
            guard let row = vmPorts[uuid] else { continue }
            for bridge in [row.lane.localBridge, row.lane.uplinkBridge] { acknowledged[bridge]?[row.name] = nil }
        }
    }

    /// Ports that stood here can no longer be served.
    func tellGone(_ gone: [UUID], of rows: [UUID: VMPortRow], _ unserved: [UnservedPort]) {
        for uuid in gone {
            guard let row = rows[uuid], unannounced.remove(uuid) == nil else { continue }
            let reason = unserved.first { $0.name == row.name && $0.lane == row.lane }?.reason.reason.line
            tellOf(row, .gone(reason ?? "its port was taken off"))
        }
    }

    /// Has brN believe that addresses which were present behind the lane are on the wire: it would keep frames for them
    /// from there, where the VMs may be now, until it hears them from there. A guard has kept it from hearing them.
    func forgetStations(from old: [LanePorts], to new: [LanePorts]) {
        let after = Dictionary(new.map { ($0.lane, $0) }) { $1 }
        for former in old {
            guard let now = after[former.lane], former != now else { continue }
            let present = Set(now.vmPorts.filter(\.presence.isPresent).compactMap(\.address))
            let left = former.vmPorts.filter { port in
                port.presence.isPresent && port.address.map { !present.contains($0) } == true
            }
            let asARP = lanes?.balancedBySource.contains(now.lane) == true
            let packets = left.flatMap { $0.teaching(from: now.uplinkMembers, asGratuitousARP: asARP) }
            guard !packets.isEmpty, let kept = bridges[now.lane.uplinkBridge], case .up = kept.connection.state else {
                continue
            }
            // Where a member has gone meanwhile, nothing is learned by it.
            kept.connection.apply(packets.map { .packet($0) }).whenFailure { _ in }
        }
    }
}

extension VMPort {
    /// The port, whoever its address belongs to.
    fileprivate var whoever: VMPort {
        var port = self
        port.presence = .expected(since: 0)
        return port
    }

    /// More VLANs than this are not worth it: brN forgets an address that is not heard from by itself.
    private static let mostVLANsTaught = 64

    /// Packets from the port's address, and to it, by the members of a bond, which takes them as it takes frames off the
    /// wire.
    ///
    /// - Parameter asGratuitousARP: what balance-slb believes, and only that (ovs-vswitchd.conf.db(5), `bond_mode`).
    fileprivate func teaching(from ports: [UInt32], asGratuitousARP: Bool) -> [PacketOut] {
        guard let address, let vlans = vlans.all ?? vlans.untagged.map({ [$0] }) else { return [] }
        return vlans.prefix(Self.mostVLANsTaught).flatMap { vlan in
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
