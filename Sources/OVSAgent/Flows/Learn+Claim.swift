import OpenFlow

extension Learn {
    /// Flows below those that confirm them.
    static let claimPriority: UInt16 = 80

    /// Claims an address in the frame's VLAN. The flow goes with the one that learns it.
    static func claim(
        _ address: EthernetAddress,
        in field: OpenFlow.Field,
        table: UInt8,
        cookie: UInt64,
        _ actions: Learn.Spec...
    ) -> Learn {
        Learn(
            table: table,
            priority: claimPriority,
            cookie: cookie,
            flags: .deleteLearned,
            specs: [
                .match(Subfield(.vlanTCI, offset: 0, count: 12)),
                .match(Subfield(field), UInt128(address.rawValue)),
            ] + actions
        )
    }
}
