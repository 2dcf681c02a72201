/// What a ``StateFile`` looks like inside: a line that tells how long the rest is and what its checksum is, and the rest.
///
///     # ovs-agentd 1 LENGTH CHECKSUM
///
/// The line comes first, so that a file that was cut off is told from an old one, and is a comment in a layout. The
/// checksum is 64-bit FNV-1a in 16 hexadecimal digits, of which no change of one byte leaves the same.
enum StateFormat {
    /// What is wrong with a file.
    struct Flaw: Error, Hashable, Sendable, CustomStringConvertible { var description: String }

    /// The most that the first line takes, in bytes.
    static let longestHeader = 64
    private static let mark = "# ovs-agentd "

    /// A file with this in it.
    static func file(_ contents: [UInt8]) -> [UInt8] {
        Array("\(mark)1 \(contents.count) \(Checksum.text(of: contents))\n".utf8) + contents
    }

    /// What was put into a file, if all of it is as it was.
    ///
    /// - Parameter isUncheckedTaken: whether a file without the first line is taken as it is: those that agents wrote
    ///   before there was one, whose contents have to be looked at closely.
    static func contents(of file: [UInt8], isUncheckedTaken: Bool) throws(Flaw) -> [UInt8] {
        guard !file.isEmpty else { throw Flaw(description: "it is empty") }
        guard file.starts(with: mark.utf8) else {
            let isCutOff = mark.utf8.starts(with: file)
            guard isUncheckedTaken, !isCutOff else { throw Flaw(description: "it does not begin as it was written") }
            return file
        }
        let header = file.prefix(longestHeader).prefix { $0 != UInt8(ascii: "\n") }
        let words = String(decoding: header.dropFirst(mark.utf8.count), as: UTF8.self).split(separator: " ")
        guard header.count < min(file.count, longestHeader), words.count == 3, let length = Int(words[1]) else {
            throw Flaw(description: "its first line is not as it was written")
        }
        guard words[0] == "1" else { throw Flaw(description: "it is of version \(words[0]), not 1") }
        let contents = Array(file.dropFirst(header.count + 1))
        guard contents.count == length else {
            throw Flaw(description: "it holds \(contents.count) bytes of \(length)")
        }
        guard Checksum.text(of: contents) == words[2] else {
            throw Flaw(description: "its contents do not have the checksum that was written with them")
        }
        return contents
    }
}
