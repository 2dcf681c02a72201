import NIOCore
import OVSDB

/// A VM's port that somebody plugged into a bridge of the chain, where none may be: it is taken off, and its VM has no
/// network, though whoever plugged it was told that all went well.
struct MisplacedVM: Hashable, Sendable {
    /// The interface's name.
    var name: String
    /// The bridge that it was plugged into.
    var bridge: String
    var interfaceID: String
    var mac: String?
    /// The VM by its hypervisor's identifier, and by its name.
    var vm: String?
    var vmName: String?
    /// Where it may belong: where its network is, or else any lane of the layout, the first one first.
    var lanes: [Lane]

    init(
        name: String,
        bridge: String,
        interfaceID: String,
        mac: String? = nil,
        vm: String? = nil,
        vmName: String? = nil,
        lanes: [Lane]
    ) {
        (self.name, self.bridge, self.interfaceID, self.mac) = (name, bridge, interfaceID, mac)
        (self.vm, self.vmName, self.lanes) = (vm, vmName, lanes)
    }

    /// `nil` for an interface that is no VM's.
    init?(_ interface: Row, on bridge: String, lanes: [Lane]) {
        let marks = interface[Interface.externalIDs]
        guard let interfaceID = marks[VMPort.Key.interfaceID] else { return nil }
        self.init(
            name: interface.name,
            bridge: bridge,
            interfaceID: interfaceID,
            mac: marks[VMPort.Key.attachedMAC],
            vm: VMPort.Key.vm.lazy.compactMap { marks[$0] }.first,
            vmName: marks[VMPort.Key.vmName],
            lanes: lanes
        )
    }

    var reason: Reason {
        let homes = lanes.map(\.localBridge)
        return Reason(
            "it was plugged into \(bridge), which carries no VM's port, and was taken off",
            remedy:
                "plug it into \(homes.joined(separator: " or ")) (ovs-vsctl add-port \(homes.first ?? "brN.local") \(name))"
        )
    }

    /// One line, with the remedy.
    var warning: String {
        let owner = (vmName ?? vm).map { ", VM \($0)" } ?? ""
        return "VM port \(name) (interface ID \(interfaceID)\(owner)) has no network: \(reason.line)"
    }
}

/// Those of them that are still to be named: until they are plugged where they belong, or their device is gone. A pure
/// value on the caller's clock, for what the database tells no more.
struct MisplacedVMs: Sendable {
    /// Whoever plugs more at once learns of the latest.
    static let limit = 100
    /// How long each is named at least: a device may be out of this host's sight.
    static let patience = TimeAmount.seconds(60)

    private var found: [String: (vm: MisplacedVM, at: NIODeadline)] = [:]

    var isEmpty: Bool { found.isEmpty }

    /// In the order of their names.
    var all: [MisplacedVM] { found.values.map(\.vm).sortedNaturally(by: \.name) }

    /// These stood on a bridge of the chain just now.
    mutating func saw(_ vms: [MisplacedVM], now: NIODeadline) {
        for vm in vms {
            if found[vm.name] == nil, found.count >= Self.limit,
                let oldest = found.min(by: { $0.value.at < $1.value.at })
            {
                found[oldest.key] = nil
            }
            found[vm.name] = (vm, now)
        }
    }

    /// Forgets those that stand on a brN.local now.
    mutating func look(at changes: VMPortChanges, in replica: Replica) {
        guard !found.isEmpty else { return }
        for uuid in changes.interfaces {
            guard let interface = replica[Interface.table][uuid], found[interface.name] != nil else { continue }
            look(at: interface, in: replica)
        }
    }

    /// The same of all that stand there now.
    mutating func lookAtAll(in replica: Replica) {
        for name in found.keys {
            if let interface = replica.interface(named: name) { look(at: interface, in: replica) }
        }
    }

    private mutating func look(at interface: Row, in replica: Replica) {
        let bridges = replica.ports(ofInterface: interface.uuid).flatMap { replica.bridges(ofPort: $0.uuid) }
        if bridges.contains(where: { Lane(localBridge: $0.name) != nil }) { found[interface.name] = nil }
    }

    /// Forgets those without a device, unless they were seen a moment ago.
    mutating func look(atDevices devices: Set<String>, now: NIODeadline) {
        found = found.filter { devices.contains($0.key) || $0.value.at + Self.patience > now }
    }
}
