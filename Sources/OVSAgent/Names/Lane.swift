/// One uplink bridge's path through the shared chain, 0 to 999: the N of brN, so that there is nothing to remember.
struct Lane: Hashable, Comparable, Sendable, CustomStringConvertible {
    let number: Int

    /// `nil` outside 0 to 999.
    init?(_ number: Int) {
        guard (0...999).contains(number) else { return nil }
        self.number = number
    }

    /// The lane of an uplink bridge's name: `br7` is lane 7; `nil` for any other name (`br07`, `br1000`, `br0.local`).
    init?(uplinkBridge name: some StringProtocol) {
        guard name.hasPrefix("br"), let number = Int(name.dropFirst(2)), name == "br\(number)" else { return nil }
        self.init(number)
    }

    /// brN, the uplink bridge.
    var uplinkBridge: String { "br\(number)" }

    /// brN.local, where VM ports plug in.
    var localBridge: String { "br\(number).local" }

    var description: String { "\(number)" }

    static func < (a: Lane, b: Lane) -> Bool { a.number < b.number }
}
