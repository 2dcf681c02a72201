// The order in which people look for a name in a list: vnet2 before vnet10, as with `ls -v`.

extension String {
    /// Whether it stands before another name: by bytes, but numbers by their value.
    func isNaturally(before other: String) -> Bool {
        var rest = utf8[...]
        var otherRest = other.utf8[...]
        while let byte = rest.first, let otherByte = otherRest.first {
            if byte.isDigit, otherByte.isDigit {
                let number = rest.takeNumber()
                let otherNumber = otherRest.takeNumber()
                if number.count != otherNumber.count { return number.count < otherNumber.count }
                if !number.elementsEqual(otherNumber) { return number.lexicographicallyPrecedes(otherNumber) }
            } else {
                if byte != otherByte { return byte < otherByte }
                rest.removeFirst()
                otherRest.removeFirst()
            }
        }
        if rest.isEmpty, otherRest.isEmpty { return utf8.lexicographicallyPrecedes(other.utf8) }
        return rest.isEmpty
    }
}

extension Sequence {
    /// In the natural order of their names.
    func sortedNaturally(by name: (Element) -> String) -> [Element] {
        sorted { name($0).isNaturally(before: name($1)) }
    }
}

extension Sequence<String> {
    func sortedNaturally() -> [String] { sortedNaturally { $0 } }
}

extension Substring.UTF8View {
    /// The digits that it begins with, without leading zeros.
    fileprivate mutating func takeNumber() -> Substring.UTF8View {
        let end = firstIndex { !$0.isDigit } ?? endIndex
        defer { self = self[end...] }
        return self[..<end].drop { $0 == UInt8(ascii: "0") }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
