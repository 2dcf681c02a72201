/// A layout that was read, with what tells its file apart from another version.
struct ActiveLayout: Hashable, Sendable {
    let layout: Layout
    /// Its lanes.
    let lanes: Set<Lane>
    /// As they were read.
    let bytes: [UInt8]
    /// ``Checksum`` of its bytes.
    var digest: String
    /// What was found and not refused, as `FILE:LINE:COLUMN: warning: text`.
    var warnings: [String]

    /// Reads a layout's bytes; throws what is wrong with it.
    init(_ bytes: [UInt8], file: String) throws(LayoutRejection) {
        switch LayoutParser.parse(bytes, file: file) {
        case .accepted(let layout, let warnings):
            self.layout = layout
            lanes = layout.lanes
            self.bytes = bytes
            self.warnings = warnings.map(\.description)
            digest = Checksum.text(of: bytes)
        case .refused(let findings):
            throw LayoutRejection(findings: findings.map(\.description))
        }
    }
}

/// Why a layout was not taken: one finding a line.
struct LayoutRejection: Error, Hashable, Sendable, CustomStringConvertible {
    var findings: [String]

    var description: String { findings.joined(separator: "\n") }
}

extension Layout {
    /// The lanes of the virtual switches.
    var lanes: Set<Lane> { Set(virtualSwitches.map(\.lane)) }

    /// What it states and this version does not make so, a line each: nobody shall take it for done.
    var unmanaged: [String] {
        managementBridge.map { ["managementBridge \($0.name): not managed yet, this version leaves it as it is"] } ?? []
    }

    /// What an operator must allow before this layout may follow `former`; `nil` when nothing.
    ///
    /// Taking away a virtual switch that has an uplink, its uplink, or every switch there was, can cut a host's only
    /// cable (DESIGN, rule 8).
    func removal(from former: Layout) -> String? {
        let kept = Dictionary(virtualSwitches.map { ($0.lane, $0) }) { first, _ in first }
        if former.virtualSwitches.allSatisfy({ kept[$0.lane] == nil }) {
            return "it has none of the virtual switches that there are"
        }
        for virtualSwitch in former.virtualSwitches where virtualSwitch.uplink != nil {
            let bridge = virtualSwitch.lane.uplinkBridge
            guard let next = kept[virtualSwitch.lane] else {
                return "it takes away the virtual switch on \(bridge), which has an uplink"
            }
            if next.uplink == nil { return "it takes away the uplink of \(bridge)" }
        }
        return nil
    }
}
