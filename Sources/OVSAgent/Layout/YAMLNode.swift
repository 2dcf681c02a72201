// A YAML document as a small tree in which every node knows its place in the file. Only what a layout needs: no
// anchors, no tags, and keys are text.

/// One value of a YAML document.
struct YAMLNode: Hashable, Sendable {
    indirect enum Content: Hashable, Sendable {
        /// Text; `isQuoted` also for block scalars. Quoted text is never a number, a boolean or nothing.
        case scalar(String, isQuoted: Bool)
        case sequence([YAMLNode])
        /// In the order of the file, without repeated keys.
        case mapping([Entry])
    }

    /// One `key: value`.
    struct Entry: Hashable, Sendable {
        var key: String
        var keyPosition: SourcePosition
        var value: YAMLNode
    }

    var content: Content
    var position: SourcePosition

    /// Whether nothing was written: an empty value, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, isQuoted: false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// How a message calls it: `a list`, `"text"`.
    var summary: String {
        switch content {
        case _ where isNull: "nothing"
        case .scalar(let text, isQuoted: true): "the quoted text \(quoted(text))"
        case .scalar(let text, isQuoted: false): quoted(text)
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
