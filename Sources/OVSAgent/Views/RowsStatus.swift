import OVSDB

/// What a status tells of the database's rows. Monitoring asks again and again, so it is made once for each state of what it
/// follows from: a pure value.
struct RowsStatus {
    /// All that it follows from.
    struct Source: Hashable {
        /// Of the replica.
        var revision: Int
        var layout: ActiveLayout
        /// What the host tells of the layout's NICs, by name.
        var hardware: [String: NICHardware]
        /// By bridge.
        var flows: [String: FlowCounts]
        var claims: Claims
    }

    let warnings: [String]
    let virtualSwitches: [Status.VirtualSwitch]
    let chain: [Status.ChainBridge]
    private let source: Source

    init(_ source: Source, in replica: Replica) {
        let layout = source.layout.layout
        self.source = source
        warnings =
            Topology(replica: replica, layout: layout, chain: nil).warnings(source.hardware)
            + Doubts.all(in: replica, layout, addresses: source.claims.addresses)
        virtualSwitches = layout.virtualSwitches.map { Status.VirtualSwitch($0, in: replica, flows: source.flows) }
        chain = Status.ChainBridge.all(in: replica, flows: source.flows)
    }

    /// Whether it still is what follows from this.
    func follows(from source: Source) -> Bool { self.source == source }
}
