/// What `ofproto/trace` of ovs-vswitchd prints (ovs-vswitchd(8)), cut into its parts: from text to a value, whatever the
/// text. A line that it does not know is kept as a remark, for versions differ and more may come.
struct OfprotoTrace: Hashable, Sendable {
    /// The frame as ovs-vswitchd read it: the line `Flow:`.
    var flow = ""
    /// Each bridge that the frame enters, in this order; one that it enters twice stands there twice.
    var sections: [Section] = []
    /// What the datapath would do; several lists where it takes a frame up again (`recirc`).
    var datapathActions: [[String]] = []
    /// Lines that belong to nothing else.
    var remarks: [String] = []

    struct Section: Hashable, Sendable {
        var bridge: String
        /// The lookups in the order that they are made.
        var steps: [Step] = []
        var remarks: [String] = []
    }

    /// A lookup in a flow table.
    struct Step: Hashable, Sendable {
        var table: UInt8
        /// The flow found; `nil` when there is none.
        var found: Found?
        var actions: [Action] = []
    }

    struct Found: Hashable, Sendable {
        /// As `ovs-ofctl` writes it; empty for every frame.
        var match: String
        var priority: Int
        var cookie: UInt64
    }

    struct Action: Hashable, Sendable {
        var text: String
        /// What ovs-vswitchd says of carrying it out.
        var remarks: [String] = []
    }
}

extension OfprotoTrace {
    init(_ text: String) {
        var reader = Reader()
        for line in text.split(separator: "\n") { reader.read(line) }
        self = reader.trace
    }

    private struct Reader {
        var trace = OfprotoTrace()
        private var isInSection = false
        /// The lookups that are under way, by their place among the section's, with how far they are indented.
        private var open: [(index: Int, indent: Int)] = []

        mutating func read(_ line: Substring) {
            let text = line.trimmingBlanks
            let indent = line.prefix { $0 == " " }.count
            if let bridge = text.bridgeName {
                trace.sections.append(Section(bridge: bridge))
                (isInSection, open) = (true, [])
            } else if let flow = text.after("Flow: ") {
                isInSection = false
                if trace.flow.isEmpty { trace.flow = flow }
            } else if let actions = text.after("Datapath actions: ") {
                isInSection = false
                trace.datapathActions.append(actions.topLevelWords)
            } else if text.hasPrefix("Final flow:") || text.hasPrefix("Megaflow:") {
                isInSection = false
            } else if text.allSatisfy({ $0 == "-" }) || text.allSatisfy({ $0 == "=" }) {
                return
            } else if !isInSection {
                trace.remarks.append(text)
            } else if let step = Step(text) {
                // The number stands right-aligned in two places, in front of which lookups inside others are indented.
                begin(step, indent: indent / 4 * 4)
            } else if line.first?.isWhitespace == true {
                take(text, indent: indent)
            } else {
                isInSection = false
                trace.remarks.append(text)
            }
        }

        private mutating func begin(_ step: Step, indent: Int) {
            open.removeAll { $0.indent >= indent }
            let section = trace.sections.count - 1
            open.append((trace.sections[section].steps.count, indent))
            trace.sections[section].steps.append(step)
        }

        private mutating func take(_ text: String, indent: Int) {
            let section = trace.sections.count - 1
            if let remark = text.after("->") ?? text.after(">>") {
                guard let step = open.last?.index, let last = trace.sections[section].steps[step].actions.indices.last
                else { return trace.sections[section].remarks.append(remark) }
                return trace.sections[section].steps[step].actions[last].remarks.append(remark)
            }
            open.removeAll { $0.indent >= indent }
            guard let step = open.last?.index else { return trace.sections[section].remarks.append(text) }
            trace.sections[section].steps[step].actions.append(Action(text: text))
        }
    }
}

extension OfprotoTrace.Step {
    /// `20. dl_vlan=10,dl_dst=..., priority 100, cookie 0x1` or `20. No match.`; `nil` for any other line.
    fileprivate init?(_ line: String) {
        guard let dot = line.firstIndex(of: "."), let table = UInt8(line[..<dot]) else { return nil }
        self.table = table
        var words = line[line.index(after: dot)...].trimmingBlanks.split(separator: ", ")[...]
        var cookie: UInt64 = 0
        if let text = words.last.map(String.init)?.after("cookie 0x") {
            cookie = UInt64(text, radix: 16) ?? 0
            words = words.dropLast()
        }
        guard let priority = words.last.map(String.init)?.after("priority ").flatMap({ Int($0) }) else { return }
        let match = words.dropLast().joined(separator: ", ")
        // The flows that ovs-vswitchd has for what no other flow takes.
        if cookie == 0, priority == 0, ["reg0=0x1", "reg0=0x2"].contains(match) { return }
        found = OfprotoTrace.Found(match: match, priority: priority, cookie: cookie)
    }
}

extension StringProtocol {
    /// The words between those commas that stand in no parentheses.
    var topLevelWords: [String] {
        var words: [String] = [""]
        var depth = 0
        for character in self {
            switch character {
            case "(": depth += 1
            case ")": depth -= 1
            default: break
            }
            if character == ",", depth == 0 {
                words.append("")
            } else {
                words[words.count - 1].append(character)
            }
        }
        return words
    }

    var trimmingBlanks: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    /// What follows a prefix, without blanks around.
    func after(_ prefix: String) -> String? { hasPrefix(prefix) ? dropFirst(prefix.count).trimmingBlanks : nil }

    /// Of `bridge("br0")`.
    fileprivate var bridgeName: String? {
        guard let rest = after("bridge(\""), rest.hasSuffix("\")") else { return nil }
        return String(rest.dropLast(2))
    }
}
