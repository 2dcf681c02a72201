/// What the agent says of itself and of the switch: the answer to `status`, a pure value in the shape of its JSON.
package struct Status: Hashable, Sendable {
    /// The one word that monitoring looks at.
    package enum State: String, Hashable, Sendable, CaseIterable {
        case inSync = "in-sync"
        case reconciling, degraded, contested, paused, disconnected, standby

        /// Whether nobody needs to look: in sync, or another agent of this host is at work.
        package var isHealthy: Bool { self == .inSync || self == .standby }
    }

    /// The session with ovsdb-server.
    struct Database: Hashable, Sendable {
        enum Lock: String, Hashable, Sendable, CaseIterable { case held, waiting, lost }

        var remote: String
        var connected: Bool
        /// `nil` before it was asked for.
        var lock: Lock?
    }

    /// The layout that is at work.
    struct LayoutFile: Hashable, Sendable {
        var path: String
        /// Of the layout at work; `nil` when there is none.
        var digest: String?
        /// Why the file was not taken; `nil` when it was.
        var error: String?
    }

    /// What was put right since the daemon started.
    struct Repairs: Hashable, Sendable {
        var drifts = 0
        var transactions = 0
        var contested = 0
        /// `nil` before the first repair.
        var latency: Latency?
    }

    var state: State
    var reasons: [Reason] = []
    /// What is allowed and probably not meant; the state does not depend on it.
    var warnings: [String] = []
    var version = AgentVersion.current
    var pid: Int32
    var database: Database
    var layout: LayoutFile
    var repairs = Repairs()
    /// Whether the database has ever told its rows: before that nothing below is known, and `present` is false
    /// everywhere.
    var isKnown = true
    var virtualSwitches: [VirtualSwitch] = []
    /// From the VMs to the wire: br.mx, br.microseg, br.nf, br.dmx.
    var chain: [ChainBridge] = []

    /// One virtual switch of the layout, as it stands in the database.
    struct VirtualSwitch: Hashable, Sendable {
        var name: String
        var bridge: String
        /// `nil` for a virtual switch that has no way out of the host.
        var uplink: Uplink?
        /// Its own bridges from the VMs to the wire: brN.local, brN.
        var bridges: [ChainBridge] = []
    }

    /// The port with the physical NICs.
    struct Uplink: Hashable, Sendable {
        /// What is known of the protocol, the members' word first: the bond's own can be seconds old.
        enum LACPStatus: String, Hashable, Sendable { case off, configured, negotiated }

        var name: String
        /// Whether the Port stands on its bridge.
        var isPresent: Bool
        /// `bond_mode` as the database has it; `nil` where it says nothing or the port has one NIC only.
        var mode: String?
        /// `off`, `active` or `passive`.
        var lacp: String
        var lacpStatus: LACPStatus
        /// The member that carries traffic in active-backup; `nil` when ovs-vswitchd names none.
        var activeMember: String?
        /// In the order of their names.
        var members: [Member]
    }

    /// One NIC of an uplink.
    struct Member: Hashable, Sendable {
        var name: String
        var linkUp: Bool
        /// `nil` when ovs-vswitchd does not tell.
        var speedMbps: Int?
        /// Whether it may carry traffic: the link is up, an LACP partner agrees where one must, and BFD or CFM
        /// hears the other end where a bond is to have it.
        var enabled: Bool
    }

    /// One bridge that carries VM frames.
    struct ChainBridge: Hashable, Sendable {
        var bridge: String
        var present: Bool
        /// `nil` while the agent does not know the bridge's flows.
        var flows: FlowCounts?
    }
}
