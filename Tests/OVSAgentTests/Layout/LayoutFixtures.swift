// Layouts for the tables of the layout tests: a valid one around the lines that a case is about.

@testable import OVSAgent

/// A valid layout with two NICs and one network; each parameter adds lines where its name says.
///
/// Added uplink lines begin at 7:7. Without them, switch lines begin at 7:5, and top-level lines at 7:1 without either.
func layout(nics: String = "[eth0, eth1]", uplink: String = "", virtualSwitch: String = "", top: String = "") -> String
{
    """
    version: 1
    virtualSwitches:
      - name: vs0
        bridge: br0
        uplink:
          nics: \(nics)

    """ + indented(uplink, by: 6) + indented(virtualSwitch, by: 4) + indented(top, by: 0)
}

private func indented(_ lines: String, by spaces: Int) -> String {
    lines.split(separator: "\n").map { String(repeating: " ", count: spaces) + $0 + "\n" }.joined()
}

func parse(_ yaml: String) -> LayoutParser.Outcome {
    LayoutParser.parse(Array(yaml.utf8), file: "layout.yaml")
}

extension LayoutParser.Outcome {
    var layout: Layout? {
        guard case .accepted(let layout, _) = self else { return nil }
        return layout
    }

    /// Errors and warnings.
    var findings: [Diagnostic] {
        switch self {
        case .accepted(_, let warnings): warnings
        case .refused(let findings): findings
        }
    }

    var errors: [Diagnostic] { findings.filter { $0.severity == .error } }
}
