// Why a file is no YAML, in words for the person who wrote it: bytes that are no text, and libyaml's own complaints.

import CYAML

extension YAMLReader {
    /// Refuses what is not UTF-8 text, before libyaml sees it: its own complaint would name a byte, not a line.
    static func checkText(_ bytes: ArraySlice<UInt8>) throws(Refusal) {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Refusal(.start, "the file is in UTF-16, wanted UTF-8: save it in that encoding")
        }
        var position = SourcePosition.start
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        var previous: Unicode.Scalar = "\n"
        while true {
            switch decoder.decode(&rest) {
            case .emptyInput:
                return
            case .error:
                throw Refusal(position, "the bytes here are not UTF-8 text: is this a layout? Save it in UTF-8")
            case .scalarValue(let scalar):
                switch scalar.value {
                case 0x0A where previous == "\r":
                    break  // one line break in two characters, already counted
                case 0x0A, 0x0D, 0x85, 0x2028, 0x2029:
                    position = SourcePosition(line: position.line + 1, column: 1)
                case 0x25 where position.column == 1:
                    // libyaml needs quadratic time for many of them.
                    throw Refusal(position, "a line that begins with '%' is not taken in a layout: remove it")
                case 0x09, 0x20...0x7E, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF:
                    position.column += 1  // the printable characters of YAML 1.1, 5.1
                default:
                    let code = String(scalar.value, radix: 16, uppercase: true)
                    let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
                    throw Refusal(position, "the character \(name) is not allowed in YAML: remove it")
                }
                previous = scalar
            }
        }
    }

    /// libyaml's last error, in plainer words where the cause is known.
    func syntaxError() -> Refusal {
        let position = SourcePosition(parser.pointee.problem_mark)
        guard parser.pointee.error != YAML_MEMORY_ERROR, let text = parser.pointee.problem else {
            return Refusal(position, "there is not enough memory to read the file")
        }
        let problem = String(cString: text)
        let index = Int(parser.pointee.problem_mark.index)
        if problem == "found character that cannot start any token" {
            return Refusal(position, Self.badStart(character(at: index)))
        }
        var message = Self.plainWords[problem] ?? "this is not valid YAML: \(problem)"
        if let context = parser.pointee.context {
            let opened = SourcePosition(parser.pointee.context_mark)
            message += " (\(String(cString: context))\(opened == position ? "" : " that begins at \(opened)"))"
        }
        return Refusal(position, message)
    }

    /// The character that libyaml counts as number `index`.
    private func character(at index: Int) -> Unicode.Scalar? {
        var decoder = UTF8()
        var rest = bytes.makeIterator()
        for _ in 0..<index { _ = decoder.decode(&rest) }
        guard case .scalarValue(let scalar) = decoder.decode(&rest) else { return nil }
        return scalar
    }

    private static func badStart(_ scalar: Unicode.Scalar?) -> String {
        switch scalar {
        case "\t": tab
        case .some(let scalar): "a value cannot begin with \(quoted(String(scalar))): put the value in double quotes"
        case nil: "a value cannot begin here"
        }
    }

    private static let tab = "a tab stands here, wanted spaces: YAML indents with spaces only"

    private static let plainWords = [
        "mapping values are not allowed in this context":
            "a ':' stands where no key can be: check the indentation, or quote a value that contains ': '",
        "found a tab character that violates indentation": tab,
        "found a tab character where an indentation space is expected": tab,
        "could not find expected ':'":
            "a key without its ':': complete it, or indent the line to where it belongs",
        "did not find expected key":
            "the indentation does not fit the lines above: align the keys of one mapping in one column",
        "did not find expected '-' indicator":
            "the indentation does not fit the list above: begin each item with '- ' in one column",
        "block sequence entries are not allowed in this context":
            "a list item '- ' stands where none can be: begin it on a line of its own",
        "did not find expected ',' or ']'":
            "a list in brackets is not closed or lacks a comma: write it as [one, two]",
        "did not find expected ',' or '}'":
            "a mapping in braces is not closed or lacks a comma: write it as {key: value, key: value}",
        "found unexpected end of stream":
            "the file ends inside a quoted text: close the quotes",
        "found unexpected document indicator":
            "'---' or '...' stands inside a quoted text: close the quotes before it",
        "did not find expected <document start>":
            "more text follows where the layout has ended: check the indentation",
        "did not find expected node content":
            "a value is missing or out of place here: complete or remove it",
        "found unknown escape character":
            "an unknown escape stands in this text: write \\\\ for a backslash",
    ]
}
