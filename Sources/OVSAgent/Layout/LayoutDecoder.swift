// The small vocabulary in which a layout's values are decoded: each word takes a node and gives a value, or reports
// what was found, what was wanted and the remedy.

/// A key's value after decoding. Tells "left out" from "wrong", so that one mistake is not reported twice.
enum Field<Value> {
    case absent
    /// Reported already.
    case invalid
    case given(Value, at: SourcePosition)

    var value: Value? {
        guard case .given(let value, _) = self else { return nil }
        return value
    }

    var isAbsent: Bool {
        guard case .absent = self else { return false }
        return true
    }
}

extension Field: Sendable where Value: Sendable {}

/// A value on its way to be decoded, with the name that messages call it by.
struct Item {
    var name: String
    var node: YAMLNode
}

/// A mapping whose keys have been checked.
struct Section<Key: LayoutSection> {
    let position: SourcePosition
    fileprivate var entries: [Key: YAMLNode.Entry] = [:]
}

/// Decodes nodes and gathers what is wrong with them.
struct LayoutDecoder {
    var diagnostics: Diagnostics

    /// Reports that `item` is something else than was wanted. Always gives `nil`, as the value that there is not.
    mutating func reject<Value>(_ item: Item, wanted: String, remedy: String? = nil) -> Value? {
        diagnostics.error(
            at: item.node.position,
            "\(item.name) is \(item.node.summary), wanted \(wanted)" + (remedy.map { ": \($0)" } ?? "")
        )
        return nil
    }

    // MARK: - Mappings

    /// `node` as a mapping with keys of `Key` only; unknown keys are reported and skipped.
    mutating func section<Key>(_ item: Item, of key: Key.Type = Key.self) -> Section<Key>? {
        guard case .mapping(let entries) = item.node.content else {
            return reject(
                item,
                wanted: "a mapping",
                remedy: "write its keys (\(Key.keys.joined(separator: ", "))) below it"
            )
        }
        var section = Section<Key>(position: item.node.position)
        for entry in entries {
            if let key = Key(rawValue: entry.key) {
                section.entries[key] = entry
            } else {
                diagnostics.error(
                    at: entry.keyPosition,
                    "unknown key \(quoted(entry.key)) in \(Key.title): \(Key.remedy(forUnknown: entry.key))"
                )
            }
        }
        return section
    }

    /// The value of `key`, decoded by `decode`.
    mutating func field<Key, Value>(
        _ section: Section<Key>,
        _ key: Key,
        _ decode: (inout LayoutDecoder, Item) -> Value?
    ) -> Field<Value> {
        guard let entry = section.entries[key] else { return .absent }
        guard !entry.value.isNull else {
            // An empty value stands nowhere in particular; its key does.
            diagnostics.error(at: entry.keyPosition, "\(entry.key) has no value: give it one, or leave the key out")
            return .invalid
        }
        let value = decode(&self, Item(name: entry.key, node: entry.value))
        return value.map { .given($0, at: entry.value.position) } ?? .invalid
    }

    /// The value of a key that may not be left out; `example` shows what to write.
    mutating func required<Key, Value>(
        _ section: Section<Key>,
        _ key: Key,
        example: String,
        _ decode: (inout LayoutDecoder, Item) -> Value?
    ) -> Field<Value> {
        let field = field(section, key, decode)
        guard field.isAbsent else { return field }
        diagnostics.error(
            at: section.position,
            "\(key.rawValue) is missing in \(Key.title): add it, for example '\(key.rawValue): \(example)'"
        )
        return .invalid
    }

    // MARK: - Lists

    /// The items of a list, each decoded by `decode`; those that could not be are left out.
    mutating func list<Value>(
        _ item: Item,
        itemName: String,
        _ decode: (inout LayoutDecoder, Item) -> Value?
    ) -> [Value]? {
        guard case .sequence(let nodes) = item.node.content else {
            return reject(item, wanted: "a list", remedy: "begin each item with '- '")
        }
        return nodes.compactMap { decode(&self, Item(name: itemName, node: $0)) }
    }

    // MARK: - Scalars

