import JSONRPC
import Logging
import NIOPosix
import OVSDB
import TestSupport

@testable import OVSAgent

/// Plans against a real database and commits what it planned, on demand: the daemon without its loop.
struct PlanningClient: Sendable {
    /// The server's whole schema.
    let schema: DatabaseSchema
    private let client: OVSDBClient
    private let events: AsyncStream<OVSDBClient.Event>

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init(_ ovs: PrivateSwitch) async throws {
        client = try OVSDBClient(
            .init(
                remotes: [Remote(ovs.databaseRemote)],
                database: "Open_vSwitch",
                lock: "ovs_agentd",
                followed: ReplicaColumns.followed
            ),
            on: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test")
        )
        let (events, continuation) = AsyncStream.makeStream(of: OVSDBClient.Event.self)
        self.events = events
        await client.start { continuation.yield($0) }
        var isSynced = false
        var isHeld = false
        var learned: DatabaseSchema?
        for await event in events {
            if case .learned(let schema) = event { learned = schema }
            if case .synced = event { isSynced = true }
            if case .lock(.held) = event { isHeld = true }
            if isSynced && isHeld { break }
        }
        guard let learned else { throw Failure(description: "no schema") }
        schema = learned
    }

    /// The plan for what the database holds now: a reply comes after the notifications of what was committed before.
    func plan(_ layout: Layout, removal: Removal = .refused) async throws -> Plan {
        _ = try await client.transact([.comment("what was committed so far is in the replica now")])
        guard let replica = await client.replica else { throw Failure(description: "no snapshot") }
        var planner = RowPlanner(layout: layout, schema: replica.schema)
        var provenance = Provenance()
        return planner.plan(replica, removal: removal, provenance: &provenance)
    }

    /// Commits a plan; its last result holds the `next_cfg` to wait for.
    func commit(_ plan: Plan) async throws {
        guard !plan.isEmpty else { return }
        let results = try await client.transact(plan.operations(lock: "ovs_agentd", comment: "ovs-agentd: test"))
        guard case .rows(let rows)? = results.last, rows.first?["next_cfg"]?.integer != nil else {
            throw Failure(description: "no next_cfg in \(results)")
        }
    }

    @discardableResult
    func reconcile(_ layout: Layout, removal: Removal = .refused) async throws -> Plan {
        let plan = try await plan(layout, removal: removal)
        try await commit(plan)
        return plan
    }

    func stop() async { await client.stop() }
}
