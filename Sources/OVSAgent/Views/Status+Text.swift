/// The status as people read it: the state first, then what is wrong (`!`) and what to do (`->`), what is doubtful (`?`),
/// then the parts.
extension Status: ReadableText {
    var lines: [String] {
        var lines = ["\(state.rawValue.padded(to: 12)) ovs-agentd \(version), pid \(pid)"]
        for reason in reasons {
            lines.append("  ! \(reason.text)")
            lines += reason.details.map { "    \($0)" }
            if let remedy = reason.remedy { lines.append("    -> \(remedy)") }
        }
        lines += warnings.map { "  ? \($0)" }
        lines.append("")
        lines.append(Self.labelled("database", databaseText))
        lines.append(Self.labelled("layout", layoutText))
        lines.append(Self.labelled("repairs", repairsText))
        guard isKnown else { return lines + ["", Self.labelled("switch", .rowsUnknown)] }
        for virtualSwitch in virtualSwitches {
            lines.append("")
            lines += Self.labelled(virtualSwitch.name, virtualSwitch.lines)
        }
        if !chain.isEmpty {
            lines.append("")
            lines += Self.labelled("chain", chain.map(\.cells).aligned)
        }
        return lines
    }

    private var databaseText: String {
        let connection = database.connected ? "connected" : "not connected"
        let lock = database.lock.map { ", lock \($0.rawValue)" } ?? ""
        return "\(database.remote), \(connection)\(lock)"
    }

    private var layoutText: String {
        let digest = layout.digest.map { ", \($0)" } ?? ", no layout at work"
        return layout.path + digest + (layout.error == nil ? "" : ", the file was refused")
    }

    private var repairsText: String {
        let counts =
            "\(String.counted(repairs.drifts, "drift")), \(String.counted(repairs.transactions, "transaction")), "
            + "\(repairs.contested) contested"
        guard let latency = repairs.latency else { return counts }
        let times = [("p50", latency.p50), ("p99", latency.p99), ("max", latency.max)]
        return counts + "; " + times.map { "\($0) \(Latency.text(microseconds: $1))" }.joined(separator: ", ")
    }

    private static let labelWidth = 12

    private static func labelled(_ label: String, _ text: String) -> String {
        "\(label.padded(to: labelWidth)) \(text)".trimmingTrailingBlanks
    }

    private static func labelled(_ label: String, _ lines: [String]) -> [String] {
        lines.enumerated().map { labelled($0 == 0 ? label : "", $1) }
    }
}

extension Status.VirtualSwitch {
    fileprivate var lines: [String] { uplinkLines + bridges.map(\.cells).aligned }

    private var uplinkLines: [String] {
        guard let uplink else { return ["\(bridge), no uplink"] }
        guard uplink.isPresent else { return ["\(bridge), uplink \(uplink.name) missing"] }
        let mode = uplink.members.count < 2 ? "one NIC, no bond" : uplink.mode ?? "no bond mode"
        let lacp = uplink.lacp == "off" ? "LACP off" : "LACP \(uplink.lacp), \(uplink.lacpStatus.rawValue)"
        let head = "\(bridge), uplink \(uplink.name): \(mode), \(lacp)"
        return [head] + uplink.members.map { $0.cells(isActive: $0.name == uplink.activeMember) }.aligned
    }
}

extension Status.Member {
    fileprivate func cells(isActive: Bool) -> [String] {
        [
            "  \(name)", linkUp ? "up" : "down", speedMbps.map(Self.text(mbps:)) ?? "-",
            enabled ? "enabled" : "disabled", isActive ? "active" : "",
        ]
    }

    private static func text(mbps: Int) -> String {
        mbps >= 1000 && mbps % 1000 == 0 ? "\(mbps / 1000) Gbit/s" : "\(mbps) Mbit/s"
    }
}

extension Status.ChainBridge {
    fileprivate var cells: [String] {
        guard let flows else { return [bridge, present ? "present" : "MISSING"] }
        var text = String.counted(flows.installed, "flow")
        if flows.missing > 0 { text += ", \(flows.missing) missing" }
        if flows.unmanaged > 0 { text += ", \(flows.unmanaged) unmanaged" }
        return [bridge, present ? "present" : "MISSING", text]
    }
}
