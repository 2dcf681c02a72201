import ArgumentParser
import Glibc
import Logging
import OVSAgent
import OVSDB
import ServiceLifecycle
import UnixSignals

/// `ovs-agentd`: keeps one host's Open vSwitch at what its layout wants, in the foreground, until it is told to end.
@main
struct AgentDaemon: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ovs-agentd",
        abstract: "Keeps a host's Open vSwitch as its layout declares it.",
        discussion: """
            Runs in the foreground and logs to standard error. SIGHUP reads the layout again; SIGTERM and SIGINT end \
            the daemon and leave the switch as it is.
            """,
        version: "ovs-agentd \(AgentVersion.current)"
    )

    @Option(help: ArgumentHelp("What the operator declares.", valueName: "file"))
    var layout = "/etc/ovs-agent/layout.yaml"

    @Option(
        help: ArgumentHelp(
            "The database: unix:PATH or tcp:HOST:PORT; several, separated by commas, are tried in turn.",
            valueName: "remote"
        )
    )
    var db = "unix:/run/openvswitch/db.sock"

    @Option(help: ArgumentHelp("The socket that ovs-agentctl talks to.", valueName: "socket"))
    var control = "/run/ovs-agent/control.sock"

    @Option(
        name: .customLong("openflow-dir"),
        help: ArgumentHelp(
            "Where ovs-vswitchd puts its sockets and its pid file (default: the folder of the database's socket).",
            valueName: "dir"
        )
    )
    var openFlowFolder: String?

    @Option(
        name: .customLong("state-dir"),
        help: ArgumentHelp("What must survive a restart, such as the last accepted layout.", valueName: "dir")
    )
    var stateFolder = "/var/lib/ovs-agent"

    @Option(help: ArgumentHelp("For ssl: remotes; not built in yet.", valueName: "file"))
    var privateKey: String?

    @Option(help: ArgumentHelp("For ssl: remotes; not built in yet.", valueName: "file"))
    var certificate: String?

    @Option(help: ArgumentHelp("For ssl: remotes; not built in yet.", valueName: "file"))
    var caCert: String?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel = Logger.Level.info

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var logFormat = StandardErrorLog.Format.text

    mutating func validate() throws {
        if privateKey != nil || certificate != nil || caCert != nil {
            throw ValidationError(
                "TLS is not built in yet, so --private-key, --certificate and --ca-cert can't be used; leave them out"
            )
        }
        let paths = [
            ("--layout", layout), ("--control", control), ("--openflow-dir", openFlowFolder ?? "."),
            ("--state-dir", stateFolder),
        ]
        for (option, path) in paths where path.isEmpty {
            throw ValidationError("\(option) takes a path, and an empty one leads nowhere")
        }
        do {
            _ = try Remote.list(db)
        } catch {
            throw ValidationError("--db: \(error)")
        }
    }

    func run() async throws {
        Heap.share()
        // A reload that comes before its handler must not end the daemon, nor a caller that hangs up.
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let level = LogLevel(logLevel)
        let writer = LogWriter(STDERR_FILENO)
        defer { writer.drain() }
        let handler = StandardErrorLog(level: level, format: logFormat, writer: writer)
        let logger = Logger(label: "ovs-agentd") { _ in handler }
        let service: AgentService
        do {
            service = try await AgentService.prepare(
                AgentConfiguration(
                    layoutPath: layout,
                    remotes: try Remote.list(db),
                    controlPath: control,
                    openFlowFolder: openFlowFolder,
                    stateFolder: stateFolder
                ),
                logLevel: level,
                logger: logger
            )
        } catch {
            // A layout's findings each have a line, as compilers' do, for an operator's editor to jump to.
            for finding in "\(error)".split(separator: "\n") { logger.critical("ovs-agentd can't start: \(finding)") }
            throw ExitCode(1)
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(service: Reloading(service: service), successTerminationBehavior: .ignore),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }
}

/// Reads the layout again for every SIGHUP.
private struct Reloading: Service, CustomStringConvertible {
    let description = "reload on SIGHUP"
    let service: AgentService

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            await service.reload()
        }
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension StandardErrorLog.Format: ExpressibleByArgument {}
