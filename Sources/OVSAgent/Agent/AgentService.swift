import Glibc
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The whole daemon as one service: layout, control socket, agent; then it works until it is asked to end.
package struct AgentService: Service, CustomStringConvertible {
    /// How the service group's log names it.
    package let description = "agent"

    /// One loop on which rows are enforced and one for flows, never the same, however few processors there are.
    private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    private let agent: Agent
    private let control: ControlServer
    private let kept: KeptState

    /// Takes the layout and the control socket, and touches nothing else. Throws why the daemon can't begin.
    package static func prepare(
        _ configuration: AgentConfiguration,
        logLevel: LogLevel,
        logger: Logger
    ) async throws -> AgentService {
        let kept = KeptState.load(from: configuration.stateFolder)
        let beginning = try Agent.begin(configuration, kept: kept)
        let loop = Self.loops.next()
        let agent = try Agent(
            configuration,
            layout: beginning.layout,
            removal: beginning.removal,
            layoutError: beginning.layoutError,
            kept: kept,
            on: loop,
            keeper: ChainKeeper(
                openFlowFolder: configuration.openFlowFolder,
                auditInterval: configuration.auditInterval,
                contest: configuration.flowContest,
                on: Self.loops.next()
            ),
            logLevel: logLevel,
            logger: logger
        )
        let control = try await ControlServer.start(
            at: configuration.controlPath,
            target: agent,
            on: loop,
            logger: logger
        )
        return AgentService(agent: agent, control: control, kept: kept)
    }

    /// Works until the group shuts down or a caller of the control socket asks for the end.
    package func run() async throws {
        await agent.start(control: control, kept: kept)
        try await withGracefulShutdownHandler {
            try await agent.untilEnd()
        } onGracefulShutdown: {
            agent.requestEnd()
        }
        await agent.stop()
        await control.stop()
    }

    /// Reads the layout file again, as SIGHUP asks. What is wrong with it stands in the journal and the status.
    package func reload() async {
        _ = try? await agent.reload(allowRemoval: false).get()
    }
}
