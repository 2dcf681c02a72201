/// Latencies in buckets of a fixed number, so that percentiles over a daemon's whole life cost 1 KiB and no sorting.
///
/// Log-linear: numbers below 16 stand alone, above that each power of two is cut into eight equal buckets. A percentile
/// is the upper end of the bucket that holds it: never too small, at most an eighth too large, and never above `maximum`.
struct LatencyHistogram: Hashable, Sendable {
    /// Values at and above 2^32 µs, more than an hour, share the last bucket.
    private static let bucketCount = 16 + 28 * 8

    private var counts = [UInt32](repeating: 0, count: bucketCount)
    private(set) var count = 0
    /// The largest value, exact; 0 without any.
    private(set) var maximum = 0

    /// Counts one latency in microseconds; a negative one, which only a broken clock makes, counts as 0.
    mutating func record(microseconds: Int) {
        let value = max(0, microseconds)
        let bucket = Self.bucket(of: value)
        if counts[bucket] < .max { counts[bucket] += 1 }
        count += 1
        maximum = max(maximum, value)
    }

    /// The value that so many of a hundred samples do not exceed (nearest rank); `nil` without any samples.
    func percentile(_ percent: Int) -> Int? {
        guard count > 0 else { return nil }
        let rank = max(1, (count * percent + 99) / 100)
        var seen = 0
        for (bucket, samples) in counts.enumerated() {
            seen += Int(samples)
            if seen >= rank { return min(Self.upperEnd(of: bucket), maximum) }
        }
        return maximum
    }

    /// The three numbers of the status; `nil` before the first sample.
    var latency: Latency? {
        guard let p50 = percentile(50), let p99 = percentile(99) else { return nil }
        return Latency(p50: p50, p99: p99, max: maximum)
    }

    private static func bucket(of value: Int) -> Int {
        guard value >= 16 else { return value }
        let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
        let eighth = (value >> (exponent - 3)) & 7
        return min(16 + (exponent - 4) * 8 + eighth, bucketCount - 1)
    }

    /// The largest value of a bucket.
    private static func upperEnd(of bucket: Int) -> Int {
        guard bucket >= 16 else { return bucket }
        guard bucket < bucketCount - 1 else { return .max }
        let (octave, eighth) = (bucket - 16).quotientAndRemainder(dividingBy: 8)
        return (9 + eighth) << (octave + 1) - 1
    }
}

/// How long repairs took, in microseconds.
struct Latency: Hashable, Sendable {
    var p50: Int
    var p99: Int
    var max: Int

    /// For people: `310 us`, `1.2 ms`, `3.0 s`.
    static func text(microseconds: Int) -> String {
        switch microseconds {
        case ..<1000: "\(microseconds) us"
        case ..<1_000_000: "\(microseconds / 1000).\(microseconds % 1000 / 100) ms"
        default: "\(microseconds / 1_000_000).\(microseconds % 1_000_000 / 100_000) s"
        }
    }
}
