import Glibc

/// A file named by an operator, read whole and no further than a limit: a device or a 10 MB file costs nothing.
package enum BoundedFile {
    /// A layout's most, in bytes.
    package static let layoutLimit = 1 << 20

    /// The text of a file, or why there is none, in words that begin with its name.
    package static func text(of path: String, limit: Int = layoutLimit) throws(BoundedFileError) -> String {
        let bytes = try bytes(of: path, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .init(path, "not UTF-8 text") }
        return text
    }

    /// The bytes of a file. With `onlyRegular` anything but a regular file, which could keep the reader waiting, is
    /// refused.
    package static func bytes(
        of path: String,
        limit: Int = layoutLimit,
        onlyRegular: Bool = false
    ) throws(BoundedFileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (onlyRegular ? O_NONBLOCK : 0))
        guard descriptor >= 0 else { throw .init(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .init(path, errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .init(path, EISDIR) }
        guard !onlyRegular || status.st_mode & S_IFMT == S_IFREG else { throw .init(path, "not a regular file") }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            var chunk = [UInt8](repeating: 0, count: 64 << 10)
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { break }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EINTR {
                throw .init(path, errno)
            }
        }
        guard bytes.count <= limit else {
            throw .init(path, "larger than \(limit) bytes" + (limit == layoutLimit ? "; a layout never is" : ""))
        }
        return bytes
    }
}

/// Why a file could not be read.
package struct BoundedFileError: Error, Hashable, Sendable, CustomStringConvertible {
    let path: String
    /// What is wrong with it.
    let reason: String
    /// Whether there is no such file.
    let isMissing: Bool

    package var description: String { "\(path): \(reason)" }

    fileprivate init(_ path: String, _ reason: String) { (self.path, self.reason, isMissing) = (path, reason, false) }

    fileprivate init(_ path: String, _ code: CInt) {
        (self.path, reason) = (path, String(cString: strerror(code)))
        isMissing = code == ENOENT || code == ENOTDIR
    }
}
