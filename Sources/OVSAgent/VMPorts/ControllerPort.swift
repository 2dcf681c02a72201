import OVSDB

/// What marks a port of brN, on its Port or its interface, as the controller VM's.
enum ControllerPort {
    static let key = "ovs-agent-port"
    static let value = "controller"

    static func isMarked(_ port: Row, _ interfaces: [Row]) -> Bool {
        ([port] + interfaces).contains { $0[.externalIDs][key] == value }
    }
}
