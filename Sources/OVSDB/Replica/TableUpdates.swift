import JSONRPC

/// What a monitor reports at once: one transaction's changes, or a whole snapshot (RFC 7047, 4.1.6 `<table-updates>`;
/// ovsdb-server(7), `<table-updates2>`), decoded by the schema.
public struct TableUpdates: Hashable, Sendable {
    /// One row's part.
    public struct RowUpdate: Hashable, Sendable {
        public var table: String
        public var uuid: UUID
        public var change: Change

        public init(table: String, uuid: UUID, change: Change) {
            self.table = table
            self.uuid = uuid
            self.change = change
        }
    }

    /// What happened to a row. Values stand under the position of their column in the followed schema.
    public enum Change: Hashable, Sendable {
        /// The row is now there; columns not named have their defaults.
        case insert([ColumnValue])
        /// Differences of sets and maps, new values of all else.
        case modify([ColumnValue])
        /// New values of the columns named (a v1 `update`).
        case replace([ColumnValue])
        case delete
    }

    /// The value of one column.
    public struct ColumnValue: Hashable, Sendable {
        public var position: Int
        public var value: Datum

        public init(position: Int, value: Datum) {
            self.position = position
            self.value = value
        }
    }

    public var rows: [RowUpdate]

    public init(rows: [RowUpdate] = []) {
        self.rows = rows
    }
}
