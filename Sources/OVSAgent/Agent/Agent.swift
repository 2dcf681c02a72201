import JSONRPC
import Logging
import NIOCore
import OVSDB
import OpenFlow

/// The agent of one host: keeps the database at what the layout wants, and tells how things stand.
///
/// Everything that decides is pure and stands elsewhere; this actor owns the state and performs the effects. It lives
/// on the event loop of its database session, which is its executor, so that notification -> replica -> plan ->
/// transaction runs without a hop between threads. Its extensions follow the road: `Agent+Database` takes
/// notifications, `Agent+Reconcile` plans and commits, `Agent+Application` watches ovs-vswitchd, `Agent+Layout` takes
/// layouts, `Agent+Control` answers.
actor Agent {
    /// The lock that one agent of a host holds.
    static let lockName = "ovs_agentd"

    nonisolated let eventLoop: any EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

    nonisolated let configuration: AgentConfiguration
    nonisolated let logger: Logger
    nonisolated let logLevel: LogLevel
    let database: OVSDBClient

    // The layout.
    var active: ActiveLayout
    /// Why the layout file was not taken when it was read last; `nil` when it was.
    var layoutError: String?

    // The database.
    var authority: Authority
    var schemaFindings = SchemaFindings()

    // Reconciling.
    var repair: RepairStateMachine
    var planning: Planning
    /// Ports on a brN.local that are no VM's.
    var quarantine: Quarantine
    /// VM ports that were taken off the chain's bridges.
    var misplaced = MisplacedVMs()

    // ovs-vswitchd.
    var switches: SwitchStanding
    var devices = HostDevices()
    var activeMembers: ActiveMembers

    // The chain's flows.
    nonisolated let keeper: ChainKeeper
    var served: ServedChain

    // What is told.
    var journal: Journal
    /// As last told.
    var rowsStatus: RowsStatus?
    private var control: ControlServer?
    private let end: EventLoopPromise<Void>
    let fileWork: FileWork
    /// What is kept for a restart.
    var files: KeptFiles

    /// What is done at a time.
    var alarms: [Alarm: (time: NIODeadline, task: Scheduled<Void>)] = [:]

    init(
        _ configuration: AgentConfiguration,
        layout: ActiveLayout,
        removal: Removal,
        layoutError: String?,
        kept: KeptState,
        on eventLoop: any EventLoop,
        keeper: ChainKeeper,
        logLevel: LogLevel,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.keeper = keeper
        self.logger = logger
        self.logLevel = logLevel
        authority = Authority(pause: kept.pause(now: .now()))
        files = KeptFiles(in: configuration.stateFolder, kept)
        active = layout
        self.layoutError = layoutError
        database = try OVSDBClient(
            .init(
                remotes: configuration.remotes,
                database: "Open_vSwitch",
                lock: Self.lockName,
                followed: ReplicaColumns.followed,
                // A cluster that has lost its quorum answers no transaction.
                role: .connected
            ),
            on: eventLoop,
            logger: logger
        )
        repair = RepairStateMachine(configuration.contest)
        quarantine = Quarantine(patience: configuration.quarantine, vmInterfaces: kept.vmInterfaces.value ?? [])
        planning = Planning(found: kept.found.value ?? FoundValues(), removal: removal)
        served = ServedChain(claims: kept.claims.value ?? Claims())
        activeMembers = kept.activeMembers.value ?? ActiveMembers()
        misplaced.saw(kept.misplaced.value ?? [], now: .now())
        switches = SwitchStanding(now: .now())
        journal = Journal(instance: "\(UUID.random())")
        end = eventLoop.makePromise()
        let logger = logger
        fileWork = FileWork(on: eventLoop, patience: configuration.diskPatience) { late in
            if let late { logger.error("\(late)") } else { logger.notice("the disk has answered after all") }
        }
    }

    /// NIO leaves no promise open: an agent may be let go before it began, where its control socket can't be had.
    deinit { end.succeed() }

    /// Begins to work; `control` is told when the journal grows. `kept` is what the agent was made with.
    func start(control: ControlServer, kept: KeptState) {
        self.control = control
        report(.init(.started, reason: "ovs-agentd \(AgentVersion.current)"))
        meetDamages(of: kept)
        reportLayout()
        lookAtNICs()
        continuePause()
        lookAtMisplaced()
        chain { keeper in
            keeper.start { news in self.eventLoop.execute { self.assumeIsolated { $0.heard(news) } } }
        }
        database.assumeIsolated { database in
            database.start { event in self.assumeIsolated { $0.happened(event) } }
        }
    }

    /// Lets go of everything and leaves the switch as it is.
    func stop() async {
        // Whoever gets the lock reads what is kept.
        run(authority.stops())
        saveAll()
        await untilKept()
        letGo()
    }

    private func letGo() {
        report(.init(.stopped))
        cancelAlarms()
        authority.ended()
        switches.leave()
        served.lanes = nil
        chain { $0.stop() }
        database.assumeIsolated { $0.stop() }
        control = nil
        end.succeed()
    }

    /// Returns when the work with files is done: a layout that came a moment before the end must be found after the
    /// restart. A disk that takes longer than an end may is not waited for.
    private func untilKept() async {
        let kept = eventLoop.makePromise(of: Void.self)
        fileWork.done.cascade(to: kept)
        let timer = eventLoop.scheduleTask(in: .milliseconds(500)) { kept.succeed() }
        try? await kept.futureResult.get()
        timer.cancel()
    }

    /// Returns when somebody asked for the end.
    func untilEnd() async throws { try await end.futureResult.get() }

    var connection: Authority.Connection { authority.connection }
    var lock: LockState? { authority.lock }
    var pause: Pause? { authority.pause }
    var isStopping: Bool { authority.isStopping }

    /// Asks for the end.
    nonisolated func requestEnd() { end.succeed() }

    /// Puts something into the journal and the log.
    func report(_ report: Event.Report) {
        journal.note(report, at: .now())
        tell()
    }

    /// Does so when the repair is over, or else in a moment. The server has to work for a repair, and then those who follow
    /// the database, often on the processor that this would be written down on: they go first.
    func reportSoon(_ report: Event.Report) {
        journal.note(report, at: .now())
        setOnce(.telling, in: RepairStateMachine.moment * 2)
    }

    /// Tells what is not told yet, in the order in which it happened.
    func tell() {
        let events = journal.appendNoted()
        guard !events.isEmpty else { return }
        set(.telling, at: nil)
        for event in events { logger.log(level: event.report.kind.logLevel, "\(event.summary)") }
        control?.journalGrew()
    }

    /// Looks at the replica. It must not be kept: a second holder would make the next change copy it.
    func withReplica<R>(_ body: (Replica) -> R) -> R? {
        guard let replica = database.assumeIsolated({ $0.replica }) else { return nil }
        return body(replica)
    }
}

extension Event.Kind {
    fileprivate var logLevel: Logger.Level {
        switch self {
        case .drift, .contested, .layoutRejected, .applyFailed, .disconnected, .paused, .switchRestarted, .stateDamaged:
            .warning
        case .started, .connected, .layoutLoaded, .repaired, .assigned, .released, .adopted, .applied, .resumed,
            .vmServed, .vmArrived, .vmMoved, .vmGone,
            .stopped:
            .info
        }
    }
}
