// The values of a layout against each other: contradictions are refused, doubtful choices warned of. A value that was
// wrong by itself takes no part, so that nothing is reported twice.

extension LayoutDraft {
    func judge(into diagnostics: inout Diagnostics) {
        judgeNames(into: &diagnostics)
        judgeNICs(into: &diagnostics)
        for virtualSwitch in virtualSwitches {
            guard let uplink = virtualSwitch.uplink.value else { continue }
            uplink.judgeBond(into: &diagnostics)
            uplink.judgeMembers(into: &diagnostics)
        }
    }

    // MARK: - Names

    private func judgeNames(into diagnostics: inout Diagnostics) {
        refuseRepeats(virtualSwitches.map(\.name), "the virtual switch", "rename one", into: &diagnostics)
        refuseRepeats(networks.map(\.name), "the network", "rename one", into: &diagnostics)
        let bridges = virtualSwitches.map { virtualSwitch -> Field<String> in
            guard case .given(let lane, let position) = virtualSwitch.lane else { return .invalid }
            return .given(lane.uplinkBridge, at: position)
        }
        refuseRepeats(
            bridges,
            "the bridge",
            "give each virtual switch a bridge of its own",
            into: &diagnostics
        )
        let uplinks = virtualSwitches.map { virtualSwitch -> Field<String> in
            // A derived name cannot repeat unless its bridge does, which is said already.
            virtualSwitch.uplink.value?.name ?? .absent
        }
        refuseRepeats(uplinks, "the uplink", "rename one, or leave its name out", into: &diagnostics)

        guard hasAllVirtualSwitches, virtualSwitches.allSatisfy({ $0.name.value != nil }) else { return }
        let known = virtualSwitches.compactMap(\.name.value)
        let knownNames = Set(known)
        for case .given(let name, let position) in networks.map(\.virtualSwitch) where !knownNames.contains(name) {
            diagnostics.error(
                at: position,
                "virtualSwitch is \(quoted(name)), which this layout does not have: "
                    + remedy(for: name, among: known, or: "add it")
            )
        }
    }

    private func refuseRepeats(
        _ names: [Field<String>],
        _ what: String,
        _ remedy: String,
        into diagnostics: inout Diagnostics
    ) {
        var seen: [String: SourcePosition] = [:]
        for case .given(let name, let position) in names {
            if let first = seen[name] {
                diagnostics.error(at: position, "\(what) \(quoted(name)) is named twice, first at \(first): \(remedy)")
            } else {
                seen[name] = position
            }
        }
    }

    // MARK: - NICs

    /// A NIC has one place: one uplink, once, and no other meaning.
    private func judgeNICs(into diagnostics: inout Diagnostics) {
        var taken: [String: (uplink: Int, position: SourcePosition)] = [:]
        var portNames: [String: Int] = [:]
        for (index, virtualSwitch) in virtualSwitches.enumerated() {
            guard let uplink = virtualSwitch.uplink.value, let lane = virtualSwitch.lane.value else { continue }
            portNames[uplink.effectiveName(on: lane)] = index
        }
        let management = managementBridge.value?.name
        for (index, virtualSwitch) in virtualSwitches.enumerated() {
            guard case .list(let nics, _) = virtualSwitch.uplink.value?.nics.value else { continue }
            for (name, position) in nics {
                if let first = taken[name] {
                    let place = first.uplink == index ? "twice in this uplink" : "in two uplinks"
                    diagnostics.error(
                        at: position,
                        "the NIC \(quoted(name)) is \(place), first at \(first.position): remove it from one place"
                    )
                    continue
                }
                taken[name] = (index, position)
                if let owner = portNames[name], owner != index {
                    diagnostics.error(
                        at: position,
                        "the NIC \(quoted(name)) has the name of another virtual switch's uplink: rename that uplink"
                    )
                }
            }
        }
        if case .given(let name, let position) = management {
            if let nic = taken[name] {
                diagnostics.error(
                    at: position,
                    "the management bridge \(quoted(name)) is also a NIC of the uplink at \(nic.position): "
                        + "rename the bridge or remove the NIC"
                )
            } else if portNames[name] != nil {
                diagnostics.error(at: position, "the management bridge \(quoted(name)) is also an uplink: rename one")
            }
        }
    }
}

// MARK: - One uplink

extension LayoutDraft.Uplink {
    /// Mode and LACP must agree; what has no effect as things stand is warned of.
    fileprivate func judgeBond(into diagnostics: inout Diagnostics) {
        let isLACPOn = lacp.value == .active || lacp.value == .passive
        let isLACPOff = lacp.isAbsent || lacp.value == .off
        switch (mode, lacp) {
        case (.given(.balanceTCP, let position), _) where isLACPOff:
            diagnostics.error(
                at: position,
                "balance-tcp without LACP cannot pass traffic: add 'lacp: active', or choose active-backup"
            )
        case (.given(.balanceSLB, _), .given(_, let position)) where isLACPOn:
            diagnostics.error(
                at: position,
                "LACP with balance-slb contradicts: write 'lacp: off', or choose balance-tcp for a switch with LACP"
            )
        default:
            break
        }
        if case .given(.balanceSLB, let position) = mode {
            diagnostics.warning(
                at: position,
                "balance-slb breaks multicast where the physical switches do IGMP snooping: "
                    + "turn snooping off there, or choose active-backup or balance-tcp"
            )
        }
        if case .given(_, let position) = lacpRate, isLACPOff {
            diagnostics.warning(at: position, "lacpRate has no effect without LACP: add 'lacp: active', or remove it")
        }
        if case .given(_, let position) = lacpFallback, isLACPOff {
            diagnostics.warning(
                at: position,
                "lacpFallback has no effect without LACP: add 'lacp: active', or remove it"
            )
        }
        if case .given(_, let position) = primary, let mode = mode.value, mode != .activeBackup {
            diagnostics.warning(
                at: position,
                "primary has no effect in \(mode.rawValue): choose active-backup, or remove it"
            )
        }
    }

    fileprivate func judgeMembers(into diagnostics: inout Diagnostics) {
        guard case .given(.list(let nics, let isComplete), let position) = nics, isComplete else { return }
        if Set(nics.map(\.name)).count == 1 {
            diagnostics.warning(at: position, "one NIC only: when its link fails the host is cut off; add a second NIC")
        }
        if case .given(let name, let position) = primary, !nics.contains(where: { $0.name == name }) {
            let members = nics.map(\.name)
            diagnostics.error(
                at: position,
                "primary is \(quoted(name)), which is no member: "
                    + remedy(for: name, among: members, or: "add it to nics")
            )
        }
    }
}

/// What to do about a name that is none of `names`.
private func remedy(for name: String, among names: [String], or otherwise: String) -> String {
    if let near = nearest(to: name, among: names) { return "did you mean \(quoted(near))?" }
    let some = names.prefix(5).map(quoted).joined(separator: ", ")
    return "choose one of \(some)\(names.count > 5 ? " and \(names.count - 5) more" : ""), or \(otherwise)"
}
