import ArgumentParser
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
        _ = try reportingFailure { try BoundedFile.text(of: file) }
    }
}
