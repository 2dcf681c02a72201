import OpenFlow

// From what stands in the database to a VM port that can be served, or why it can't.

extension VMPort {
    /// Keys of a VM interface's `external_ids`.
    enum Key {
        /// Says that the port is a VM's; the value names the NIC (Open vSwitch, "Integration Guide for Centralized
        /// Control").
        static let interfaceID = "iface-id"
        /// The MAC address that the NIC declares (same place).
        static let attachedMAC = "attached-mac"
        /// The IP addresses that the NIC may send from; left out, they are not checked.
        static let addresses = "ovs-agent-addresses"
        /// The network of the layout that the port is in; also on the Port.
        static let network = "ovs-agent-network"
        /// The same where ``network`` says nothing: what libvirt makes of `<parameters profileid='...'/>`, and so anybody's
        /// word for anything.
        static let profile = "port-profile"
        /// Name the VM: libvirt sets the first, os-vif (Nova) the second, and XAPI the third.
        static let vm = ["vm-id", "vm-uuid", "xs-vm-uuid"]
        /// Names it for people.
        static let vmName = "vm-name"
    }

    /// - Parameters:
    ///   - number: what the switch itself says; `nil` while it does not know the port.
    ///   - source: what the interface says, or why that can't be read.
    ///   - mode, tag, trunks: the Port's columns.
    init(
        name: String,
        number: UInt32?,
        source: Result<Source, Unserved>,
        mode: String?,
        tag: Int?,
        trunks: some Sequence<Int>
    ) throws(Unserved) {
        guard let number = number.flatMap(UInt16.init(exactly:)) else { throw .unknownToSwitch(name) }
        guard let vlans = VLANMembership(mode: mode, tag: tag, trunks: trunks) else {
            throw mode == "dot1q-tunnel" ? .tunnel : .reservedVLAN
        }
        self.init(name: name, number: number, vlans: vlans, source: try source.get())
    }

    /// Why frames of a VM port go nowhere, and what to do.
    enum Unserved: Error, Hashable {
        /// With the interface's name.
        case unknownToSwitch(String)
        /// With the interface's name.
        case linkDown(String)
        /// With the interface's name.
        case deviceReplaced(String)
        case tunnel
        case reservedVLAN
        case unreadableMAC(String)
        case noStationsMAC(String)
        case unreadableIPAddress(String)
        case addressesWithoutMAC
        case network(NetworkRequest.Refusal)
        case networkOfTrunk
    }
}

extension Result<VMPort.Source, VMPort.Unserved> {
    /// - Parameter externalIDs: the interface's.
    static func reading(_ externalIDs: [String: String]) -> Self {
        do throws(VMPort.Unserved) {
            return .success(try VMPort.Source(externalIDs))
        } catch {
            return .failure(error)
        }
    }
}

extension VMPort.Source {
    fileprivate init(_ externalIDs: [String: String]) throws(VMPort.Unserved) {
        let listed: SourceAddresses?
        do throws(SourceAddresses.Unreadable) {
            listed = if let text = externalIDs[VMPort.Key.addresses] { try SourceAddresses(text) } else { nil }
        } catch {
            throw .unreadableIPAddress(error.word)
        }
        guard let text = externalIDs[VMPort.Key.attachedMAC] else {
            guard listed == nil else { throw .addressesWithoutMAC }
            self = .learned
            return
        }
        guard let address = EthernetAddress(text) else { throw .unreadableMAC(text) }
        guard !address.isMulticast, address.rawValue != 0 else { throw .noStationsMAC(text) }
        self = .declared(address, addresses: listed)
    }
}

extension VMPort.Unserved: CustomStringConvertible {
    var description: String { reason.line }

    /// Whether nothing is behind the port that could be a VM, rather than that the port can't be understood.
    var hasNoLink: Bool {
        switch self {
        case .unknownToSwitch, .linkDown, .deviceReplaced: true
        default: false
        }
    }

    var reason: Reason {
        switch self {
        case .unknownToSwitch(let name):
            Reason(
                "ovs-vswitchd has not opened the interface",
                remedy: "if its device is gone for good, ovs-vsctl del-port \(name); else look at its column error"
            )
        case .linkDown(let name):
            Reason(
                "the link of its device is down, so no VM is behind it",
                remedy: "start the VM, or if it is gone for good, ovs-vsctl del-port \(name)"
            )
        case .deviceReplaced(let name):
            Reason(
                "its device was made anew under its name, and ovs-vswitchd still listens to the one that went",
                remedy: "plug it anew (ovs-vsctl del-port \(name), and add-port as before), or restart ovs-vswitchd"
            )
        case .tunnel:
            Reason(
                "vlan_mode is dot1q-tunnel, which the chain does not carry",
                remedy: "use access, trunk, native-tagged or native-untagged"
            )
        case .reservedVLAN:
            Reason("tag is not a VLAN", remedy: "use 0 to 4094")
        case .unreadableMAC(let text):
            Reason(
                "external_ids:\(VMPort.Key.attachedMAC) is \(text), which is no MAC address",
                remedy: "write it as 02:00:00:00:00:01"
            )
        case .noStationsMAC(let text):
            Reason(
                "external_ids:\(VMPort.Key.attachedMAC) is \(text), which no NIC can have",
                remedy: "set the NIC's own address"
            )
        case .unreadableIPAddress(let word):
            Reason(
                "external_ids:\(VMPort.Key.addresses) has \(word), which is no IP address",
                remedy: "list addresses without prefix length"
            )
        case .addressesWithoutMAC:
            Reason(
                "external_ids:\(VMPort.Key.addresses) needs \(VMPort.Key.attachedMAC), too",
                remedy: "IP addresses are checked together with it"
            )
        case .network(let refusal):
            refusal.reason
        case .networkOfTrunk:
            Reason(
                "vlan_mode is trunk, which has no VLAN of its own for a network",
                remedy: "use access, native-tagged or native-untagged"
            )
        }
    }
}
