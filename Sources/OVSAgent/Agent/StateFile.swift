import Glibc
import Logging

/// A file of the state folder, which holds what must survive a restart.
///
/// Saved by writing beside it and renaming: whatever happens, the file is the former one or the new one, whole.
struct StateFile: Sendable {
    /// The state folder.
    let folder: String
    private let name: String
    /// The most that is read of it, in bytes.
    private let limit: Int

    private init(_ name: String, in folder: String, limit: Int = BoundedFile.layoutLimit) {
        (self.folder, self.name, self.limit) = (folder, name, limit)
    }

    /// The last accepted layout, so that a bad file does not leave a restarted agent without any.
    static func layout(in folder: String) -> StateFile { StateFile("layout.yaml", in: folder) }

    /// The ``Pause`` that is not over.
    static func pause(in folder: String) -> StateFile { StateFile("pause", in: folder) }

    /// The interfaces that were seen as a VM's, up to some hundred thousand of them.
    static func vmInterfaces(in folder: String) -> StateFile { StateFile("vm-interfaces", in: folder, limit: 16 << 20) }

    var path: String { "\(folder)/\(name)" }

    /// Why a file can't be kept: the path and the system's words.
    struct Failure: Error, Sendable, CustomStringConvertible {
        var description: String

        fileprivate init(_ path: String, _ code: Int32) {
            description = "\(path): \(String(cString: strerror(code)))"
        }
    }

    /// The bytes last saved, none where nothing was; `nil` where that can't be told, and the log says why.
    func load(_ logger: Logger) -> [UInt8]? {
        do throws(BoundedFileError) {
            return try BoundedFile.bytes(of: path, limit: limit, onlyRegular: true)
        } catch {
            if error.isMissing { return [] }
            logger.error("what was kept for a restart can't be read: \(error)")
            return nil
        }
    }

    /// Replaces what was saved, and returns once it is on the disk. Makes the folder where it is missing.
    func save(_ bytes: [UInt8]) throws(Failure) {
        if mkdir(folder, 0o750) != 0, errno != EEXIST { throw Failure(folder, errno) }
        let draft = "\(path).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard file >= 0 else { throw Failure(draft, errno) }
        let failure = write(bytes, to: file)
        close(file)
        if let failure {
            unlink(draft)
            throw Failure(draft, failure)
        }
        guard rename(draft, path) == 0 else { throw Failure(path, errno) }
        // The new name, too, has to reach the disk.
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory >= 0 {
            fsync(directory)
            close(directory)
        }
    }

    /// Removes what was saved, if anything was.
    func remove() throws(Failure) {
        // Where the folder is none, there is no file either.
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else { throw Failure(path, errno) }
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
