import Glibc
import JSONRPC
import NIOCore
import OVSAgent
import OVSDB

/// What `scripts/bench` measures of the OVSDB client itself. Each mode prints JSON objects, one a line:
///
///     ovsdb-bench replica REMOTE COLUMNS       what a complete replica took, in time and memory
///     ovsdb-bench columns REMOTE COLUMNS       the columns that COLUMNS stands for on this server
///     ovsdb-bench follow REMOTE COLUMNS        one once the replica is complete, then one for each line of input
///     ovsdb-bench transact REMOTE COUNT        round trips of an empty transaction, one after another
///
/// COLUMNS is `agent` (what ovs-agentd follows) or `all` (every column of Open_vSwitch, Bridge, Port and Interface).
///
/// Not an asynchronous `main`: that needs libdispatch's pool of threads, which wakes every second to look after itself.
@main
struct Bench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else { throw Usage() }
        let remote = try Remote(arguments[2])
        switch arguments[1] {
        case "replica":
            let started = NIODeadline.now()
            let following = try Following(remote, try tables(arguments[3]))
            let took = Double((NIODeadline.now() - started).nanoseconds) / 1e6
            let rows = try following.rowCount
            report([.init("synced_ms", .real(took)), .init("rows", .integer(Int64(rows)))] + Memory.now())
        case "columns":
            let following = try Following(remote, try tables(arguments[3]))
            let schema = try following.replica?.schema
            let columns = (schema?.tables ?? [:]).sorted { $0.key < $1.key }
            report(columns.map { .init($0.key, .array($0.value.columns.map { .string($0.name) })) })
        case "follow":
            let following = try Following(remote, try tables(arguments[3]))
            repeat {
                report([.init("changed", .integer(Int64(following.changedRows)))])
            } while readLine() != nil
        case "transact":
            guard let count = Int(arguments[3]), count > 0 else { throw Usage() }
            let following = try Following(remote, [])
            let called = try following.client.calledBackRoundTrips(count).wait()
            let awaited = try following.client.awaitedRoundTrips(count).wait()
            report(percentiles(called, "callback") + percentiles(awaited, "await"))
        default: throw Usage()
        }
    }

    private struct Usage: Error {}

    private static func tables(_ argument: String) throws -> [FollowedTable] {
        switch argument {
        case "agent": ReplicaColumns.followed
        case "all": ["Open_vSwitch", "Bridge", "Port", "Interface"].map { FollowedTable(whole: $0) }
        default: throw Usage()
        }
    }

    private static func percentiles(_ samples: [Double], _ name: String) -> [JSON.Member] {
        let sorted = samples.sorted()
        return [
            .init("\(name)_p50_us", .real(sorted[sorted.count / 2])),
            .init("\(name)_p99_us", .real(sorted[sorted.count * 99 / 100])),
        ]
    }

    private static func report(_ members: [JSON.Member]) {
        print(JSON.object(members).text())
        // Into a pipe, too, at once.
        fflush(nil)
    }
}
