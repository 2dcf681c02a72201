import ArgumentParser
import Glibc
import OVSAgent
import OVSDB

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
        guard follow else { return try reportingFailure { try read(&reader) } }
        // The first time a daemon must be there; after that its restarts are waited for.
        try reportingFailure { try read(&reader, following: true) }
        while true {
            sleep(1)
            do {
                try read(&reader, following: true)
            } catch where error.mayPass {
                continue
            } catch {
                try reportingFailure { throw error }
            }
        }
    }

    /// Prints what there is over one connection, and what comes until the daemon ends.
    private func read(_ reader: inout EventReader, following: Bool = false) throws {
        var client = try ControlClient(connectingTo: options.control)
        show(try reader.catchUp { try client.ask("events", [$0]) })
        while following {
            do {
                show(reader.take(try client.ask("events/wait", ["\(reader.lastID)"], waitsForEver: true)))
            } catch where error.mayPass {
                Terminal.printError("ovs-agentctl: \(error); waiting for it")
                return
            }
        }
    }

    private func show(_ answer: JSON) {
        guard options.json else { return Terminal.printLine(answer["text"]?.string ?? "") }
        for event in answer["events"]?.array ?? [] { Terminal.printLine(event.text()) }
    }
}
