import JSONRPC
import OVSDB
import OpenFlow

/// A VM port as the database has it, before the switch's own number makes a ``VMPort`` of it.
struct VMPortRow: Hashable, Sendable {
    var name: String
    var lane: Lane
    /// What ovs-vswitchd says that it numbers this row's port; `nil` before it has taken the row, whatever port of the same
    /// name it may have had before.
    var number: UInt16?
    /// Read once: the same for whatever number and VLANs.
    var source: Result<VMPort.Source, VMPort.Unserved>
    var mode: String?
    var tag: Int?
    var trunks: [Int]
    /// What decides in place of ``tag``, which follows it, where the layout heeds it.
    var network: NetworkRequest?
    /// The kernel's number of the device that ovs-vswitchd is to listen to by a packet socket, as its userspace datapath does;
    /// `nil` where it does not, or there is none.
    var device: Int64?
    /// Whether it listens to another one (``VMDevices``).
    var isDeaf = false

    func port(number: UInt32?, networks: Networks) throws(VMPort.Unserved) -> VMPort {
        guard !isDeaf else { throw .deviceReplaced(name) }
        var tag = tag
        if let network = networks.heeded(network) {
            do throws(NetworkRequest.Refusal) {
                tag = try networks.vlan(for: network, on: lane)
            } catch {
                throw .network(error)
            }
            guard mode != "trunk" else { throw .networkOfTrunk }
        }
        return try VMPort(name: name, number: number, source: source, mode: mode, tag: tag, trunks: trunks)
    }

    /// Whether nothing says which VLANs it carries. `vlan_mode=trunk` says that it is to carry all.
    var isUnrestricted: Bool { mode == nil && tag == nil && trunks.isEmpty && network == nil }

    /// The address that it declares, where that can be read.
    var address: EthernetAddress? { if case .success(.declared(let address, _)) = source { address } else { nil } }

    /// `nil` for an interface that is no VM's: one without `iface-id`, or on another bridge than a brN.local,
    /// or under a name of ours.
    init?(_ interface: Row, in replica: Replica) {
        let marks = interface[Interface.externalIDs]
        guard marks[VMPort.Key.interfaceID] != nil,
            let port = replica.port(of: interface),
            DerivedName(port.name) == nil,
            // Two bridges can hold one port only by somebody's mistake. Then it is of the lowest lane, as for its tag.
            let lane = replica.bridges(ofPort: port.uuid).compactMap({ Lane(localBridge: $0.name) }).min()
        else { return nil }
        name = interface.name
        self.lane = lane
        number = interface[Interface.ofport].integer.flatMap(UInt16.init(exactly:))
        let keys = [VMPort.Key.attachedMAC, VMPort.Key.addresses]
        source = .reading(Dictionary(uniqueKeysWithValues: keys.compactMap { key in marks[key].map { (key, $0) } }))
        mode = port[Port.vlanMode].string
        let members = replica.interfaces(of: port).filter(\.isVMInterface)
        network = NetworkRequest(port: port, vmInterfaces: members)
        // Not before the row shows it: between the two, the VM would be in whatever VLANs it had without a network.
        tag = network?.isBinding == true ? nil : port[Port.tag].integer.map { Int($0) }
        trunks = port[Port.trunks].atoms.compactMap { if case .integer(let number) = $0 { Int(number) } else { nil } }
        // The kernel's datapath takes a device off by itself, and ovs-vswitchd opens the new one.
        let isUserspace = replica.bridge(named: lane.localBridge)?[Bridge.datapathType].string == "netdev"
        if isUserspace, ["", "system"].contains(interface[Interface.type].string ?? "") {
            device = interface[Interface.ifindex].integer.flatMap { $0 > 0 ? $0 : nil }
        }
    }

    /// All of a database, by the rows of their interfaces. The cost is in proportion to the ports of every brN.local.
    static func all(in replica: Replica) -> [UUID: VMPortRow] {
        var rows: [UUID: VMPortRow] = [:]
        for bridge in replica[Bridge.table].rows where Lane(localBridge: bridge.name) != nil {
            for port in replica.ports(of: bridge) {
                for interface in replica.interfaces(of: port) {
                    if let row = VMPortRow(interface, in: replica) { rows[interface.uuid] = row }
                }
            }
        }
        return rows
    }

    /// Interfaces as they are now; `nil` for those that are no VM's, or no more.
    static func of(_ interfaces: Set<UUID>, in replica: Replica) -> [UUID: VMPortRow?] {
        Dictionary(
            uniqueKeysWithValues: interfaces.map { uuid in
                (uuid, replica[Interface.table][uuid].flatMap { VMPortRow($0, in: replica) })
            }
        )
    }
}

extension Row {
    /// Whether an interface is a VM's, by libvirt's mark.
    var isVMInterface: Bool { self[Interface.externalIDs][VMPort.Key.interfaceID] != nil }
}

extension NetworkRequest {
    /// What a VM port asks for; `vmInterfaces` are those of its interfaces that are a VM's, without which nobody asks.
    init?(port: Row, vmInterfaces: [Row]) {
        guard !vmInterfaces.isEmpty else { return nil }
        self.init(
            ([port] + vmInterfaces).compactMap { $0[.externalIDs][VMPort.Key.network] },
            profiles: vmInterfaces.compactMap { $0[Interface.externalIDs][VMPort.Key.profile] }
        )
    }
}
