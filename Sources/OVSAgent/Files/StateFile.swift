import Glibc

/// A file of the state folder, which holds what must survive a restart.
///
/// Saved by writing beside it and renaming: whatever happens to the daemon, the file is the former one or the new one,
/// whole. What happens to the disk is told by a checksum (``StateFormat``): what was kept never becomes nothing without a
/// word. To keep something new, give it a name here; ``KeptState`` reads it and ``KeptFiles`` writes it.
struct StateFile: Hashable, Sendable {
    /// What can be had of a file.
    enum Kept<Value: Sendable>: Sendable {
        /// Nothing was saved.
        case missing
        case intact(Value)
        /// One of the file and its copy is damaged, and the other is not.
        case restored(Value, Damage)
        /// Something was saved, and can't be had.
        case damaged(Damage)
    }

    /// Why what a file was to hold can't be had.
    struct Damage: Error, Hashable, Sendable, CustomStringConvertible {
        var path: String
        var reason: String
        /// When somebody wrote the file last, as far as the system can tell.
        var writtenAt: Timestamp?

        var description: String { "\(path): \(reason)" }

        /// Whether it is the copy that is damaged.
        var isOfCopy: Bool { path.hasSuffix(StateFile.copySuffix) }
    }

    /// Why a file can't be kept: the path and the system's words.
    struct Failure: Error, Sendable, CustomStringConvertible {
        var description: String

        fileprivate init(_ path: String, _ code: Int32) {
            description = "\(path): \(String(cString: strerror(code)))"
        }
    }

    /// The state folder.
    let folder: String
    let name: String
    /// The most that is read of it, in bytes.
    private let limit: Int
    /// Whether agents wrote it before files had checksums.
    private let isOlderThanChecks: Bool
    /// Whether the same stands once more beside it, for what nothing else can tell.
    private let hasCopy: Bool
    /// Whether it is never taken away once it was written, so that a copy alone tells of a file that somebody lost.
    private let staysForGood: Bool

    init(
        _ name: String,
        in folder: String,
        limit: Int = BoundedFile.layoutLimit,
        isOlderThanChecks: Bool = false,
        hasCopy: Bool = false,
        staysForGood: Bool = false
    ) {
        (self.folder, self.name, self.limit) = (folder, name, limit)
        (self.isOlderThanChecks, self.hasCopy) = (isOlderThanChecks, hasCopy)
        self.staysForGood = staysForGood
    }

    /// The last accepted layout, so that a bad file does not leave a restarted agent without any.
    static func layout(in folder: String) -> StateFile { StateFile("layout.yaml", in: folder, isOlderThanChecks: true) }

    /// The ``Pause`` that is not over.
    static func pause(in folder: String) -> StateFile {
        StateFile("pause", in: folder, isOlderThanChecks: true, hasCopy: true)
    }

    /// The interfaces that were seen as a VM's, up to some hundred thousand of them.
    static func vmInterfaces(in folder: String) -> StateFile {
        StateFile("vm-interfaces", in: folder, limit: 16 << 20, isOlderThanChecks: true)
    }

    /// The ``FoundValues``.
    static func found(in folder: String) -> StateFile {
        StateFile("found.json", in: folder, limit: 16 << 20, hasCopy: true, staysForGood: true)
    }

    /// Which VM ports have spoken, up to some hundred thousand of them.
    static func claims(in folder: String) -> StateFile { StateFile("claims", in: folder, limit: 16 << 20) }

    /// The member that each bond uses.
    static func activeMembers(in folder: String) -> StateFile { StateFile("active-members", in: folder) }

    /// The VM ports that were taken off the chain's bridges, of which the database tells no more.
    static func misplaced(in folder: String) -> StateFile { StateFile("misplaced.json", in: folder) }

    var path: String { "\(folder)/\(name)" }
    private var copyPath: String { path + Self.copySuffix }
    fileprivate static let copySuffix = ".copy"
    /// The file and its copy, where it has one.
    var paths: [String] { hasCopy ? [path, copyPath] : [path] }

