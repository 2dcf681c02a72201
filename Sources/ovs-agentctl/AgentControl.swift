import ArgumentParser
import Glibc
import JSONRPC
import OVSAgent

/// `ovs-agentctl`: asks a running ovs-agentd over its control socket. Exit codes are a promise to scripts: 1 means that
/// there was no answer or that it failed, 64 that the command line was wrong; each command says what else it returns.
@main
struct AgentControl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ovs-agentctl",
        abstract: "Asks a running ovs-agentd.",
        version: "ovs-agentctl \(AgentVersion.current)",
        subcommands: [
            StatusCommand.self, ShowCommand.self, VMsCommand.self, TraceCommand.self, PlanCommand.self,
            CheckCommand.self, EventsCommand.self, ReloadCommand.self, AdoptCommand.self, PauseCommand.self,
            ResumeCommand.self,
            VersionCommand.self,
        ]
    )

    @OptionGroup var options: Options

    func run() throws { throw ValidationError("Missing command.") }
}

/// What every command takes, before or after its name.
struct Options: ParsableArguments {
    @Option(help: ArgumentHelp("The daemon's control socket.", valueName: "socket"))
    var control = "/run/ovs-agent/control.sock"

    @Flag(help: "Print JSON, for scripts.")
    var json = false

    /// Asks the daemon one thing.
    func ask(_ method: String, _ parameters: [String] = []) throws -> JSON {
        try reportingFailure {
            try ControlClient(connectingTo: control).ask(method, parameters)
        }
    }

    /// Prints an answer as asked for: its object without the text, or its text.
    func printAnswer(_ answer: JSON) {
        guard json, let members = answer.object else { return Terminal.printLine(answer["text"]?.string ?? "") }
        Terminal.printLine(JSON.object(members.filter { $0.name != "text" }).text(indent: 2))
    }
}

/// Runs `body`; what goes wrong is told on standard error and ends the program with 1.
func reportingFailure<Result>(_ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch {
        throw reported(error)
    }
}

/// Tells an error on standard error, and gives the exit code that follows from it.
func reported(_ error: any Error) -> ExitCode {
    Terminal.printError("ovs-agentctl: \(error)")
    return ExitCode(1)
}
