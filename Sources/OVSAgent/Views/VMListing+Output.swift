import JSONRPC

/// The VM ports as a table for people and as JSON for scripts.
extension VMListing: ReadableText {
    var json: JSON { ["ports": .array(ports.map(\.json))] }

    var lines: [String] {
        guard isKnown else { return [.rowsUnknown] }
        let head = ["port", "interface ID", "VM", "MAC", "VLANs", "lane", "presence", ""]
        let lines = ports.isEmpty ? ["no VM port"] : ([head] + ports.map(\.cells)).aligned
        return (isCurrent ? [] : [.rowsOld, ""]) + lines
    }
}

extension VMListing.Entry {
    /// What `show` says of the port, and more.
    var json: JSON {
        guard case .object(let members) = port.json else { return port.json }
        return .object(
            members + [
                .init("vm", JSON(vm)), .init("learns", .boolean(learns)), .init("bridge", .string(lane.localBridge)),
                .init("lane", .integer(Int64(lane.number))), .init("served", JSON(service.isServed)),
                .init("reason", JSON(service.reason)), .init("vmName", JSON(vmName)),
                .init("presence", JSON(presence?.rawValue)),
            ]
        )
    }

    fileprivate var cells: [String] {
        [
            port.name, port.interfaceID ?? "-", vmName ?? vm ?? "-", macText, port.present ? port.vlans.text : "-",
            lane.localBridge, presence?.rawValue ?? "-", service.text(carrier: "served"),
        ]
    }

    var macText: String { port.mac ?? (learns ? "learns" : "-") }
}

extension VMListing.Service {
    /// `nil` where that is not known.
    fileprivate var isServed: Bool? {
        switch self {
        case .served, .contested: true
        case .unserved: false
        case .unknown: nil
        }
    }

    /// In full.
    fileprivate var reason: String? {
        switch self {
        case .served: nil
        case .contested(let reason): reason
        case .unserved(let reason), .unknown(let reason): reason.line
        }
    }

    /// What carries the frames, where they are carried, and what is wrong; briefly, without what to do about it.
    func text(carrier: String, isBrief: Bool = false) -> String {
        switch self {
        case .served: carrier
        case .contested(let reason): "\(carrier), but \(reason)"
        case .unserved(let reason): "NOT SERVED: \(isBrief ? reason.text : reason.line)"
        case .unknown(let reason): "not known: \(isBrief ? reason.text : reason.line)"
        }
    }
}
