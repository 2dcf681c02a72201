import NIOCore

extension OVSDBClient {
    /// What to follow, and where.
    public struct Configuration: Sendable {
        /// Tried in turn. Never empty.
        public var remotes: [Remote]
        public var database: String
        /// The lock to ask for on every connection; `nil` for none.
        public var lock: String?
        public var followed: [FollowedTable]
        /// What a server must be to stay with it; with another the next remote is tried.
        public var role: ServerRole
        /// Whether to try the remotes in an order made anew for each client, so that clients spread over servers.
        public var isShuffled: Bool
        public var pace: Reconnect.Pace
        /// Bytes of the longest snapshot that is taken; it is never held as a whole.
        public var longestSnapshot: Int
        /// Bytes of the longest row of a snapshot, and of the longest message of any other kind, that is taken.
        public var longestMessage: Int
        /// Bytes that may wait for a server that does not read what it is sent; with more the connection is closed.
        public var longestBacklog: Int

        public init(
            remotes: [Remote],
            database: String,
            lock: String? = nil,
            followed: [FollowedTable],
            role: ServerRole = .any,
            isShuffled: Bool = false,
            pace: Reconnect.Pace = .init(),
            longestSnapshot: Int = 1 << 30,
            longestMessage: Int = 64 << 20,
            longestBacklog: Int = 16 << 20
        ) {
            self.remotes = remotes
            self.database = database
            self.lock = lock
            self.followed = followed
            self.role = role
            self.isShuffled = isShuffled
            self.pace = pace
            self.longestSnapshot = longestSnapshot
            self.longestMessage = longestMessage
            self.longestBacklog = longestBacklog
        }
    }
}

extension SessionStateMachine.Purpose {
    init(_ configuration: OVSDBClient.Configuration) {
        self.init(
            database: configuration.database,
            lock: configuration.lock,
            followed: configuration.followed,
            role: configuration.role
        )
    }
}
