import ArgumentParser
import JSONRPC
import OVSAgent

/// Validates a layout without a daemon.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validates a layout without a daemon.",
        discussion: "Exits 0 when the layout can be used, 1 otherwise, each error as FILE:LINE:COLUMN: error: text."
    )

    @OptionGroup var options: Options

    @Argument(help: "The layout.")
    var file: String

    func run() throws {
        let contents = try reportingFailure { try BoundedFile.bytes(of: file) }
        let check = LayoutCheck(contents: contents, file: file)
        if options.json {
            let findings = check.findings.map(JSON.string)
            Terminal.printLine(
                JSON.object([
                    .init("accepted", .boolean(check.isAccepted)), .init("findings", .array(findings)),
                ]).text(indent: 2)
            )
        } else {
            for finding in check.findings { Terminal.printError(finding) }
            if check.isAccepted { Terminal.printLine(check.summary.onLines) }
        }
        if !check.isAccepted { throw ExitCode(1) }
    }
}
