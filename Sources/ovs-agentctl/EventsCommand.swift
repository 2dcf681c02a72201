import ArgumentParser
import Glibc
import JSONRPC
import OVSAgent

/// The journal: what is kept of it, and with `--follow` what comes, each event once.
struct EventsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "The journal: what drifted, what was put right.",
        discussion: "With --json every event is one object on a line of its own."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Only the events after this number.", valueName: "n"))
    var since = 0

    @Flag(help: "Go on with each event as it comes, over restarts of the daemon, until interrupted.")
    var follow = false

    func validate() throws {
        if since < 0 { throw ValidationError("--since takes the number of an event, 0 or more") }
    }

    func run() throws {
        var reader = EventReader(after: since)
        try reportingFailure {
            // The first time a daemon must be there; after that its restarts are waited for.
            try show(reader.catchUp(over: ControlClient(connectingTo: options.control)))
        }
        var isAway = false
        while follow {
            do {
                try showWhatComes(&reader, isAway: &isAway)
            } catch let error as ControlClientError where error.mayPass {
                if !isAway { Terminal.printError("ovs-agentctl: \(error); waiting for it") }
                isAway = true
                sleep(1)
            } catch {
                throw reported(error)
            }
        }
    }

    /// Prints events over one connection until it ends.
    private func showWhatComes(_ reader: inout EventReader, isAway: inout Bool) throws {
        let client = try ControlClient(connectingTo: options.control)
        isAway = false
        show(try reader.catchUp(over: client))
        while true { show(try reader.awaitNext(over: client)) }
    }

    private func show(_ answer: JSON) {
        guard options.json else { return Terminal.printLine(answer["text"]?.string ?? "") }
        for event in answer["events"]?.array ?? [] { Terminal.printLine(event.text()) }
    }
}
