import JSONRPC
import OVSDB
import OpenFlow

/// What is missing for the database to be applied (DESIGN, rule 1).
extension SwitchStanding {
    /// Whether ovs-vswitchd has done all that is wanted of these bridges.
    func hasApplied(_ wanted: [DesiredBridge], _ replica: Replica) -> Bool {
        // Where flows are missing the rest needs no look.
        let lacksFlows = wanted.contains { bridge in
            self[bridge.row.name].map { $0.flows == nil } ?? false && replica.bridge(named: bridge.row.name) != nil
        }
        return !lacksFlows && unapplied(wanted, replica, socketsIn: "").isEmpty
    }

    /// What of these bridges ovs-vswitchd has not done yet.
    ///
    /// - Parameter folder: where its sockets are looked for.
    func unapplied(_ wanted: [DesiredBridge], _ replica: Replica, socketsIn folder: String) -> [Reason] {
        if let reason = configurationBehind(replica) { return [reason] }
        let failures = bridges.compactMapValues(\.failure)
        var missing = failures.sortedNaturally(by: \.key).map { bridge, reason in
            Reason(
                "Bridge \(bridge): it does not take its flows: \(reason)",
                remedy: "look into ovs-vswitchd.log"
            )
        }
        var outages: [SwitchConnection.Outage] = []
        for bridge in wanted where replica.bridge(named: bridge.row.name) != nil {
            switch self[bridge.row.name]?.state {
            case .up(let status):
                missing += findMissingPorts(of: bridge, in: status.ports, replica)
                missing += findMissingFlows(of: bridge.row.name)
            case .down(let outage): outages.append(outage)
            case nil: break
            }
        }
        guard let first = outages.first else { return missing }
        guard outages.count == bridges.count else {
            return missing
                + outages.map {
                    Reason("ovs-vswitchd does not run a bridge: \($0)", remedy: "look into ovs-vswitchd.log")
                }
        }
        return [
            Reason(
                "ovs-vswitchd answers for none of the bridges: \(first)",
                remedy: """
                    look whether it runs, and into its log; its sockets are looked for in \
                    \(folder) (--openflow-dir)
                    """
            )
        ]
    }

    /// A bridge that stands passes nothing, or too much, before it has its flows.
    private func findMissingFlows(of bridge: String) -> [Reason] {
        guard let standing = self[bridge], standing.flows == nil, standing.failure == nil else { return [] }
        return [
            Reason("Bridge \(bridge): its flows are not installed yet", remedy: "look into ovs-vswitchd.log")
        ]
    }

    private func configurationBehind(_ replica: Replica) -> Reason? {
        guard let awaited = awaitedConfiguration, let current = replica.currentConfiguration, current < awaited,
            // Somebody set the count back: ovs-vswitchd will never come to the number that ours returned.
            replica.nextConfiguration.map({ $0 >= awaited }) ?? true
        else { return nil }
        return Reason(
            "ovs-vswitchd has not taken configuration \(awaited), it is at \(current)",
            remedy: "look whether ovs-vswitchd runs, and into its log"
        )
    }

    /// Ports that stand in the database and not in the switch, or not under the number asked for.
    private func findMissingPorts(
        of bridge: DesiredBridge,
        in ports: SwitchPorts,
        _ replica: Replica
    ) -> [Reason] {
        bridge.ports.flatMap(\.interfaces).compactMap { interface in
            let name = interface.row.name
            guard let row = replica.interface(named: name),
                replica.referrers(of: row.uuid).contains(where: { replica.bridge(ofPort: $0.row) == bridge.row.name })
            else { return nil }
            guard let port = ports[name] else {
                let error = row[Interface.error].string.map { ": \($0)" } ?? ""
                return Reason(
                    "Interface \(name): ovs-vswitchd has no such port on \(bridge.row.name)\(error)",
                    remedy: "look whether the device exists, and into ovs-vswitchd.log"
                )
            }
            guard let wanted = row[Interface.ofportRequest].integer, wanted != Int64(port.number) else { return nil }
            return Reason("Interface \(name): it has port number \(port.number), not \(wanted) as asked for")
        }
    }
}

extension Replica {
    /// `cur_cfg`: the last configuration that ovs-vswitchd has taken, as far as it lives.
    var currentConfiguration: Int64? { count(OpenVSwitch.curCfg) }

    /// `next_cfg`: the last configuration that somebody asked it to take.
    fileprivate var nextConfiguration: Int64? { count(OpenVSwitch.nextCfg) }

    private func count(_ column: Column) -> Int64? { root?[column].integer }

    /// The name of the bridge that has a port.
    fileprivate func bridge(ofPort port: UUID) -> String? {
        bridges(ofPort: port).first?.name
    }
}
