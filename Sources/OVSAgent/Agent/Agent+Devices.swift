import JSONRPC
import NIOCore
import NIOPosix
import OVSDB

/// The devices behind VM ports that ovs-vswitchd does not listen to any more. Looked for where a row tells of another device,
/// where the agent begins to serve, and every minute where there are some.
extension Agent {
    /// These rows, with what is known of their devices.
    func seeDevices(of rows: [UUID: VMPortRow?]) -> [UUID: VMPortRow?] {
        askForDevices(devices.vms.look(at: rows))
        lookAtDevicesAgain()
        return marked(rows)
    }

    /// The same of all that there are.
    func seeDevices(ofAll rows: [UUID: VMPortRow]) -> [UUID: VMPortRow] {
        devices.vms.keep(rows.keys)
        _ = devices.vms.look(at: rows.mapValues(Optional.some))
        askForDevices(devices.vms.all)
        lookAtDevicesAgain()
        guard !devices.vms.deaf.isEmpty else { return rows }
        return marked(rows.mapValues(Optional.some)).compactMapValues { $0 }
    }

    private func marked(_ rows: [UUID: VMPortRow?]) -> [UUID: VMPortRow?] {
        var rows = rows
        for uuid in devices.vms.deaf {
            guard case .some(.some(var row)) = rows[uuid] else { continue }
            row.isDeaf = true
            rows[uuid] = .some(row)
        }
        return rows
    }

    /// ovs-vswitchd was looked at.
    func settleDevices(_ finding: SwitchWatch.Finding) {
        guard finding == .another else { return }
        let opened = devices.vms.openedAnew()
        guard !opened.isEmpty else { return }
        tellDevices(of: opened)
        askForDevices(devices.vms.all)
    }

    private func askForDevices(_ devices: [UUID: Int64]) {
        guard !devices.isEmpty else { return }
        let folder = configuration.openFlowFolder
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            (try? SwitchSocket.process(in: folder)).flatMap { PacketSockets.devices(of: $0) }
        }.whenSuccess { listening in
            guard let listening else { return }
            self.assumeIsolated { agent in
                agent.tellDevices(of: agent.devices.vms.compare(devices, listening: listening))
                agent.lookAtDevicesAgain()
            }
        }
    }

    private func tellDevices(of interfaces: Set<UUID>) {
        guard !interfaces.isEmpty, served.lanes != nil else { return }
        let rows = marked(withReplica { VMPortRow.of(interfaces, in: $0) } ?? [:])
        chain { $0.update(rows) }
    }

    /// No row tells of a device that is opened anew in another way.
    private func lookAtDevicesAgain() {
        if !devices.vms.deaf.isEmpty { setOnce(.devices, in: configuration.auditInterval) }
    }

    func lookAtDevicesNow() {
        guard served.lanes != nil, !isStopping else { return }
        let deaf = devices.vms.deaf
        askForDevices(devices.vms.all.filter { deaf.contains($0.key) })
        lookAtDevicesAgain()
    }
}
