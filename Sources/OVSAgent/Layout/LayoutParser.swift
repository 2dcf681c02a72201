// From the bytes of a layout file to a valid `Layout`, or to everything that is wrong with it. The road has three
// steps: YAML to a tree, the tree to a draft (each value alone), the draft to a layout (values against each other).

/// Reads layouts. Pure: what needs the host is judged elsewhere.
///
/// Judged by those who see the host and the database: NICs of different speed, driver or vendor in one
/// bond, NICs in use elsewhere, a foreign port on brN without a tag, and whether NICs can be discovered at all.
enum LayoutParser {
    enum Outcome: Hashable, Sendable {
        /// Nothing contradicts. The warnings stand in the order of the file.
        case accepted(Layout, warnings: [Diagnostic])
        /// At least one error, and the warnings met on the way, in the order of the file.
        case refused([Diagnostic])
    }

    /// Reads a whole layout; `file` is only the name that findings carry.
    ///
    /// A mistake does not end the pass where going on makes sense. Never costs more than the size limit of
    /// ``YAMLReader`` allows, whatever the bytes are.
    static func parse(_ bytes: [UInt8], file: String) -> Outcome {
        var decoder = LayoutDecoder(diagnostics: Diagnostics(file: file))
        var layout: Layout?
        if let root = YAMLReader.read(bytes, into: &decoder.diagnostics), let draft = decoder.draft(root) {
            draft.judge(into: &decoder.diagnostics)
            layout = draft.layout
        }
        let findings = decoder.diagnostics.all
        // Without errors every required value is there; the layout is asked for all the same, not presumed.
        guard let layout, !decoder.diagnostics.hasErrors else { return .refused(findings) }
        return .accepted(layout, warnings: findings)
    }
}
