// The commands that ask once and print the answer.

import ArgumentParser
import JSONRPC
import OVSAgent

/// The state of the agent and of the switch.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "State, what is wrong, every virtual switch, bond and chain bridge.",
        discussion: "Exits 0 in-sync or standby, 3 in any other state."
    )

    @OptionGroup var options: Options

    func run() throws {
        let answer = try options.ask("status")
        options.printAnswer(answer)
        let state = answer["state"]?.string.flatMap(Status.State.init)
        if state?.isHealthy != true { throw ExitCode(3) }
    }
}

/// The owned topology.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "The owned topology as a tree, wire to VM."
    )

    @OptionGroup var options: Options

    func run() throws {
        options.printAnswer(try options.ask("show"))
    }
}

/// The VM ports.
struct VMsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vms",
        abstract: "Every VM port: its VM, MAC, VLANs and lane, and why it is not served if it is not."
    )

    @OptionGroup var options: Options

    func run() throws {
        options.printAnswer(try options.ask("vms"))
    }
}

/// The way of a frame.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "The way of a frame through all bridges, hop by hop, without sending one.",
        discussion: """
            The frame is described as ovs-ofctl does, such as dl_dst=02:00:00:00:00:0b,ip,nw_dst=10.0.0.2. What is left \
            out follows from the port: a frame comes from the MAC that a VM port declares, and goes to all.
            """
    )

    @OptionGroup var options: Options

    @Argument(help: "The port that the frame comes in by: of a VM, or of an uplink bridge.")
    var port: String

    @Argument(help: "The frame.")
    var frame = ""

    func run() throws {
        options.printAnswer(try options.ask("trace", [port, frame]))
    }
}

/// What would change.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "What the agent would change now, or under another layout.",
        discussion: "Exits 0 when nothing would change, 2 otherwise."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Plan under this layout instead of the one at work.", valueName: "file"))
    var layout: String?

    func run() throws {
        var parameters: [String] = []
        if let layout { parameters = [layout, try reportingFailure { try BoundedFile.text(of: layout) }] }
        let answer = try options.ask("plan", parameters)
        options.printAnswer(answer)
        if answer["changes"]?.array?.isEmpty != true { throw ExitCode(2) }
    }
}

/// The layout, read again.
struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Makes the daemon read its layout again."
    )

    @OptionGroup var options: Options

    @Flag(help: "Let the layout take away a switch with an uplink, or all of them.")
    var allowRemoval = false

    func run() throws {
        options.printAnswer(try options.ask("reload", allowRemoval ? ["--allow-removal"] : []))
    }
}

/// An operator's word on what the layout leaves as found.
struct AdoptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Takes what stands now for what was found, where the layout says nothing.",
        discussion: """
            What an adopted bridge, port or NIC had when the agent found it is kept like a stated value. To have another \
            one kept: pause --for 600 --reason TEXT, set it, adopt, resume. Needs root or the daemon's own user.
            """
    )

    @OptionGroup var options: Options

    @Argument(help: "As events name it, such as Port br0-up, or a name; all that there are if left out.")
    var object: [String] = []

    func run() throws {
        options.printAnswer(try options.ask("adopt", object.isEmpty ? [] : [object.joined(separator: " ")]))
    }
}

/// The escape from enforcement that is not the daemon's end.
struct PauseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Lets enforcement stand still for a while: whatever is edited stays.",
        discussion: "It ends by itself, survives a restart of the daemon, and needs root or the daemon's own user."
    )

    @OptionGroup var options: Options

    @Option(name: .customLong("for"), help: ArgumentHelp("For how long: 1 to 86400.", valueName: "seconds"))
    var seconds: Int

    @Option(help: ArgumentHelp("Why: the status shows it to the next one on duty.", valueName: "text"))
    var reason: String

    func run() throws {
        options.printAnswer(try options.ask("pause", ["\(seconds)", reason]))
    }
}

/// Enforcement goes on.
struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Ends a pause: what was edited meanwhile is undone."
    )

    @OptionGroup var options: Options

    func run() throws {
        options.printAnswer(try options.ask("resume"))
    }
}

/// Both versions: they differ after an upgrade, until the daemon is restarted.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "The versions of ovs-agentctl and of the daemon.",
        discussion: "Without a daemon it prints its own and exits 1."
    )

    @OptionGroup var options: Options

    func run() throws {
        let own = AgentVersion.current
        if !options.json { Terminal.printLine("ovs-agentctl \(own)") }
        do {
            let daemon = try options.ask("version")
            guard options.json else { return options.printAnswer(daemon) }
            printJSON(own, daemon: daemon["version"] ?? .null)
        } catch {
            if options.json { printJSON(own, daemon: .null) }
            throw error
        }
    }

    private func printJSON(_ own: String, daemon: JSON) {
        Terminal.printLine(
            JSON.object([.init("ovs-agentctl", .string(own)), .init("ovs-agentd", daemon)]).text(indent: 2)
        )
    }
}
