// A layout as the file says it: each value decoded and placed, none yet held against another. `LayoutDecoder` makes
// it, `LayoutDraft+Rules.swift` judges it.

struct LayoutDraft {
    struct ManagementBridge {
        var name: Field<String>
        var address: Field<String>
    }

    struct VirtualSwitch {
        var name: Field<String>
        var lane: Field<Lane>
        var mtu: Field<Int>
        var hostVlan: Field<Int>
        var uplink: Field<Uplink>
    }

    struct Uplink {
        var name: Field<String>
        var nics: Field<NICs>
        var mode: Field<Layout.BondMode>
        var lacp: Field<Layout.LACP>
        var lacpRate: Field<Layout.LACPRate>
        var lacpFallback: Field<Bool>
        var primary: Field<String>
        var upDelay: Field<Int>
        var downDelay: Field<Int>
        var adopt: Field<Bool>
    }

    enum NICs {
        /// With the place of each; `isComplete` is false when some were wrong and left out.
        case list([(name: String, position: SourcePosition)], isComplete: Bool)
        case discovered(minSpeedMbps: Int?, linkUp: Bool?)
    }

    struct Network {
        var name: Field<String>
        var virtualSwitch: Field<String>
        var vlan: Field<Int>
    }

    var datapath: Field<Layout.DatapathType>
    var managementBridge: Field<ManagementBridge>
    var virtualSwitches: [VirtualSwitch]
    var networks: [Network]
    /// Whether `virtualSwitches` has all that the file names: if not, what is missing there proves nothing.
    var hasAllVirtualSwitches: Bool
}

// MARK: - Decoding

extension LayoutDecoder {
    /// The whole tree; `nil` when it is no mapping.
    mutating func draft(_ root: YAMLNode) -> LayoutDraft? {
        guard let top = section(Item(name: "the layout", node: root), of: LayoutKey.self) else { return nil }
        _ = required(top, .version, example: "1") { $0.version($1) }
        let datapath = field(top, .datapath) { $0.oneOf($1, Layout.DatapathType.self) }
        let managementBridge = field(top, .managementBridge) { $0.managementBridge($1) }
        var isComplete = false
        let virtualSwitches = required(top, .virtualSwitches, example: "[{name: vs0, bridge: br0}]") { decoder, item in
            let drafts = decoder.list(item, itemName: "the virtual switch") { $0.virtualSwitch($1) }
            if let drafts, case .sequence(let nodes) = item.node.content {
                isComplete = drafts.count == nodes.count
                if nodes.isEmpty {
                    decoder.diagnostics.error(
                        at: item.node.position,
                        "virtualSwitches is empty, wanted at least one virtual switch: add one, such as {name: vs0, bridge: br0}"
                    )
                }
            }
            return drafts
        }
        let networks = field(top, .networks) { $0.list($1, itemName: "the network") { $0.network($1) } }
        return LayoutDraft(
            datapath: datapath,
            managementBridge: managementBridge,
            virtualSwitches: virtualSwitches.value ?? [],
            networks: networks.value ?? [],
            hasAllVirtualSwitches: isComplete
        )
    }

    private mutating func version(_ item: Item) -> Int? {
        guard let version = integer(item, in: 0 ... .max) else { return nil }
        return version == 1
            ? version : reject(item, wanted: "1", remedy: "this agent reads no other version of layouts")
    }

    private mutating func managementBridge(_ item: Item) -> LayoutDraft.ManagementBridge? {
        guard let section = section(item, of: ManagementBridgeKey.self) else { return nil }
        return LayoutDraft.ManagementBridge(
            name: required(section, .name, example: "virbr0") { $0.interfaceName($1) },
            address: field(section, .address) { $0.interfaceAddress($1) }
        )
    }

    private mutating func virtualSwitch(_ item: Item) -> LayoutDraft.VirtualSwitch? {
        guard let section = section(item, of: VirtualSwitchKey.self) else { return nil }
        let name = required(section, .name, example: "vs0") { $0.label($1) }
        let lane = required(section, .bridge, example: "br0") { $0.lane($1) }
        return LayoutDraft.VirtualSwitch(
            name: name,
            lane: lane,
            mtu: field(section, .mtu) { $0.integer($1, in: 68...65535, of: " of bytes") },
            hostVlan: field(section, .hostVlan) { $0.vlan($1) },
            uplink: field(section, .uplink) { $0.uplink($1, on: lane.value) }
        )
    }

    private mutating func uplink(_ item: Item, on lane: Lane?) -> LayoutDraft.Uplink? {
        guard let section = section(item, of: UplinkKey.self) else { return nil }
        return LayoutDraft.Uplink(
            name: field(section, .name) { $0.uplinkName($1, on: lane) },
            nics: required(section, .nics, example: "[eth0, eth1]") { $0.nics($1) },
            mode: field(section, .mode) { $0.oneOf($1) },
            lacp: field(section, .lacp) { $0.oneOf($1) },
            lacpRate: field(section, .lacpRate) { $0.oneOf($1) },
            lacpFallback: field(section, .lacpFallback) { $0.boolean($1) },
            primary: field(section, .primary) { $0.interfaceName($1) },
            upDelay: field(section, .upDelay) { $0.delay($1) },
            downDelay: field(section, .downDelay) { $0.delay($1) },
            adopt: field(section, .adopt) { $0.boolean($1) }
        )
    }

