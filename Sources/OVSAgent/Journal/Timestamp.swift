import Glibc

/// A moment in microseconds since 1970, UTC: what the journal stamps events with. Kept as a number so that journals are
/// plain values; written as RFC 3339 without a formatter, which would bring Foundation in.
struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    var microseconds: Int64

    /// The wall clock now.
    static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// RFC 3339 in UTC with six digits of a second: `2025-03-09T14:05:07.000123Z`.
    var description: String {
        var (seconds, fraction) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if fraction < 0 { (seconds, fraction) = (seconds - 1, fraction + 1_000_000) }
        var wholeSeconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&wholeSeconds, &parts)
        let date = "\(digits(parts.tm_year + 1900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let time = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return "\(date)T\(time).\(digits(Int32(fraction), 6))Z"
    }

    static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    private func digits(_ value: Int32, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
