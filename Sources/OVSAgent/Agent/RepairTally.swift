/// What was put right since the daemon started, rows and flows.
struct RepairTally: Hashable, Sendable {
    private(set) var drifts = 0
    private(set) var transactions = 0
    /// Objects that somebody began to fight over.
    var contested = 0
    private var latencies = LatencyHistogram()

    /// One transaction, or one bundle of flows, has put so many drifts right.
    mutating func record(drifts: Int, latencyMicroseconds: Int) {
        self.drifts += drifts
        transactions += 1
        latencies.record(microseconds: latencyMicroseconds)
    }

    /// As the status tells it.
    var repairs: Status.Repairs {
        .init(drifts: drifts, transactions: transactions, contested: contested, latency: latencies.latency)
    }
}
