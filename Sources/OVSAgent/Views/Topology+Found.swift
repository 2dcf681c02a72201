import OVSDB

/// What of the topology is as the agent found it: pure.
extension Topology {
    mutating func showAsFound(_ desired: DesiredState) {
        for index in virtualSwitches.indices {
            let bridge = desired.bridges.first { $0.row.name == virtualSwitches[index].bridge }
            guard let bridge else { continue }
            let rows = [bridge.row] + bridge.ports.flatMap { [$0.row] + $0.interfaces.map(\.row) }
            virtualSwitches[index].asFound = rows.filter { $0.memory != .none }.flatMap(\.valuesAsFound)
        }
    }
}

extension DesiredRow {
    /// What has a value; that all else is to have none goes without saying.
    fileprivate var valuesAsFound: [Topology.FoundValue] {
        columns.filter(\.isAsFound).flatMap { column -> [(String, String)] in
            switch column.value {
            case .exact(let value):
                let isNothing = value.isEmpty || value == 0 || value == false || value == ""
                return isNothing && column.name != Port.tag.name || value.isEmpty
                    ? [] : [(column.name, value.description)]
            case .entries(let entries):
                return entries.compactMap { entry in entry.value.map { ("\(column.name):\(entry.key)", $0) } }
            }
        }.sorted { $0.0 < $1.0 }.map { Topology.FoundValue(object: "\(object)", column: $0.0, value: $0.1) }
    }
}
