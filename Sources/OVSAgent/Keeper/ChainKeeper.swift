import JSONRPC
import NIOCore
import OpenFlow

/// Keeps the flows of the chain: holds an OpenFlow connection to every bridge, compiles the flows that are wanted from
/// the lanes, the VM ports and the numbers that the switch gives them, and brings each bridge to them by one bundle,
/// again after whatever somebody else does to them.
///
/// It lives on an event loop of its own, so that no compiling or encoding holds up the loop on which rows are enforced.
actor ChainKeeper {
    nonisolated let eventLoop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    /// What the keeper tells, on its own event loop.
    enum News: Sendable {
        /// What is known of a bridge's switch.
        case state(bridge: String, SwitchConnection.State)
        /// The flows of a bridge are as wanted; `foreign` are somebody else's that come before them.
        case flows(bridge: String, FlowCounts, foreign: ForeignFlows.Summary, service: Int)
        /// Somebody else changed what is ours, which is as it was again. Of a fight the journal does not tell every blow.
        case repaired(SwitchDrift, latencyMicroseconds: Int, isToldOf: Bool)
        /// Somebody changes an object again and again.
        case contested(String)
        /// Nobody does any more.
        case released(Contest.Fight)
        /// All fights that there are.
        case fights([Contest.Fight])
        /// The switch does not let us undo what somebody else did.
        case refused(SwitchDrift, reason: String)
        case failed(bridge: String, reason: String)
        /// The switch reports no changes of flows: what others do to them is found by looking only.
        case unwatched(bridge: String)
        /// The VM ports that can't be served, and addresses that two of them declare.
        case unserved([UnservedPort], [ContestedStation])
        /// The VM ports of which nothing says which VLANs they carry, by lane.
        case unrestricted([Lane: [String]])
        /// The VM ports whose flows the switch has, by name, and whether they have spoken.
        case served([Lane: [String: Presence]])
        case port(PortNews)
        /// The wire announced an address that is present here; by which member of the bond.
        case announced(Announcement, Lane, member: String)
        /// What must survive a restart.
        case claims(Claims)
    }

    let openFlowFolder: String
    private let auditInterval: TimeAmount
    private let timing: SwitchConnection.Timing
    var tell: @Sendable (News) -> Void = { _ in }
    var bridges: [String: Kept] = [:]
    /// `nil` while another agent may write, or nothing is known: then no flow is touched.
    var lanes: ChainLanes?
    private(set) var service = 0
    var vmPorts: [UUID: VMPortRow] = [:]
    /// The names of the interfaces on brN that are the controller VM's.
    var controllers: [Lane: Set<String>] = [:]
    /// Which of them have spoken.
    var claims = Claims()
    /// Those that are new and of which it was not told that they are served.
    var unannounced: Set<UUID> = []
    /// The VM ports, by name, that each bridge had all flows for when it was last as wanted.
    var acknowledged: [String: [String: VMPort]] = [:]
    var lastServed: [Lane: [String: Presence]] = [:]
    /// As each bridge was last seen to have them: one that is out of reach for a moment keeps what follows from its.
    var ports: [String: SwitchPorts] = [:]
    /// The lanes as the switch has them now; `nil` while nothing is to be touched.
    var resolved: [LanePorts]?
    /// Those that ``wanted`` was compiled for.
    var lanesOfWanted: [LanePorts] = []
    /// The flows that they want, by bridge.
    var wanted = ChainProgram(lanes: []).flows.mapValues { flows in
        Dictionary(flows.map { ($0.key, $0) }) { $1 }
    }
    var lastUnserved: [UnservedPort] = []
    var lastContested: [ContestedStation] = []
    var lastUnrestricted: [Lane: [String]] = [:]
    /// The addresses of which it is being judged whether they have moved.
    var judged: Set<Judgement> = []
    /// What somebody changes again and again.
    var contest: Contest
    /// Of the moment when a fight may be over.
    var release: Scheduled<Void>?
    var audit: RepeatedTask?
    /// The next look at bridges whose switch tells nothing.
    var look: Scheduled<Void>?
    var watch: FolderWatch?
    /// Of the moment when what many flows took is given back.
    var tidying: Scheduled<Void>?
    /// How many flows in one bundle are many.
    static let manyFlows = 1000
    /// Begins to watch as soon as there is a folder.
    var folderSearch: Scheduled<Void>?

    /// One bridge.
    struct Kept {
        let connection: SwitchConnection
        var settings: KeptSettings
        var work = Work.unread
        var watch = Watch.notAsked
        /// As the switch has them; `nil` before they were read on this connection.
        var flows: KeptFlows?
        /// Whether the switch is asked for its flows, and whether it has to be asked once more.
        var isLooking = false
        var isLookDue = false
        /// When somebody else's change was noticed that is not undone yet.
        var tamperedAt: NIODeadline?
        /// What is being committed, and whether the switch has told that it did it.
        var committing: [FlowMod]?
        /// Whether it was told on this connection that they are as wanted.
        var hasToldFlows = false
        /// What the bridge is being taught, before which none of its ports counts as served.
        var lessons = 0
        /// The addresses that it was taught to look for on the wire, not long ago.
        var taught = TaughtAddresses()
        /// Those of them that are here after all, until it is looked whether it still believes that.
        var returned: Set<EthernetAddress> = []
        /// Tells what changed of them in a moment.
        var telling: Scheduled<Void>?
        var retry: Scheduled<Void>?
        /// On a brN, the stations that it has yet to forget.
        var departed: Set<LearnedStation> = []
        /// Of the next repair of what somebody fights over.
        var pause: Pause?
        /// When somebody else's change of the settings was noticed that is not undone yet.
        var settingsTamperedAt: NIODeadline?
        var isApplyingSettings = false
        /// Whether an answer came meanwhile that says nothing of what is there afterwards.
        var isSettingsLookDue = false
        var isLookingAtFlooding = false
        var settingsPause: Scheduled<Void>?

        func cancelTimers() {
            for timer in [retry, pause?.timer, settingsPause, telling] { timer?.cancel() }
        }
    }

    /// That repairs of some tables wait.
    struct Pause {
        let timer: Scheduled<Void>
        let tables: Set<UInt8>
    }

    /// Whether the switch reports changes of flows on this connection.
    enum Watch {
        case notAsked
        case reports
        /// It can't: before Open vSwitch 3.0 none does over OpenFlow 1.4.
        case refuses
    }

    enum Work { case unread, reading, idle, committing }

    /// - Parameters:
    ///   - auditInterval: how often is looked at what no switch tells of.
    ///   - timing: how patient every connection is.
    ///   - contest: how many repairs of an object are made at once.
    init(
        openFlowFolder: String,
        auditInterval: TimeAmount = .minutes(1),
        timing: SwitchConnection.Timing = .init(),
        contest: Contest.Limits = .init(),
        on eventLoop: any EventLoop
    ) {
        self.openFlowFolder = openFlowFolder
        self.auditInterval = auditInterval
        self.timing = timing
        self.contest = Contest(contest)
        self.eventLoop = eventLoop
    }

    func start(_ tell: @escaping @Sendable (News) -> Void) {
        self.tell = tell
        // What no message reports is found by a look at everything.
        audit = eventLoop.scheduleRepeatedTask(initialDelay: auditInterval, delay: auditInterval) { _ in
            self.assumeIsolated { $0.readAll() }
        }
        watchFolder()
    }

    /// Lets go of everything; the flows stay.
    func stop() {
        tell = { _ in }
        lanes = nil
        audit?.cancel()
        look?.cancel()
        tidying?.cancel()
        release?.cancel()
        leaveFolder()
        for kept in bridges.values {
            kept.cancelTimers()
            kept.connection.close()
        }
        bridges = [:]
    }

    /// Keeps one connection to each of these bridges.
    func follow(_ wanted: Set<String>) {
        for (bridge, kept) in bridges where !wanted.contains(bridge) {
            bridges[bridge] = nil
            ports[bridge] = nil
            acknowledged[bridge] = nil
            release(kept)
        }
        for bridge in wanted where bridges[bridge] == nil {
            bridges[bridge] = Kept(
                connection: SwitchConnection(
                    socketPath: "\(openFlowFolder)/\(bridge).mgmt",
                    eventLoop: eventLoop,
                    timing: timing,
                    onSwitchChange: { changes in self.assumeIsolated { $0.told(bridge, changes) } },
                    onChange: { state in self.assumeIsolated { $0.changed(bridge, state) } }
                ),
                settings: KeptSettings(of: bridge, vitalPorts: vitalPorts(of: bridge))
            )
            bridges[bridge]?.settings.want(groups(of: bridge))
        }
    }

    /// Leaves a bridge for good, without flows of ours where it stands on, and where they were ours to change.
    private func release(_ kept: Kept) {
        kept.cancelTimers()
        let connection = NIOLoopBound(kept.connection, eventLoop: eventLoop)
        guard kept.flows != nil, lanes != nil, case .up = kept.connection.state else {
            kept.connection.close()
            return
        }
        let ours = FlowFilter(cookie: CookieFilter(FlowCookie.space, mask: FlowCookie.spaceMask))
        kept.connection.commit([.delete(ours)]).whenComplete { _ in connection.value.close() }
    }

    /// Sets which lanes are served, and all VM ports; `nil` takes the hands off. The flows of every bridge are told as
    /// soon as they are as wanted, with the number of this `service`.
    func serve(_ lanes: ChainLanes?, _ vmPorts: [UUID: VMPortRow], _ service: Int = 0) {
        (self.lanes, self.service) = (lanes, service)
        // While nothing is enforced nobody tells of rows.
        if lanes != nil {
            let former = claims
            let gone = claims.claims.keys.filter { vmPorts[$0] == nil }
            for uuid in gone { claims.went(uuid) }
            noteClaims(since: former)
            tellGone(gone, of: self.vmPorts, [])
            self.vmPorts = vmPorts
        }
        compile()
        for bridge in bridges.keys {
            confirmClaims(bridge)
            keep(bridge)
            seeSettings(bridge)
            keepSettings(bridge)
        }
    }

    /// What a switch says of itself.
    private func changed(_ bridge: String, _ state: SwitchConnection.State) {
        tell(.state(bridge: bridge, state))
        guard var kept = bridges[bridge] else { return }
        var isNews = false
        switch state {
        case .down:
            // Whatever was there or under way is gone with the connection, or has to be read anew.
            kept.work = .unread
            kept.watch = .notAsked
            kept.isLooking = false
            kept.isLookDue = false
            kept.flows = nil
            kept.hasToldFlows = false
            kept.committing = nil
            kept.tamperedAt = nil
            kept.settings.forget()
            kept.settingsTamperedAt = nil
            kept.isSettingsLookDue = false
            acknowledged[bridge] = nil
        case .up(let status):
            isNews = ports[bridge].map { !$0.areNumbered(as: status.ports) || !$0.areLinked(as: status.ports) } ?? true
            ports[bridge] = status.ports
            if kept.settings.see(status.ports) { kept.noticeSettings() }
        }
        bridges[bridge] = kept
        if isNews { seeControllers(bridge) }
        if isNews { compile() } else if case .down = state { tellServed() }
        keep(bridge)
        if let lane = Lane(localBridge: bridge) { keep(lane.uplinkBridge) }
        keepSettings(bridge)
    }

    /// What a switch says that others do to it.
    func told(_ bridge: String, _ changes: [SwitchChange]) {
        // A group that goes takes flows along, and has to be there again before they can be.
        toldOfSettings(bridge, changes)
        toldOfFlows(bridge, changes)
    }

    /// Compares what is kept with what the switches have, for changes that nothing tells of.
    private func readAll() {
        for (bridge, kept) in bridges {
            guard case .up = kept.connection.state else { continue }
            auditFlows(bridge)
            auditSettings(bridge)
        }
    }

    /// VM ports came, changed or went.
    func update(_ changed: [UUID: VMPortRow?]) {
        var isNews = false
        let (former, rows) = (claims, vmPorts)
        for (uuid, row) in changed where vmPorts[uuid] != row {
            vmPorts[uuid] = row
            if row == nil { claims.went(uuid) }
            isNews = true
        }
        noteClaims(since: former)
        tellGone(changed.keys.filter { former[$0] != nil && claims[$0] == nil }, of: rows, [])
        if isNews { compile() }
    }
}
