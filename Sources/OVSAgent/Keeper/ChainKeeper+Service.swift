import JSONRPC
import NIOCore
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
            let rest = vmPorts[uuid] == nil ? "its port was taken off" : "the layout has no \(row.lane.uplinkBridge)"
            tellOf(row, .gone(reason ?? rest))
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
}
