import OVSDB

/// The VLANs of a port in words, with the meaning that Open vSwitch gives the columns.
extension Topology.VLANs {
    /// Of a Port's row and its interfaces'; `networks` has the VLANs of the virtual switch's networks by name.
    init(_ port: Row, members: [Row], networks: [String: Int]) {
        let asked = NetworkRequest(port: port, vmInterfaces: members.filter(\.isVMInterface))
        // A profile may be meant for somebody else.
        let network = asked.flatMap { $0.isBinding || $0.network.map { networks[$0] != nil } == true ? $0.text : nil }
        self.init(
            tag: network.flatMap { networks[$0] } ?? port[Port.tag].integer.map { Int($0) },
            trunks: port[Port.trunks].atoms.compactMap { if case .integer(let vlan) = $0 { Int(vlan) } else { nil } },
            mode: port[Port.vlanMode].string,
            network: network
        )
    }

    /// Whether nothing says which VLANs a port carries, so that it carries all.
    var isUnset: Bool { tag == nil && trunks.isEmpty && network == nil }

    /// Whether the port carries every VLAN, meant or not.
    var carriesAll: Bool { isUnset || trunks.isEmpty && mode != nil && !isAccess && mode != "dot1q-tunnel" }

    /// Whether the port has one VLAN, whose frames have no tag there.
    var isAccess: Bool { mode == "access" || mode == nil && tag != nil }

    var text: String {
        if let network { return tag.map { "network \(network) (VLAN \($0))" } ?? "network \(network)" }
        switch mode {
        case nil where tag == nil, "trunk": return trunkText
        case nil, "access": return "VLAN \(tag ?? 0)" + (trunks.isEmpty ? "" : ", trunk \(trunks.ranges) ignored")
        case "native-untagged": return "\(trunkText), native \(tag ?? 0)"
        case "native-tagged": return "\(trunkText), native \(tag ?? 0) tagged"
        case let mode?: return "\(mode) \(tag ?? 0)"
        }
    }

    private var trunkText: String { trunks.isEmpty ? "all VLANs" : "trunk \(trunks.ranges)" }
}

extension NetworkRequest {
    fileprivate var text: String {
        switch self {
        case .named(let name), .profile(let name): name
        case .contradictory(let names): names.joined(separator: " or ")
        }
    }
}

extension [Int] {
    /// `1-3,7`.
    fileprivate var ranges: String {
        var ranges: [ClosedRange<Int>] = []
        for number in sorted() {
            if let last = ranges.last, number <= last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
