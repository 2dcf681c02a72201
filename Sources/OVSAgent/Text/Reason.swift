/// What is wrong, and what the operator can do about it.
struct Reason: Hashable, Sendable, ExpressibleByStringLiteral {
    var text: String
    /// More lines that belong to the text.
    var details: [String]
    var remedy: String?

    init(_ text: String, details: [String] = [], remedy: String? = nil) {
        self.text = text
        self.details = details
        self.remedy = remedy
    }

    init(stringLiteral value: String) { self.init(value) }
}
