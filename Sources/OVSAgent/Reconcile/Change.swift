/// One difference between the desired state and the database, as the journal and `plan` show it.
///
/// Only the topmost missing thing is listed: a bridge that comes back implies its ports and their columns.
package struct Change: Hashable, Sendable, CustomStringConvertible {
    /// What is done about it.
    package enum Kind: String, Hashable, Sendable {
        case add, remove, modify
    }

    package var kind: Kind
    /// As in `Bridge br.microseg`, `Port br0-up`, `Interface br0.ms.n`. A port that comes or goes is the bridge with
    /// column `ports`, a member of a bond the port with column `interfaces`, a bridge itself with column `bridges`.
    package var object: String
    /// A column, or one key of a map as in `other_config:hwaddr`.
    package var column: String
    /// The value as `ovs-vsctl get` prints it; empty where there is none.
    package var found: String
    /// The value as `ovs-vsctl get` prints it; empty where there is to be none.
    package var wanted: String
    /// Why it is to be though nobody changed what is ours; `nil` for what the layout wants by itself.
    var answer: Answer?

    /// Where the value comes from, in words, for who undoes what somebody else did to it; `nil` where the object says it.
    var note: String?
    /// Whether `wanted` is what the agent found there, and no layout states it.
    var isAsFound = false

    /// What a change follows from that is no foreign edit.
    enum Answer: Hashable, Sendable {
        /// ovs-vswitchd's word.
        case status
        /// A VM port asks for this network.
        case network(String)
        /// The controller VM's port is to be where the host is.
        case hostVLAN
        /// A VM port has a network no more, or the controller VM's the host's VLAN.
        case released(why: String)

        /// In words, where a VM port is the cause.
        var reason: String? {
            switch self {
            case .status: nil
            case .network(let name): "network \(name)"
            case .hostVLAN: "the host's VLAN, for the controller VM"
            case .released(let why): why
            }
        }
    }

    package init(_ kind: Kind, _ object: String, _ column: String, found: String = "", wanted: String = "") {
        self.kind = kind
        self.object = object
        self.column = column
        self.found = found
        self.wanted = wanted
    }

    /// One line for people, led by `+`, `-` or `~`.
    package var description: String {
        let reason = answer?.reason.map { " (\($0))" } ?? (isAsFound ? " (as found)" : "")
        return switch kind {
        case .add: "+ \(object): \(column) \(wanted)\(reason)"
        case .remove: "- \(object): \(column) \(found)\(reason)"
        case .modify:
            "~ \(object): \(column) \(found.isEmpty ? "(none)" : found) -> \(wanted.isEmpty ? "(none)" : wanted)\(reason)"
        }
    }
}