    /// Any text, quoted or not.
    mutating func text(_ item: Item) -> String? {
        guard case .scalar(let text, _) = item.node.content, !item.node.isNull else {
            return reject(item, wanted: "text", remedy: "write one word, or words in quotes")
        }
        return text
    }

    /// A whole number in decimal digits.
    mutating func integer(_ item: Item, in range: ClosedRange<Int>, of unit: String = "") -> Int? {
        let wanted =
            "a whole number\(unit)"
            + (range.upperBound == .max ? "" : " from \(range.lowerBound) to \(range.upperBound)")
        guard case .scalar(let text, let isQuoted) = item.node.content, !item.node.isNull else {
            return reject(item, wanted: wanted)
        }
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard Self.areDigits(digits) else {
            return reject(item, wanted: wanted, remedy: "use decimal digits only")
        }
        guard !isQuoted else { return reject(item, wanted: wanted, remedy: "remove the quotes") }
        guard digits == "0" || digits.first != "0" else {
            return reject(item, wanted: wanted, remedy: "drop the leading zeros, which make it octal to some readers")
        }
        // Digits that do not fit an Int are out of any range.
        guard let value = Int(text), range.contains(value) else {
            return reject(item, wanted: wanted, remedy: "choose a number in that range")
        }
        return value
    }

    /// A boolean in any spelling of YAML 1.1 but the one-letter ones.
    mutating func boolean(_ item: Item) -> Bool? {
        guard case .scalar(let text, let isQuoted) = item.node.content else {
            return reject(item, wanted: "true or false")
        }
        guard let value = Self.booleans[text] else { return reject(item, wanted: "true or false") }
        guard !isQuoted else { return reject(item, wanted: "true or false", remedy: "remove the quotes") }
        return value
    }

    private static let booleans: [String: Bool] = {
        var spellings: [String: Bool] = [:]
        for (word, value) in [
            ("true", true), ("yes", true), ("on", true), ("false", false), ("no", false), ("off", false),
        ] {
            for spelling in [word, word.prefix(1).uppercased() + word.dropFirst(), word.uppercased()] {
                spellings[spelling] = value
            }
        }
        return spellings
    }()

    /// One of an enumeration's words.
    mutating func oneOf<Value>(_ item: Item, _: Value.Type = Value.self) -> Value?
    where Value: RawRepresentable<String> & CaseIterable {
        let words = Value.allCases.map(\.rawValue)
        let wanted = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        guard case .scalar(let text, _) = item.node.content else { return reject(item, wanted: wanted) }
        if let value = Value(rawValue: text) { return value }
        return reject(item, wanted: wanted, remedy: nearest(to: text, among: words).map { "did you mean \($0)?" })
    }

    /// The speed of a link in Mbit/s: `100M`, `2.5G`, or a bare number of Mbit/s.
    mutating func speed(_ item: Item) -> Int? {
        let wanted = "a link's speed such as 100M, 2.5G, 10G, or a number of Mbit/s"
        guard case .scalar(let text, let isQuoted) = item.node.content, !item.node.isNull else {
            return reject(item, wanted: wanted)
        }
        if Int(text) != nil { return integer(item, in: 1...1_000_000, of: " of Mbit/s") }
        let parts = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let unit = ["M": 1, "G": 1000][text.suffix(1)]
        let isNumber = parts.allSatisfy { $0.count <= 6 && Self.areDigits($0) }
        guard let unit, isNumber, let whole = parts.first.flatMap({ Int($0) }) else {
            return reject(
                item,
                wanted: wanted,
                remedy: isQuoted ? nil : "write the unit as M or G, right after the number"
            )
        }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        let scale = fraction.reduce(1) { scale, _ in scale * 10 }
        let thousandths = (Int(fraction) ?? 0) * unit
        let speed = whole * unit + thousandths / scale
        guard thousandths % scale == 0, (1...1_000_000).contains(speed) else {
            return reject(item, wanted: "1 to 1000000 whole Mbit/s", remedy: "choose a speed that a NIC can have")
        }
        return speed
    }

    private static func areDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
    }
}
