import JSONRPC

/// The way of a frame for people and as JSON for scripts.
extension FramePath: ReadableText {
    var lines: [String] {
        let others = question.frame.others
        let head =
            "\(question.port) on \(question.bridge), \(question.vlans), \(source) -> \(destination)"
            + (others.isEmpty ? "" : ", \(others.joined(separator: ","))")
        return [head] + hops.map(\.cells).aligned.map { "  \($0)" } + remarks.map { "  ? \($0)" } + [verdict]
    }

    /// What becomes of the frame.
    private var verdict: String {
        guard deliveries.isEmpty else { return "delivered to " + deliveries.map(\.words).joined(separator: ", ") }
        return hops.last { $0.drop != nil }.map { "dropped by \($0.bridge)" } ?? "delivered nowhere"
    }

    var json: JSON {
        [
            "port": .string(question.port), "bridge": .string(question.bridge), "source": .string(source),
            "destination": .string(destination), "frame": .string(question.frame.fields.joined(separator: ",")),
            "hops": .array(hops.map(\.json)), "deliveries": .array(deliveries.map(\.json)),
            "verdict": .string(verdict), "remarks": .array(remarks.map(JSON.string)),
        ]
    }
}

extension FramePath.Hop {
    fileprivate var cells: [String] {
        let out = outPorts.isEmpty ? "looked at again" : "out \(outPorts.joined(separator: ", "))"
        let end = drop.map { "DROPPED: \($0)" } ?? out
        return [bridge, inPort.map { "in \($0)" } ?? "", words.joined(separator: "; "), end]
    }

    fileprivate var json: JSON {
        [
            "bridge": .string(bridge), "in": JSON(inPort), "words": .array(words.map(JSON.string)),
            "out": .array(outPorts.map(JSON.string)), "dropped": JSON(drop), "tables": .array(steps.map(\.json)),
        ]
    }
}

extension FramePath.Delivery {
    fileprivate var words: String {
        switch kind {
        case .vm, .other: port
        case .wire: "\(port) (the wire)"
        case .host: "\(port) (the host)"
        }
    }

    fileprivate var json: JSON {
        ["port": .string(port), "bridge": .string(bridge), "kind": .string(kind.rawValue)]
    }
}

extension OfprotoTrace.Step {
    fileprivate var json: JSON {
        [
            "table": .integer(Int64(table)), "match": JSON(found?.match), "priority": JSON(found?.priority),
            "cookie": JSON(found.map { "0x\(String($0.cookie, radix: 16))" }),
            "actions": .array(
                actions.map { action in
                    ["action": .string(action.text), "remarks": .array(action.remarks.map(JSON.string))]
                }
            ),
        ]
    }
}
