import JSONRPC
import OVSDB

// VM ports that ask for a network, and the controller VM's, which goes where the host goes: the one column of theirs that
// is ours, while they ask, is `tag`.

/// Which VM ports a plan looks at. Thousands of them stay as they are for days, and looking at them all would make every
/// notification pay for every VM.
enum VMPortsToSee: Hashable, Sendable {
    case all
    /// These rows of Port.
    case some(Set<UUID>)
}

extension Planner {
    mutating func settleTags() {
        var rows: [Row] = []
        switch vmPorts {
        case .all:
            // Each once, however many bridges it is on.
            let standing = desired.lanes.flatMap { [$0.localBridge, $0.uplinkBridge] }.compactMap { bridges[name: $0] }
            rows = Set(standing.flatMap { ports(of: $0).uuids }).compactMap { ports[$0] }
        case .some(let uuids):
            for uuid in uuids {
                if let row = ports[uuid] {
                    rows.append(row)
                } else {
                    plan.settledTags[uuid] = .some(nil)
                    plan.unknownProfiles[uuid] = .some(nil)
                }
            }
        }
        for row in rows.sortedNaturally(by: \.name) { settleTag(of: row) }
    }

    /// Gives a port of brN.local the tag that it had before it asked for a network.
    mutating func restoreTag(of port: Row, why: String = "it asks for no network") {
        let marks = port[Port.externalIDs]
        let found = port[Port.tag]
        let noted = provenance.givenTag(port.uuid) ?? GivenTag(marks)
        patchTag(of: port, to: noted?.restored(from: found) ?? found, GivenTag.noMarks, .released(why: why))
    }

    private mutating func settleTag(of port: Row) {
        plan.unknownProfiles[port.uuid] = .some(nil)
        guard let lane = lane(ofVMPort: port) else {
            if let lane = self.lane(ofDirectPort: port) { return settleControllerTag(of: port, on: lane) }
            plan.settledTags[port.uuid] = .some(nil)
            return
        }
        let members = vmInterfaces(of: port)
        guard let asked = NetworkRequest(port: port, vmInterfaces: members) else { return restoreTag(of: port) }
        guard let request = desired.networks.heeded(asked) else {
            if case .profile(let profile) = asked {
                plan.unknownProfiles[port.uuid] = UnknownProfile(port: port.name, lane: lane, profile: profile)
            }
            return restoreTag(of: port, why: "its profile names no network of the layout")
        }
        do throws(NetworkRequest.Refusal) {
            let vlan = Int64(try desired.networks.vlan(for: request, on: lane))
            give(vlan, to: port, asking: members, request)
        } catch {
            restoreTag(of: port, why: "\(error)")
        }
    }

    private mutating func give(_ vlan: Int64, to port: Row, asking members: [Row], _ request: NetworkRequest) {
        let noted = provenance.givenTag(port.uuid) ?? GivenTag(port[Port.externalIDs])
        let wanted = GivenTag(former: noted?.former ?? port[Port.tag], given: vlan)
        // What was given before and is not there any more, somebody else took.
        let isDrift = noted.map { $0.given == nil || $0.given == vlan } ?? false
        give(wanted, to: port, asking: members, isDrift ? nil : request.network.map { .network($0) }, request.network)
    }

    private mutating func give(
        _ wanted: GivenTag,
        to port: Row,
        asking members: [Row],
        _ answer: Change.Answer?,
        _ network: String?
    ) {
        let note = network.map { "network \($0)" }
        guard
            patchTag(
                of: port,
                to: wanted.given.map { Datum(.integer($0)) } ?? .emptySet,
                wanted.marks,
                answer,
                note: note
            )
        else {
            plan.settledTags[port.uuid] = wanted
            return
        }
        for member in members {
            edit(Interface.table, member.uuid) { $0.assumed[Interface.externalIDs] = member[Interface.externalIDs] }
        }
    }

