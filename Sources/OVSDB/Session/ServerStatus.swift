import JSONRPC

/// What a server tells of itself and its databases in the database `_Server` (ovsdb-server(5)), as far as it decides
/// whether a client stays with it.
struct ServerStatus {
    static let database = "_Server"
    static let table = FollowedTable(
        "Database",
        columns: ["name", "model", "connected", "leader", "cid", "index"]
    )

    /// How far a cluster's log had come where it was seen furthest: a server that is behind has stale data.
    struct Progress: Hashable, Sendable {
        var cluster: UUID
        var index: Int64
    }

    private var replica: Replica

    init(schema: DatabaseSchema) {
        replica = Replica(schema: schema)
    }

    var schema: DatabaseSchema { replica.schema }

    mutating func apply(_ updates: TableUpdates) throws(ReplicaError) { try replica.apply(updates) }

    /// Why a client that wants this role does not stay; `nil` when it does. What is seen of the cluster goes into
    /// `progress`.
    func unfitness(for role: ServerRole, _ database: String, progress: inout Progress?) -> String? {
        guard let row = replica["Database"].rows.first(where: { $0.name == database }) else {
            return "the server has no database \(database)"
        }
        switch row["model"].string {
        case "clustered": break
        case "relay":
            if role == .leader { return "the server is a relay, which leads no cluster" }
            return row["connected"].boolean == true ? nil : ServerFitness.noSource
        default: return nil
        }
        guard row["connected"].boolean == true else { return ServerFitness.noQuorum }
        if role == .leader, row["leader"].boolean != true { return "the server is not its cluster's leader" }
        // A server that is only joining has no place in the log yet.
        guard let cluster = row["cid"].uuid, let index = row["index"].integer else {
            return "the server has not joined its cluster yet"
        }
        if let known = progress, known.cluster == cluster, index < known.index {
            return "the server is behind its cluster: at \(index), and another was at \(known.index)"
        }
        progress = Progress(cluster: cluster, index: index)
        return nil
    }
}

/// Why a client does not stay with a server, in the words of ``OVSDBError/disconnected(reason:)``, where more than the
/// connection is the matter.
public enum ServerFitness {
    /// The server's cluster has no leader that it knows: too few servers run, or this one is cut off.
    public static let noQuorum = "the server has lost contact with its cluster"
    /// The server is a relay without the server that it relays.
    public static let noSource = "the server has lost contact with the one that it relays"
}
