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

/// Numbers that a printed seed brings back (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
