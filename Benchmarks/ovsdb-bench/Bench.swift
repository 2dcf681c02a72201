import Glibc
import Logging
import NIOCore
import NIOPosix
import OVSAgent
import OVSDB

/// What `scripts/bench` measures of the OVSDB client itself, one thing a run, printed as `name value` lines:
///
///     ovsdb-bench follow REMOTE [COLUMNS]      until the replica is complete; milliseconds, KiB
///     ovsdb-bench watch REMOTE SECONDS         follow on for so long; CPU microseconds of that time
///     ovsdb-bench transact REMOTE COUNT        empty transactions, one after another; microseconds
///
/// COLUMNS is `agent` (what ovs-agentd follows) or `all` (every column of its tables).
@main
struct Bench {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { throw Usage() }
        let remote = try Remote(arguments[2])
        let started = NIODeadline.now()
        switch arguments[1] {
        case "follow":
            let columns = arguments.count > 3 && arguments[3] == "all" ? allColumns : ReplicaColumns.followed
            _ = try await follow(remote, columns)
            print("synced_ms \(Double((NIODeadline.now() - started).nanoseconds) / 1e6)")
            print("cpu_ms \(Double(cpuMicroseconds()) / 1e3)")
            printMemory()
        case "watch":
            let client = try await follow(remote, ReplicaColumns.followed)
            let seconds = arguments.count > 3 ? Int(arguments[3]) ?? 5 : 5
            let before = cpuMicroseconds()
            try await Task.sleep(for: .seconds(seconds))
            print("cpu_us \(cpuMicroseconds() - before)")
            await client.stop()
        case "transact":
            let client = try await follow(remote, [])
            let count = arguments.count > 3 ? Int(arguments[3]) ?? 2000 : 2000
            let samples = try await measure(client, count)
            print("p50_us \(samples[count / 2])")
            print("p99_us \(samples[count * 99 / 100])")
        default: throw Usage()
        }
    }

    private struct Usage: Error {}

    /// Of the tables that the agent follows, every column that the installed schema has.
    private static let allColumns: [FollowedTable] = ReplicaColumns.tables.map { FollowedTable(whole: $0) }

    private static func follow(_ remote: Remote, _ tables: [FollowedTable]) async throws -> OVSDBClient {
        let client = try OVSDBClient(
            .init(remotes: [remote], database: "Open_vSwitch", followed: tables),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        )
        let (events, continuation) = AsyncStream.makeStream(of: OVSDBClient.Event.self)
        await client.start { event in
            if case .changed = event { return }
            continuation.yield(event)
        }
        for await event in events { if case .synced = event { break } }
        return client
    }

    /// Sorted round trips in microseconds. The next request goes out in the callback of the last, on the event loop.
    private static func measure(_ client: OVSDBClient, _ count: Int) async throws -> [Double] {
        try await client.measureRoundTrips(count)
    }

    private static func cpuMicroseconds() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let (user, system) = (usage.ru_utime, usage.ru_stime)
        return (user.tv_sec + system.tv_sec) * 1_000_000 + Int(user.tv_usec) + Int(system.tv_usec)
    }

    private static func printMemory() {
        guard let file = fopen("/proc/self/status", "r") else { return }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split { $0 == " " || $0 == "\t" || $0 == ":" || $0 == "\n" }
            if let name = words.first, ["RssAnon", "RssFile", "VmHWM"].contains(name) {
                print("\(name)_kib \(words[1])")
            }
        }
    }
}

extension OVSDBClient {
    fileprivate func measureRoundTrips(_ count: Int) async throws -> [Double] {
        var samples: [Double] = []
        for _ in 0..<count {
            let started = NIODeadline.now()
            _ = try await transact([.comment("")])
            samples.append(Double((NIODeadline.now() - started).nanoseconds) / 1e3)
        }
        return samples.sorted()
    }
}