    /// The controller VM's port has the host's VLAN, unless it has VLANs of its own.
    private mutating func settleControllerTag(of port: Row, on lane: Lane) {
        let members = replica.interfaces(of: port)
        let noted = provenance.givenTag(port.uuid) ?? GivenTag(port[Port.externalIDs])
        guard ControllerPort.isMarked(port, members) else {
            // Tags that were given for another reason are not looked at here.
            if noted?.given != nil, !members.contains(where: \.isVMInterface) {
                restoreTag(of: port, why: "it is no longer marked as the controller VM's")
            } else {
                plan.settledTags[port.uuid] = .some(nil)
            }
            return
        }
        let (tag, vlan) = (port[Port.tag].integer, desired.hostVLANs[lane])
        let isGiven = noted != nil && (tag == noted?.given || tag == vlan)
        let hasOwn =
            !port[Port.trunks].isEmpty || !port[Port.vlanMode].isEmpty || noted?.former.isEmpty == false
            || tag != nil && !isGiven
        guard let vlan, !hasOwn else {
            return restoreTag(of: port, why: hasOwn ? "it has VLANs of its own" : "the host's port has no VLAN")
        }
        let isDrift = noted?.given == vlan
        give(GivenTag(former: .emptySet, given: vlan), to: port, asking: members, isDrift ? nil : .hostVLAN, nil)
    }

    /// The lane of a brN of the layout that the port stands on, where the layout says nothing of it.
    private func lane(ofDirectPort port: Row) -> Lane? {
        guard DerivedName(port.name) == nil, !moving.contains(port.uuid) else { return nil }
        return replica.bridges(ofPort: port.uuid).compactMap { bridge -> Lane? in
            guard let lane = Lane(uplinkBridge: bridge.name),
                let wanted = desired.bridges.first(where: { $0.row.name == bridge.name }),
                !wanted.ports.contains(where: { $0.row.name == port.name }), !isLeaving(port.uuid, bridge: bridge.uuid)
            else { return nil }
            return lane
        }.min()
    }

    /// Whether there was anything to change. The marks go without saying where the tag changes by our own doing.
    @discardableResult
    private mutating func patchTag(
        of port: Row,
        to tag: Datum,
        _ marks: [String: String?],
        _ answer: Change.Answer?,
        note: String? = nil
    ) -> Bool {
        let found = (tag: port[Port.tag], marks: port[Port.externalIDs])
        let differing = marks.filter { found.marks[$0.key] != $0.value }
        guard found.tag != tag || !differing.isEmpty else {
            plan.settledTags[port.uuid] = .some(nil)
            return false
        }
        plan.openTags.insert(port.uuid)
        edit(Port.table, port.uuid) { edit in
            edit.assumed[Port.tag] = found.tag
            edit.assumed[Port.externalIDs] = found.marks
            if found.tag != tag { edit.values[Port.tag] = tag }
            if !differing.isEmpty { edit.keys[Port.externalIDs, default: [:]].merge(differing) { $1 } }
        }
        let object = "Port \(port.name)"
        if found.tag != tag {
            list(
                object,
                Port.tag.name,
                found: found.tag.isEmpty ? nil : found.tag.description,
                wanted: tag.isEmpty ? nil : tag.description,
                answer: answer,
                note: note
            )
            if answer != nil { return true }
        }
        for (key, wanted) in differing.sorted(by: { $0.key < $1.key }) {
            list(
                object,
                "\(Port.externalIDs.name):\(key)",
                found: found.marks[key],
                wanted: wanted,
                answer: answer,
                note: note
            )
        }
        return true
    }

    /// The lane of a brN.local of the layout that has the port, and keeps it. Ports of our own names are none of a VM's.
    private func lane(ofVMPort port: Row) -> Lane? {
        guard DerivedName(port.name) == nil, !moving.contains(port.uuid) else { return nil }
        // Two bridges can hold one port only by somebody's mistake. Then the lowest lane counts, so that every plan says the
        // same.
        return replica.bridges(ofPort: port.uuid).compactMap { bridge in
            guard let lane = Lane(localBridge: bridge.name),
                desired.lanes.contains(lane), !isLeaving(port.uuid, bridge: bridge.uuid)
            else { return nil }
            return lane
        }.min()
    }

    private func vmInterfaces(of port: Row) -> [Row] {
        replica.interfaces(of: port).filter(\.isVMInterface)
    }
}
