import JSONRPC
import TestSupport
import Testing

@testable import OVSAgent

@Suite struct JournalTests {
    private let noon = Timestamp(microseconds: 1_741_521_907_000_123)

    @Test(
        "a moment is written as RFC 3339 in UTC with microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_741_521_907_000_123, "2025-03-09T12:05:07.000123Z"),
            (951_782_400_999_999, "2000-02-29T00:00:00.999999Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] as [(Int64, String)]
    )
    func timestamps(microseconds: Int64, text: String) {
        #expect("\(Timestamp(microseconds: microseconds))" == text)
    }

    @Test("the ring keeps the latest events, counts the lost ones and numbers without gaps")
    func ring() {
        var journal = Journal(instance: "run-1", capacity: 3)
        #expect(journal.since(0).isEmpty)
        for _ in 1...5 { journal.append(.init(.drift), at: noon) }
        #expect(journal.events.map(\.id) == [3, 4, 5])
        #expect(journal.dropped == 2)
        #expect(journal.lastID == 5)
    }

    @Test(
        "a reader gets what came after its number, and everything when the number is of another run",
        arguments: [(-1, [3, 4, 5]), (0, [3, 4, 5]), (2, [3, 4, 5]), (3, [4, 5]), (5, []), (6, [3, 4, 5])]
    )
    func since(id: Int, found: [Int]) {
        var journal = Journal(instance: "run-1", capacity: 3)
        for _ in 1...5 { journal.append(.init(.drift), at: noon) }
        #expect(journal.since(id).map(\.id) == found)
        #expect(journal.excerpt(since: id).lastID == 5)
    }

    @Test(
        "an event reads as one line and as one object with every key",
        arguments: [
            (
                Event.Report(.started),
                "1     2025-03-09T12:05:07.000123Z started",
                #"{"instance":"run-1","id":1,"time":"2025-03-09T12:05:07.000123Z","kind":"started","#
                    + #""object":null,"column":null,"found":null,"wanted":null,"latencyMicroseconds":null,"reason":null}"#
            ),
            (
                Event.Report(
                    .repaired,
                    object: "Bridge br.mx",
                    column: "fail_mode",
                    found: "",
                    wanted: "secure",
                    latencyMicroseconds: 310
                ),
                #"1     2025-03-09T12:05:07.000123Z repaired        Bridge br.mx fail_mode: found "", wanted secure in 310 us"#,
                #"{"instance":"run-1","id":1,"time":"2025-03-09T12:05:07.000123Z","kind":"repaired","#
                    + #""object":"Bridge br.mx","column":"fail_mode","found":"","wanted":"secure","#
                    + #""latencyMicroseconds":310,"reason":null}"#
            ),
            (
                Event.Report(.drift, object: "Port x", column: "name", found: "a\u{1B}[2J\nb", reason: "one\ntwo"),
                "1     2025-03-09T12:05:07.000123Z drift           Port x name: found a [2J b (one two)",
                #"{"instance":"run-1","id":1,"time":"2025-03-09T12:05:07.000123Z","kind":"drift","#
                    + #""object":"Port x","column":"name","found":"a\u001b[2J\nb","wanted":null,"#
                    + #""latencyMicroseconds":null,"reason":"one\ntwo"}"#
            ),
        ]
    )
    func forms(report: Event.Report, text: String, json: String) throws {
        var journal = Journal(instance: "run-1")
        let event = journal.append(report, at: noon)
        #expect(event.text == text)
        #expect(event.json == (try JSON(parsing: json.utf8)))
        #expect(journal.excerpt(since: 0).json["events"] == [event.json])
    }
}

@Suite struct LatencyHistogramTests {
    @Test("without a sample there is no percentile")
    func empty() {
        #expect(LatencyHistogram().latency == nil)
    }

    @Test(
        "percentiles are those of the sorted samples, at most an eighth too large",
        arguments: 0..<20 as Range<UInt64>
    )
    func againstSortedSamples(seed: UInt64) {
        var random = Seeded(state: seed)
        var histogram = LatencyHistogram()
        let scale = Int.random(in: 1...40_000_000, using: &random)
        var samples = (0..<Int.random(in: 1...3000, using: &random)).map { _ in
            Int.random(in: 0...scale, using: &random)
        }
        for sample in samples { histogram.record(microseconds: sample) }
        samples.sort()
        for percent in [1, 50, 90, 99, 100] {
            let exact = samples[max(1, (samples.count * percent + 99) / 100) - 1]
            let told = histogram.percentile(percent) ?? -1
            #expect(told >= exact && told <= exact + exact / 8, "seed \(seed), percentile \(percent)")
        }
        #expect(histogram.maximum == samples.last)
        #expect(histogram.count == samples.count)
    }

    @Test(
        "a single sample is told exactly, whatever it is",
        arguments: [(-5, 0), (0, 0), (15, 15), (16, 16), (17, 17), (4_294_967_296, 4_294_967_296), (Int.max, Int.max)]
    )
    func single(sample: Int, told: Int) {
        var histogram = LatencyHistogram()
        histogram.record(microseconds: sample)
        #expect(histogram.latency == Latency(p50: told, p99: told, max: told))
    }
}
