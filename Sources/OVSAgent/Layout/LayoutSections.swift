// The vocabulary of a layout: which keys each section knows. This table is what decides that a key is unknown, and
// what is suggested instead.

/// The keys of one kind of mapping in a layout.
protocol LayoutSection: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    /// How a message calls the section.
    static var title: String { get }
}

enum LayoutKey: String, LayoutSection {
    case version, datapath, managementBridge, virtualSwitches, networks
    static let title = "the layout's top level"
}

enum ManagementBridgeKey: String, LayoutSection {
    case name, address
    static let title = "managementBridge"
}

enum VirtualSwitchKey: String, LayoutSection {
    case name, bridge, mtu, hostVlan, uplink
    static let title = "a virtual switch"
}

enum UplinkKey: String, LayoutSection {
    case name, nics, mode, lacp, lacpRate, lacpFallback, primary, upDelay, downDelay, adopt
    static let title = "an uplink"
}

enum NICFilterKey: String, LayoutSection {
    case minSpeed, linkUp
    static let title = "a filter of NICs"
}

enum NetworkKey: String, LayoutSection {
    case name, virtualSwitch, vlan
    static let title = "a network"
}

extension LayoutSection {
    static var keys: [String] { allCases.map(\.rawValue) }

    /// What to do about a key that this section does not know.
    static func remedy(forUnknown key: String) -> String {
        if let near = nearest(to: key, among: keys) {
            return "did you mean \(near)?"
        }
        // A key that another section knows as it stands is a matter of indentation, not of spelling.
        let owners = allLayoutSections.filter { $0.keys.contains(key) }.map { $0.title }
        if !owners.isEmpty {
            return "it belongs in \(owners.joined(separator: " or ")), move it there"
        }
        return "known here: \(keys.joined(separator: ", "))"
    }
}

private let allLayoutSections: [any LayoutSection.Type] = [
    LayoutKey.self, ManagementBridgeKey.self, VirtualSwitchKey.self, UplinkKey.self, NICFilterKey.self, NetworkKey.self,
]

/// The candidate that `word` most likely stands for, or `nil` when none is near enough to be worth naming.
///
/// Near is an edit distance of at most a third of the word's length; capitals do not count. Looks at the first thousand
/// candidates, and at no word longer than 32 characters: those are no slip of a finger, and the cost grows with both.
func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    guard word.unicodeScalars.count <= 32 else { return nil }
    let limit = max(1, word.unicodeScalars.count / 3)
    var best: (candidate: String, distance: Int)?
    for candidate in candidates.prefix(1000)
    where abs(candidate.unicodeScalars.count - word.unicodeScalars.count) <= min(limit, (best?.distance ?? limit)) {
        let distance = editDistance(word.lowercased(), candidate.lowercased())
        if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
}

/// How many insertions, deletions, substitutions and swaps of neighbours turn `a` into `b`.
func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.unicodeScalars)
    let b = Array(b.unicodeScalars)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
