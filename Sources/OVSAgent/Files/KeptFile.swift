/// One file of the state folder: what it is to hold, what it holds, and whether it is being written. A pure value; its owner
/// writes, and says how that ended.
///
/// One save at a time: what changes meanwhile is one more, of the newest value. What could not be saved is tried again when
/// the owner says so, and not with every change: a disk that is full stays full for a while.
struct KeptFile<Value: Equatable & Sendable>: Sendable {
    /// What to write.
    struct Save: Sendable {
        let file: StateFile
        let value: Value
        /// What a failure is told with.
        let complaint: String
        fileprivate let number: Int
        fileprivate let encode: @Sendable (Value) -> [UInt8]?

        /// Does it, and returns once it is on the disk. For a thread that may be blocked.
        func perform() throws(StateFile.Failure) {
            if let bytes = encode(value) { try file.save(bytes) } else { try file.remove() }
        }
    }

    let file: StateFile
    /// What it holds, or is about to; `nil` where that is not known.
    private(set) var held: Value?
    /// What was read of it or written last: what stands there but for a save that failed or is under way.
    private(set) var known: Value?
    /// What came while a save was under way.
    private var next: Value?
    private var underWay = 0
    /// The newest save.
    private var number = 0
    /// Whether the last one failed and nobody said that it is time for another.
    private var isBlocked = false
    private let remembered: @Sendable (Value) -> Value
    private let complaint: @Sendable (Value) -> String
    private let encode: @Sendable (Value) -> [UInt8]?

    /// - Parameters:
    ///   - held: what it holds as far as that is known.
    ///   - remembered: as much of a value as tells it from another one.
    ///   - complaint: what a failure to save a value is told with.
    ///   - encode: the bytes of a value; `nil` for one that is told by there being no file.
    init(
        _ file: StateFile,
        held: Value? = nil,
        remembered: @escaping @Sendable (Value) -> Value = { $0 },
        complaint: @escaping @Sendable (Value) -> String,
        encode: @escaping @Sendable (Value) -> [UInt8]?
    ) {
        (self.file, self.remembered, self.complaint, self.encode) = (file, remembered, complaint, encode)
        (self.held, known) = (held, held)
    }

    /// It is to hold this. Gives what to write for that now, if anything.
    ///
    /// - Parameter isOrdered: whether it is written whatever it holds, beside what is under way: somebody waits for it.
    mutating func want(_ value: Value, isOrdered: Bool = false) -> Save? {
        if !isOrdered {
            next = nil
            guard value != held, !isBlocked else { return nil }
            guard underWay == 0 else {
                next = value
                return nil
            }
        }
        return begin(value)
    }

    private mutating func begin(_ value: Value) -> Save {
        (held, next, isBlocked) = (remembered(value), nil, false)
        number += 1
        underWay += 1
        return Save(file: file, value: value, complaint: complaint(value), number: number, encode: encode)
    }

    /// A save was done or failed. Gives the next one.
    mutating func ended(_ save: Save, isSaved: Bool) -> Save? {
        underWay -= 1
        if isSaved { known = remembered(save.value) }
        // Of two that are under way the newer one decides.
        if save.number == number { (held, isBlocked) = (isSaved ? remembered(save.value) : nil, !isSaved) }
        guard underWay == 0, !isBlocked, let next else { return nil }
        return next == held ? nil : begin(next)
    }

    /// Somebody has read it, or it has what is wanted by another road.
    mutating func holds(_ value: Value) { (held, known) = (remembered(value), remembered(value)) }

    /// What it holds is not known any more, whatever is under way: what is wanted next is written.
    mutating func forget() {
        held = nil
        number += 1
    }

    /// What came while a save was under way is to be written beside it: there is no time to wait.
    mutating func flush() -> Save? { next.map { begin($0) } }

    /// What came while a save was under way is somebody else's to write now.
    mutating func drop() { next = nil }

    /// What failed may be tried again.
    mutating func unblock() { isBlocked = false }
}

/// A value that is told apart from another one by its version, since to compare all of it would be dear, and to hold a
/// second one makes each change of the first a copy.
struct Versioned<Content: Sendable>: Equatable, Sendable {
    var version: Int
    /// `nil` where only the version is remembered.
    var content: Content?

    init(_ content: Content?, _ version: Int) { (self.content, self.version) = (content, version) }

    var bare: Versioned { Versioned(nil, version) }

    static func == (one: Versioned, other: Versioned) -> Bool { one.version == other.version }
}
