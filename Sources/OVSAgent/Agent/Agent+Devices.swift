import JSONRPC
import NIOCore
import NIOPosix
import OVSDB

/// The devices behind VM ports that ovs-vswitchd does not listen to any more. Looked for where a row tells of another device,
/// where the agent begins to serve, and every minute where there are some.
extension Agent {
    /// These rows, with what is known of their devices.
    func seeDevices(of rows: [UUID: VMPortRow?]) -> [UUID: VMPortRow?] {
        askForDevices(vmDevices.look(at: rows))
        lookAtDevicesAgain()
        return marked(rows)
    }

    /// The same of all that there are.
    func seeDevices(ofAll rows: [UUID: VMPortRow]) -> [UUID: VMPortRow] {
        vmDevices.keep(rows.keys)
        _ = vmDevices.look(at: rows.mapValues(Optional.some))
        askForDevices(vmDevices.all)
        lookAtDevicesAgain()
        guard !vmDevices.deaf.isEmpty else { return rows }
        return marked(rows.mapValues(Optional.some)).compactMapValues { $0 }
    }

    private func marked(_ rows: [UUID: VMPortRow?]) -> [UUID: VMPortRow?] {
        var rows = rows
        for uuid in vmDevices.deaf {
            guard case .some(.some(var row)) = rows[uuid] else { continue }
            row.isDeaf = true
            rows[uuid] = .some(row)
        }
        return rows
    }

    /// ovs-vswitchd was looked at.
    func settleDevices(_ finding: SwitchWatch.Finding) {
        guard finding == .another else { return }
        let opened = vmDevices.openedAnew()
        guard !opened.isEmpty else { return }
        tellDevices(of: opened)
        askForDevices(vmDevices.all)
    }

    private func askForDevices(_ devices: [UUID: Int64]) {
        guard !devices.isEmpty else { return }
        let folder = configuration.openFlowFolder
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            (try? SwitchSocket.process(in: folder)).flatMap { PacketSockets.devices(of: $0) }
        }.whenSuccess { listening in
            guard let listening else { return }
            self.assumeIsolated { agent in
                agent.tellDevices(of: agent.vmDevices.compare(devices, listening: listening))
                agent.lookAtDevicesAgain()
            }
        }
    }

    private func tellDevices(of interfaces: Set<UUID>) {
        guard !interfaces.isEmpty, servedLanes != nil else { return }
        let rows = marked(withReplica { VMPortRow.of(interfaces, in: $0) } ?? [:])
        chain { $0.update(rows) }
    }

    /// No row tells of a device that is opened anew in another way.
    private func lookAtDevicesAgain() {
        if !vmDevices.deaf.isEmpty { setOnce(.devices, in: configuration.auditInterval) }
    }

    func lookAtDevicesNow() {
        guard servedLanes != nil, !isStopping else { return }
        let deaf = vmDevices.deaf
        askForDevices(vmDevices.all.filter { deaf.contains($0.key) })
        lookAtDevicesAgain()
    }
}
