import NIOCore

/// How long to wait before each further attempt to connect: a pure value, doubling from `first` up to `longest`.
public struct ReconnectPacing: Hashable, Sendable {
    public let first: TimeAmount
    public let longest: TimeAmount
    private var next: TimeAmount

    public init(first: TimeAmount = .milliseconds(1), longest: TimeAmount = .seconds(2)) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// The wait before the attempt that follows a failed one.
    public mutating func delayAfterFailure() -> TimeAmount {
        defer { next = min(.nanoseconds(next.nanoseconds * 2), longest) }
        return min(next, longest)
    }

    /// The connection came up, or there is reason to hope: the next failure is as the first.
    public mutating func startOver() {
        next = first
    }
}
