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
        let form = UnsafeBufferPointer(start: Self.form.utf8Start, count: Self.form.utf8CodeUnitCount)
        return String(unsafeUninitializedCapacity: form.count) { text in
            _ = text.initialize(from: form)
            func write(_ value: Int32, upTo end: Int, _ width: Int) {
                var rest = max(0, value)
                for position in stride(from: end - 1, through: end - width, by: -1) {
                    text[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
            }
            write(parts.tm_year + 1900, upTo: 4, 4)
            write(parts.tm_mon + 1, upTo: 7, 2)
            write(parts.tm_mday, upTo: 10, 2)
            write(parts.tm_hour, upTo: 13, 2)
            write(parts.tm_min, upTo: 16, 2)
            write(parts.tm_sec, upTo: 19, 2)
            write(Int32(fraction), upTo: 26, 6)
            return form.count
        }
    }

    /// With every digit 0.
    private static let form: StaticString = "0000-00-00T00:00:00.000000Z"

    static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }
}