    /// What was saved last. `parse` makes something of its bytes, and throws where they are not what is saved here.
    func load<Value: Sendable>(_ parse: ([UInt8]) throws -> Value) -> Kept<Value> {
        let kept = load(path, parse)
        guard hasCopy else { return kept }
        switch (kept, load(copyPath, parse)) {
        case (.intact(let value), .damaged(let damage)), (.damaged(let damage), .intact(let value)):
            return .restored(value, damage)
        case (.missing, .intact(let value)) where staysForGood:
            return .restored(value, damage(path, "it is not there, and its copy is"))
        case (.missing, .damaged(let damage)) where staysForGood: return .damaged(damage)
        default: return kept
        }
    }

    /// Whether it stands there without a copy that could tell for it.
    var lacksCopy: Bool {
        guard hasCopy, let file = bytes(of: path) else { return false }
        return bytes(of: copyPath) != file
    }

    private func bytes(of path: String) -> [UInt8]? {
        try? BoundedFile.bytes(of: path, limit: limit + StateFormat.longestHeader, onlyRegular: true)
    }

    private func load<Value: Sendable>(_ path: String, _ parse: ([UInt8]) throws -> Value) -> Kept<Value> {
        do {
            let most = limit + StateFormat.longestHeader
            let file = try BoundedFile.bytes(of: path, limit: most, onlyRegular: true)
            return .intact(try parse(StateFormat.contents(of: file, isUncheckedTaken: isOlderThanChecks)))
        } catch let error as BoundedFileError {
            return error.isMissing ? .missing : .damaged(damage(path, error.reason))
        } catch {
            return .damaged(damage(path, "\(error)"))
        }
    }

    private func damage(_ path: String, _ reason: String) -> Damage {
        var status = stat()
        let isTold = lstat(path, &status) == 0
        let microseconds = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000
        return Damage(path: path, reason: reason, writtenAt: isTold ? Timestamp(microseconds: microseconds) : nil)
    }

    /// Replaces what was saved, and returns once it is on the disk. Makes the folder where it is missing.
    func save(_ bytes: [UInt8]) throws(Failure) {
        if mkdir(folder, 0o750) != 0, errno != EEXIST { throw Failure(folder, errno) }
        let file = StateFormat.file(bytes)
        // The copy first: what it is worth is decided by the file.
        if hasCopy { try replace(copyPath, with: file) }
        try replace(path, with: file)
        // The new names, too, have to reach the disk.
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// Removes what was saved, if anything was.
    func remove() throws(Failure) {
        for path in paths {
            // Where the folder is none, there is no file either.
            guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else { throw Failure(path, errno) }
        }
    }

    private func replace(_ path: String, with bytes: [UInt8]) throws(Failure) {
        let draft = "\(path).new"
        // Whatever stands there, a pipe that nobody reads even, is left over or somebody else's mistake.
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard file >= 0 else { throw Failure(draft, errno) }
        defer { close(file) }
        if let failure = write(bytes, to: file) {
            unlink(draft)
            throw Failure(draft, failure)
        }
        // A save that a slow disk has held up must not replace what was saved after it.
        guard isOpen(file, at: draft) else { throw Failure(draft, ESTALE) }
        guard rename(draft, path) == 0 else {
            let failure = errno
            unlink(draft)
            throw Failure(path, failure)
        }
    }

    private func isOpen(_ file: Int32, at path: String) -> Bool {
        var (here, there) = (stat(), stat())
        guard fstat(file, &here) == 0, lstat(path, &there) == 0 else { return false }
        return here.st_dev == there.st_dev && here.st_ino == there.st_ino
    }

    /// The errno of what failed.
    private func write(_ bytes: [UInt8], to file: Int32) -> Int32? {
        bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                if count < 0, errno != EINTR { return errno }
                written += max(0, count)
            }
            return fsync(file) == 0 ? nil : errno
        }
    }
}

extension StateFile.Kept {
    /// What can be had.
    var value: Value? {
        switch self {
        case .intact(let value), .restored(let value, _): value
        case .missing, .damaged: nil
        }
    }

    /// What is wrong with the file.
    var damage: StateFile.Damage? {
        switch self {
        case .restored(_, let damage), .damaged(let damage): damage
        case .missing, .intact: nil
        }
    }
}