    private mutating func nics(_ item: Item) -> LayoutDraft.NICs? {
        let wanted = "all, a list such as [eth0, eth1], or a filter such as {minSpeed: 10G}"
        switch item.node.content {
        case .scalar("all", _):
            return .discovered(minSpeedMbps: nil, linkUp: nil)
        case .scalar:
            return reject(item, wanted: wanted, remedy: "put [ ] around the name of a single NIC")
        case .sequence(let nodes):
            if nodes.isEmpty {
                return reject(item, wanted: wanted, remedy: "name a NIC; an uplink without one is left out as a whole")
            }
            if nodes.count == 1, nodes[0].content == .scalar("all", isQuoted: false) {
                return reject(item, wanted: wanted, remedy: "write all without the list around it")
            }
            let names = nodes.map { (self.interfaceName(Item(name: "the NIC", node: $0)), $0.position) }
            let known = names.compactMap { name, position in name.map { (name: $0, position: position) } }
            return .list(known, isComplete: known.count == names.count)
        case .mapping(let entries):
            if entries.isEmpty { return reject(item, wanted: wanted, remedy: "write all to take every NIC") }
            guard let section = section(item, of: NICFilterKey.self) else { return nil }
            let speed = field(section, .minSpeed) { $0.speed($1) }
            let linkUp = field(section, .linkUp) { $0.boolean($1) }
            return .discovered(minSpeedMbps: speed.value, linkUp: linkUp.value)
        }
    }

    private mutating func network(_ item: Item) -> LayoutDraft.Network? {
        guard let section = section(item, of: NetworkKey.self) else { return nil }
        return LayoutDraft.Network(
            name: required(section, .name, example: "Production") { $0.label($1) },
            virtualSwitch: required(section, .virtualSwitch, example: "vs0") { $0.label($1) },
            vlan: required(section, .vlan, example: "27") { $0.vlan($1) }
        )
    }

    private mutating func lane(_ item: Item) -> Lane? {
        guard let name = text(item) else { return nil }
        return Lane(uplinkBridge: name)
            ?? reject(item, wanted: "brN with N from 0 to 999", remedy: "name the bridge br0, br1 and so on")
    }

    private mutating func vlan(_ item: Item) -> Int? {
        integer(item, in: 0...4094)
    }

    /// Milliseconds; more than ten minutes is a slip of units, not a delay.
    private mutating func delay(_ item: Item) -> Int? {
        integer(item, in: 0...600_000, of: " of milliseconds")
    }
}

// MARK: - The layout

extension LayoutDraft {
    /// The layout of a draft in which nothing is missing; `nil` otherwise.
    var layout: Layout? {
        let virtualSwitches = virtualSwitches.compactMap(\.layout)
        let networks = networks.compactMap(\.layout)
        guard !virtualSwitches.isEmpty,
            virtualSwitches.count == self.virtualSwitches.count,
            networks.count == self.networks.count
        else { return nil }
        return Layout(
            datapath: datapath.value,
            managementBridge: managementBridge.value.flatMap { bridge in
                bridge.name.value.map { Layout.ManagementBridge(name: $0, address: bridge.address.value) }
            },
            virtualSwitches: virtualSwitches,
            networks: networks
        )
    }
}

extension LayoutDraft.VirtualSwitch {
    fileprivate var layout: Layout.VirtualSwitch? {
        guard let name = name.value, let lane = lane.value else { return nil }
        return Layout.VirtualSwitch(
            name: name,
            lane: lane,
            mtu: mtu.value,
            hostVlan: hostVlan.value,
            uplink: uplink.value?.layout(on: lane)
        )
    }
}

extension LayoutDraft.Uplink {
    /// The port's name, stated or derived.
    func effectiveName(on lane: Lane) -> String { name.value ?? "\(lane.uplinkBridge)-up" }

    fileprivate func layout(on lane: Lane) -> Layout.Uplink? {
        guard let nics = nics.value?.layout else { return nil }
        return Layout.Uplink(
            name: effectiveName(on: lane),
            nics: nics,
            mode: mode.value,
            lacp: lacp.value,
            lacpRate: lacpRate.value,
            lacpFallback: lacpFallback.value,
            primary: primary.value,
            upDelay: upDelay.value,
            downDelay: downDelay.value,
            adopt: adopt.value ?? false
        )
    }
}

extension LayoutDraft.NICs {
    fileprivate var layout: Layout.NICSelection {
        switch self {
        case .list(let nics, _): .list(nics.map(\.name))
        case .discovered(let minSpeedMbps, let linkUp): .discovered(minSpeedMbps: minSpeedMbps, linkUp: linkUp)
        }
    }
}

extension LayoutDraft.Network {
    fileprivate var layout: Layout.Network? {
        guard let name = name.value, let virtualSwitch = virtualSwitch.value, let vlan = vlan.value else { return nil }
        return Layout.Network(name: name, virtualSwitch: virtualSwitch, vlan: vlan)
    }
}
