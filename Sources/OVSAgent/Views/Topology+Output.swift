import JSONRPC

/// The topology as a tree for people and as JSON for scripts.
extension Topology: ReadableText {
    var json: JSON { ["virtualSwitches": .array(virtualSwitches.map(\.json))] }

    var lines: [String] {
        guard isKnown else { return [.rowsUnknown] }
        let parts = virtualSwitches.isEmpty ? [["no virtual switch"]] : virtualSwitches.map(\.lines)
        return Array(((isCurrent ? [] : [[.rowsOld]]) + parts).joined(separator: [""]))
    }
}

extension Topology.VirtualSwitch {
    fileprivate var json: JSON {
        [
            "name": .string(name),
            "bridge": .string(bridge),
            "present": .boolean(bridgePresent),
            "uplink": uplink?.json ?? .null,
            "hostPort": hostPort.json,
            "directPorts": .array(directPorts.map(\.json)),
            "chain": .array(chain.map(\.json)),
            "vmPorts": .array(vmPorts.map(\.json)),
            "asFound": .array(asFound.map(\.json)),
        ]
    }

    /// The wire at the top; each bridge below the one that it hangs on.
    fileprivate var lines: [String] {
        var lines = ["\(name): wire to VM"]
        lines += uplinkLines
        lines.append("  |")
        lines.append("  \(bridge)\(bridgePresent ? "" : "  MISSING")")
        lines += ([["host port"] + hostPort.cells] + directPorts.map { ["direct port"] + $0.cells })
            .aligned.map { "  |- \($0)" }
        lines += foundLines
        let links = chain.map { [$0.wireSide.text, "<->", $0.vmSide.text, $0.trouble] }.aligned
        for (hop, link) in zip(chain, links) {
            lines.append("  |  \(link)")
            lines.append("  \(hop.bridge)\(hop.bridgePresent ? "" : "  MISSING")")
        }
        let ports = vmPorts.map { $0.cells(carrier: carrier) }.aligned
        lines += ports.isEmpty ? ["  `- no VM port"] : ports.dropLast().map { "  |- \($0)" }
        if let last = ports.last { lines.append("  `- \(last)") }
        return lines
    }

    private var foundLines: [String] {
        asFound.reduce(into: [(object: String, values: [String])]()) { lines, found in
            let value = "\(found.column) \(found.value)"
            if lines.last?.object == found.object {
                lines[lines.count - 1].values.append(value)
            } else {
                lines.append((found.object, [value]))
            }
        }.map { "  |  as found on \($0.object): \($0.values.joined(separator: ", "))" }
    }

    /// What VM ports' frames go by, up and down.
    private var carrier: String {
        // The first that a frame of a VM comes to.
        let gap = chain.last { !$0.isWhole }
        return "by lane \(lane)" + (gap.map { ", CUT at \($0.vmSide.name)" } ?? "")
    }

    private var uplinkLines: [String] {
        guard let uplink else { return ["  (no uplink)"] }
        guard uplink.present else { return ["  \(uplink.name)  MISSING"] }
        let members = uplink.members.map { member in
            [
                member.name, member.linkUp ? "up" : "down", member.speedMbps.map { "\($0) Mbit/s" } ?? "-",
                member.enabled ? "" : "disabled",
            ]
        }
        return members.aligned.map { "  |- \($0)" } + ["  \(uplink.name)\(members.isEmpty ? "  no NIC" : "")"]
    }
}

extension Topology.FoundValue {
    fileprivate var json: JSON { ["object": .string(object), "column": .string(column), "value": .string(value)] }
}

extension Topology.Uplink {
    fileprivate var json: JSON {
        [
            "name": .string(name),
            "present": .boolean(present),
            "members": .array(members.map(\.json)),
        ]
    }
}

extension Topology.Port {
    var json: JSON {
        [
            "name": .string(name),
            "present": .boolean(present),
            "ofport": JSON(ofport),
            "tag": JSON(vlans.tag),
            "trunks": .array(vlans.trunks.map { .integer(Int64($0)) }),
            "vlanMode": JSON(vlans.mode),
            "network": JSON(vlans.network),
            "interfaceId": JSON(interfaceID),
            "mac": JSON(mac),
            "role": JSON(role),
        ]
    }

    /// Name, port number, VLANs, MAC, who it is.
    fileprivate var cells: [String] {
        guard present else { return [name, "MISSING"] }
        let number = ofport.map { "port \($0)" } ?? "no port number"
        return [name, number, vlans.text, mac ?? "", interfaceID ?? role ?? ""]
    }
}

extension Topology.Hop {
    fileprivate var json: JSON {
        [
            "bridge": .string(bridge),
            "present": .boolean(bridgePresent),
            "wireSide": wireSide.json,
            "vmSide": vmSide.json,
        ]
    }

    /// What keeps the pair from carrying frames.
    fileprivate var trouble: String {
        guard wireSide.present, vmSide.present else { return "" }
        return isWhole ? "" : "NOT CONNECTED"
    }

    /// Whether the pair carries frames, as far as the database says.
    fileprivate var isWhole: Bool {
        wireSide.present && vmSide.present && wireSide.peer == vmSide.name && vmSide.peer == wireSide.name
    }
}

extension VMListing.Entry {
    /// Name, port number, VLANs, MAC, which NIC it is, and what carries its frames.
    fileprivate func cells(carrier: String) -> [String] {
        var cells = port.cells
        cells[cells.count - 2] = learns ? "learns its MAC" : port.mac ?? ""
        return [port.interfaceID == nil ? "port" : "VM port"] + cells + [service.text(carrier: carrier, isBrief: true)]
    }
}

extension Topology.PatchPort {
    fileprivate var json: JSON {
        [
            "name": .string(name), "present": .boolean(present), "ofport": JSON(ofport), "peer": JSON(peer),
        ]
    }

    fileprivate var text: String {
        guard present else { return "\(name) MISSING" }
        return "\(name) (\(ofport.map(String.init) ?? "no port number"))"
    }
}
