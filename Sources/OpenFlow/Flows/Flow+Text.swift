// Flows and what they do as `ovs-ofctl dump-flows` prints them, and as its commands read them.

extension Flow: CustomStringConvertible {
    /// Such as `cookie=0x1, table=2, priority=10,in_port=7 actions=goto_table:3`.
    public var description: String {
        var text = ""
        if cookie != 0 { text += "cookie=0x\(hexDigits(cookie)), " }
        if table != 0 { text += "table=\(table), " }
        if idleTimeout != 0 { text += "idle_timeout=\(idleTimeout), " }
        if hardTimeout != 0 { text += "hard_timeout=\(hardTimeout), " }
        for (flag, name) in Self.flagNames where flags.contains(flag) { text += "\(name) " }
        if importance != 0 { text += "importance=\(importance), " }
        let terms = (priority == Self.defaultPriority ? [] : ["priority=\(priority)"]) + match.terms
        if !terms.isEmpty { text += terms.joined(separator: ",") + " " }
        return text + "actions=\(instructions)"
    }

    private static let flagNames: [(Flags, String)] = [
        (.sendFlowRemoved, "send_flow_rem"), (.checkOverlap, "check_overlap"), (.resetCounts, "reset_counts"),
        (.noPacketCounts, "no_packet_counts"), (.noByteCounts, "no_byte_counts"),
    ]
}

extension Instructions: CustomStringConvertible {
    /// Such as `push_vlan:0x8100,goto_table:1`, and `drop` for nothing at all.
    public var description: String {
        var parts: [String] = []
        if let meter { parts.append("meter:\(meter)") }
        parts += actions.map(\.description)
        if clearsActionSet { parts.append("clear_actions") }
        if !actionSet.isEmpty { parts.append("write_actions(\(actionSet.text))") }
        if let metadata {
            let mask = metadata.mask == .max ? "" : "/\(prefixedHex(metadata.mask))"
            parts.append("write_metadata:\(prefixedHex(metadata.value))\(mask)")
        }
        parts += opaque.map { "instruction:0x" + $0.map { hexDigits($0, width: 2) }.joined() }
        if let goto { parts.append("goto_table:\(goto)") }
        return parts.isEmpty ? "drop" : parts.joined(separator: ",")
    }
}

extension [FlowAction] {
    var text: String { isEmpty ? "drop" : map(\.description).joined(separator: ",") }
}

extension FlowAction: CustomStringConvertible {
    public var description: String {
        switch self {
        case .output(let port): Self.reservedPorts[port] ?? "output:\(port)"
        case .outputField(let source, _): "output:\(source)"
        case .controller(let maxLength): "CONTROLLER:\(maxLength)"
        case .pushVLAN(let type): "push_vlan:\(prefixedHex(type.rawValue))"
        case .popVLAN: "pop_vlan"
        case .setField(let field): "set_field:\(field.assignment)->\(field.field.name)"
        case .load(let value, let target): "load:\(prefixedHex(value))->\(target)"
        case .move(let source, let target): "move:\(source)->\(target)"
        case .resubmit(.some(let port), nil, _): "resubmit:\(Self.portText(port))"
        case .resubmit(let port, let table, let ct):
            "resubmit(\(port.map(Self.portText) ?? ""),\(table.map { "\($0)" } ?? "")\(ct ? ",ct" : ""))"
        case .group(let number): "group:\(number)"
        case .learn(let learn): "\(learn)"
        case .ct(let tracking): "\(tracking)"
        case .ctClear: "ct_clear"
        case .clone(let actions): "clone(\(actions.text))"
        case .decrementTTL: "dec_ttl"
        case .checkPacketLarger(let length, let target): "check_pkt_larger(\(length))->\(target)"
        case .note(let bytes): "note:" + bytes.map { hexDigits($0, width: 2) }.joined(separator: ".")
        case .opaque(let action): "action:0x" + action.bytes.map { hexDigits($0, width: 2) }.joined()
        }
    }

    /// A port's number, or the name of a reserved one; 16 bits of it are enough to tell.
    static func portText(_ number: UInt32) -> String {
        reservedPorts[number >= 0xff00 ? number | 0xffff_0000 : number] ?? "\(number)"
    }

    private static let reservedPorts: [UInt32: String] = [
        0xffff_fff7: "UNSET", 0xffff_fff8: "IN_PORT", 0xffff_fff9: "TABLE", 0xffff_fffa: "NORMAL",
        0xffff_fffb: "FLOOD", 0xffff_fffc: "ALL", 0xffff_fffd: "CONTROLLER", 0xffff_fffe: "LOCAL", 0xffff_ffff: "ANY",
    ]
}

extension Subfield: CustomStringConvertible {
    /// Such as `NXM_NX_REG0[0..15]`.
    public var description: String {
        if offset == 0, count == field.bits { return "\(field.symbol)[]" }
        return "\(field.symbol)[\(offset)" + (count == 1 ? "]" : "..\(offset + count - 1)]")
    }
}

extension Learn: CustomStringConvertible {
    public var description: String {
        var parts = ["table=\(table)"]
        if idleTimeout != 0 { parts.append("idle_timeout=\(idleTimeout)") }
        if hardTimeout != 0 { parts.append("hard_timeout=\(hardTimeout)") }
        if finIdleTimeout != 0 { parts.append("fin_idle_timeout=\(finIdleTimeout)") }
        if finHardTimeout != 0 { parts.append("fin_hard_timeout=\(finHardTimeout)") }
        if priority != Flow.defaultPriority { parts.append("priority=\(priority)") }
        if flags.contains(.sendFlowRemoved) { parts.append("send_flow_rem") }
        if flags.contains(.deleteLearned) { parts.append("delete_learned") }
        if cookie != 0 { parts.append("cookie=\(prefixedHex(cookie))") }
        if limit != 0 { parts.append("limit=\(limit)") }
        if let result { parts.append("result_dst=\(result)") }
        parts += specs.map(\.description)
        return "learn(\(parts.joined(separator: ",")))"
    }
}

extension Learn.Spec: CustomStringConvertible {
    public var description: String {
        switch self {
        case .match(let target, let value) where target == Subfield(target.field):
            "\(target.field.name)=\(FieldMatch(target.field, value).assignment)"
        case .match(let target, let value): "\(target)=\(prefixedHex(value))"
        case .matchField(let target, let source): target == source ? "\(target)" : "\(target)=\(source)"
        case .load(let value, let target): "load:\(prefixedHex(value))->\(target)"
        case .loadField(let source, let target): "load:\(source)->\(target)"
        case .output(let source): "output:\(source)"
        }
    }
}

extension ConnectionTracking: CustomStringConvertible {
    public var description: String {
        var parts: [String] = []
        if commits { parts.append("commit") }
        if forces { parts.append("force") }
        if let table { parts.append("table=\(table)") }
        switch zone {
        case .number(0): break
        case .number(let number): parts.append("zone=\(number)")
        case .field(let source): parts.append("zone=\(source)")
        }
        if !actions.isEmpty { parts.append("exec(\(actions.text))") }
        switch helper {
        case 0: break
        case 21: parts.append("alg=ftp")
        case 69: parts.append("alg=tftp")
        default: parts.append("alg=\(helper)")
        }
        return "ct(\(parts.joined(separator: ",")))"
    }
}
