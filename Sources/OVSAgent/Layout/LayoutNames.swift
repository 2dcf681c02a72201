// Which names a layout may use: what Linux and Open vSwitch can take as a name, and what the agent keeps for itself
// because it derives it (the chain, the lanes).

extension LayoutDecoder {
    /// A name of our own: any text without control characters.
    mutating func label(_ item: Item) -> String? {
        guard let name = text(item) else { return nil }
        guard let flaw = Self.flaw(of: name, longest: 63, refusing: { _ in false }) else { return name }
        return reject(item, wanted: "a name", remedy: flaw)
    }

    /// The name of a network interface of the host (Linux takes 15 bytes).
    mutating func interfaceName(_ item: Item) -> String? {
        guard let name = text(item) else { return nil }
        if let flaw = Self.flaw(of: name, longest: 15, refusing: { Self.isSpaceOrSlash($0) || $0 == ":" }) {
            return reject(item, wanted: "the name of a network interface", remedy: flaw)
        }
        if DerivedName(name) != nil {
            return reject(
                item,
                wanted: "the name of an interface of the host",
                remedy: "the agent itself uses this name"
            )
        }
        if ["lo", "ovs-system", "ovs-netdev"].contains(name) {
            return reject(item, wanted: "the name of a real interface", remedy: "this one belongs to the system")
        }
        return name
    }

    /// The name of an uplink's port on `bridge`, if that is known.
    mutating func uplinkName(_ item: Item, on lane: Lane?) -> String? {
        guard let name = text(item) else { return nil }
        if let flaw = Self.flaw(of: name, longest: 63, refusing: Self.isSpaceOrSlash) {
            return reject(item, wanted: "the name of a port", remedy: flaw)
        }
        if DerivedName(name) != nil {
            return reject(
                item,
                wanted: "a name for the uplink's port",
                remedy: "the agent uses this one; leave name out"
            )
        }
        if name.hasSuffix("-up"), let owner = Lane(uplinkBridge: name.dropLast(3)), let lane, owner != lane {
            return reject(
                item,
                wanted: "\(lane.uplinkBridge)-up or a name of your own",
                remedy: "this one is for the uplink of \(owner.uplinkBridge)"
            )
        }
        return name
    }

    /// What to do about a name that cannot be one; `nil` when it can.
    private static func flaw(of name: String, longest: Int, refusing isUnfit: (Unicode.Scalar) -> Bool) -> String? {
        if name.isEmpty || name == "." || name == ".." { return "give it a name" }
        if name.utf8.count > longest { return "it has \(name.utf8.count) bytes, shorten it to \(longest)" }
        if name.hasPrefix(" ") || name.hasSuffix(" ") { return "remove the outer spaces" }
        let unfit = name.unicodeScalars.first { $0.isInvisible || isUnfit($0) }
        return unfit.map { "remove the \(quoted(String($0))) in it" }
    }

    private static func isSpaceOrSlash(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "/"
    }
}
