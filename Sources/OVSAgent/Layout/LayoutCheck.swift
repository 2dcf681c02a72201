// What `ovs-agentctl check FILE` says about a layout, without a daemon.

/// A layout's verdict as text: the findings as `FILE:LINE:COLUMN: error: text`, and one closing line.
package struct LayoutCheck: Hashable, Sendable {
    /// Whether an agent would take the layout; warnings do not speak against that.
    package let isAccepted: Bool
    /// Errors and warnings, one line each, in the order of the file.
    package let findings: [String]
    /// One line for people: `FILE: accepted, 1 virtual switch, 2 networks`.
    package let summary: String

    /// Checks a layout's whole contents; `file` is the name that findings carry.
    package init(contents: [UInt8], file: String) {
        switch LayoutParser.parse(contents, file: file) {
        case .accepted(let layout, let warnings):
            let switches = layout.virtualSwitches.count
            let networks = layout.networks.count
            isAccepted = true
            findings = warnings.map(\.description)
            summary =
                "\(file): accepted, \(switches) virtual switch\(switches == 1 ? "" : "es"), "
                + "\(networks) network\(networks == 1 ? "" : "s")"
        case .refused(let diagnostics):
            isAccepted = false
            findings = diagnostics.map(\.description)
            summary = "\(file): refused"
        }
    }
}
