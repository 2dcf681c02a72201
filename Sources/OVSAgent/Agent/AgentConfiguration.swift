import NIOCore
import OVSDB

/// Where an agent finds and leaves things: the daemon's options.
package struct AgentConfiguration: Sendable {
    /// The operator's layout file.
    package var layoutPath: String
    /// The database servers to try in turn.
    package var remotes: [Remote]
    /// The path of the control socket.
    package var controlPath: String
    /// The folder in which ovs-vswitchd puts its sockets, `<bridge>.mgmt` and `ovs-vswitchd.<pid>.ctl`, and its pid file.
    package var openFlowFolder: String
    /// The folder that keeps what must survive a restart.
    package var stateFolder: String
    /// Where the host shows its NICs.
    var nicFolder = NICHardware.folder
    /// When a fight over a row is one.
    var contest = Contest.Limits()
    /// When a fight over flows, groups, meters or a port's bits is one: undoing it takes both sides more.
    var flowContest = Contest.Limits(burst: 100, refill: 20)
    /// How long a port on a brN.local may stay there before somebody says which VM it is of.
    var quarantine = TimeAmount.seconds(30)
    /// How long a disk may take for one file.
    var diskPatience = TimeAmount.seconds(5)
    /// How often is looked at what no switch tells of.
    package var auditInterval = TimeAmount.minutes(1)
    /// How long ovs-vswitchd may take to answer a question of a caller's.
    package var switchPatience = TimeAmount.seconds(2)

    /// `openFlowFolder`: `nil` for the folder of the database's unix socket, or `/run/openvswitch` where it has none.
    package init(
        layoutPath: String,
        remotes: [Remote],
        controlPath: String,
        openFlowFolder: String? = nil,
        stateFolder: String
    ) {
        self.layoutPath = layoutPath
        self.remotes = remotes
        self.controlPath = controlPath
        self.openFlowFolder = openFlowFolder ?? Self.folder(ofSocketAmong: remotes) ?? "/run/openvswitch"
        self.stateFolder = stateFolder
    }

    private static func folder(ofSocketAmong remotes: [Remote]) -> String? {
        for case .unix(let path) in remotes {
            guard let slash = path.lastIndex(of: "/") else { return "." }
            return slash == path.startIndex ? "/" : String(path[..<slash])
        }
        return nil
    }
}
