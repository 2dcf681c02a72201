/// The flows of one bridge, by number.
struct FlowCounts: Hashable, Sendable {
    /// Ours, and there.
    var installed: Int
    /// Ours, and not there.
    var missing: Int
    /// There, and not ours.
    var unmanaged: Int
}
