import JSONRPC
import OVSDB

// The ways from row to row: a bridge has ports, a port has interfaces.

extension Replica {
    func bridge(named name: String) -> Row? { self[Bridge.table][name: name] }

    func port(named name: String) -> Row? { self[Port.table][name: name] }

    func interface(named name: String) -> Row? { self[Interface.table][name: name] }

    /// The one row of `Open_vSwitch`; `nil` in a database that nobody initialised.
    var root: Row? {
        let table = self[OpenVSwitch.table]
        return table.uuids.first.flatMap { table[$0] }
    }

    /// The ports of a bridge, in no order.
    func ports(of bridge: Row) -> [Row] {
        let table = self[Port.table]
        return bridge[Bridge.ports].uuids.compactMap { table[$0] }
    }

    /// The ports of the bridge of this name, in the order of their names; none where there is no such bridge.
    func ports(of bridge: String) -> [Row] { unorderedPorts(of: bridge).sortedNaturally(by: \.name) }

    /// The same in no order, which costs many times less.
    func unorderedPorts(of bridge: String) -> [Row] { self.bridge(named: bridge).map { ports(of: $0) } ?? [] }

    /// The interfaces of a port, in no order.
    func interfaces(of port: Row) -> [Row] {
        let table = self[Interface.table]
        return port[Port.interfaces].uuids.compactMap { table[$0] }
    }

    /// The port that an interface is in: one, unless somebody made a mistake.
    func port(of interface: Row) -> Row? { ports(ofInterface: interface.uuid).first }

    /// All ports that an interface is in.
    func ports(ofInterface interface: UUID) -> [Row] {
        let table = self[Port.table]
        return referrers(of: interface).compactMap { table[$0.row] }
    }

    /// The bridges that a port is on: one, unless somebody made a mistake.
    func bridges(ofPort port: UUID) -> [Row] {
        let table = self[Bridge.table]
        return referrers(of: port).compactMap { table[$0.row] }
    }
}
