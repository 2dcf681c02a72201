/// What the operator declares: the value that a layout file decodes to.
///
/// A layout has no section for the bridge chain; the chain follows from its virtual switches. What the file leaves
/// out is `nil` here wherever "left out" means "as found": the planner inherits such a column from a row that stood
/// there before us, and takes the documented default on a row that it makes itself.
///
/// A `Layout` is valid by construction only when it comes from ``LayoutParser``, which refuses contradictions.
struct Layout: Hashable, Sendable {
    /// Which datapath the bridges run on; `nil` when the file does not say.
    var datapath: DatapathType?
    /// The native Linux bridge to the controller VM; `nil` when it is not managed.
    var managementBridge: ManagementBridge?
    /// At least one, each on a bridge of its own, in the order of the file.
    var virtualSwitches: [VirtualSwitch]
    /// Named VLANs that VM ports may ask for.
    var networks: [Network] = []

    /// `Bridge.datapath_type` as an operator writes it (ovs-vswitchd.conf.db(5)).
    enum DatapathType: String, Hashable, Sendable, CaseIterable {
        case system, netdev, dummy

        /// The value of the column: the kernel datapath is the schema's empty string.
        var columnValue: String { self == .system ? "" : rawValue }
    }

    /// A native Linux bridge with one address.
    struct ManagementBridge: Hashable, Sendable {
        /// The Linux interface name, such as `virbr0`.
        var name: String
        /// IPv4 or IPv6 address with prefix length, such as `192.168.5.1/24`, checked but kept as written.
        var address: String?
    }

    /// A VLAN by name on one virtual switch.
    struct Network: Hashable, Sendable {
        var name: String
        /// The name of the virtual switch that carries it.
        var virtualSwitch: String
        /// 0 (untagged) to 4094.
        var vlan: Int
    }

    /// One uplink bridge with its lane through the chain.
    struct VirtualSwitch: Hashable, Sendable {
        var name: String
        /// N of the uplink bridge brN.
        var lane: Lane
        /// Bytes; `nil` leaves the MTU as found.
        var mtu: Int?
        /// The host port's VLAN, 0 to 4094; `nil`: as found, 0 where we make the port.
        var hostVlan: Int?
        /// `nil` for a virtual switch that has no way out of the host.
        var uplink: Uplink?
    }

    /// The port with the physical NICs. `nil` members are as found, or the documented default on a port we make.
    struct Uplink: Hashable, Sendable {
        /// The Port's name; `<bridge>-up` unless the file names it.
        var name: String
        var nics: NICSelection
        var mode: BondMode?
        var lacp: LACP?
        var lacpRate: LACPRate?
        /// Fall back to active-backup while no LACP partner answers.
        var lacpFallback: Bool?
        /// The preferred member in active-backup.
        var primary: String?
        /// Milliseconds a member's link must be up before it is used.
        var upDelay: Int?
        /// Milliseconds a member's link must be down before it is left.
        var downDelay: Int?
        /// Take NICs and names even where they are in use elsewhere.
        var adopt = false
    }

    /// Which NICs an uplink takes.
    enum NICSelection: Hashable, Sendable {
        /// Exactly these, by name, in the order of the file, without repeats.
        case list([String])
        /// Those of the host's physical NICs that match; speed in Mbit/s. `all` is the filter that asks for nothing.
        case discovered(minSpeedMbps: Int?, linkUp: Bool?)
    }

    /// `Port.bond_mode`.
    enum BondMode: String, Hashable, Sendable, CaseIterable {
        case activeBackup = "active-backup"
        case balanceSLB = "balance-slb"
        case balanceTCP = "balance-tcp"
    }

    /// `Port.lacp`.
    enum LACP: String, Hashable, Sendable, CaseIterable {
        case off, active, passive
    }

    /// `Port.other_config:lacp-time`.
    enum LACPRate: String, Hashable, Sendable, CaseIterable {
        case fast, slow
    }
}
