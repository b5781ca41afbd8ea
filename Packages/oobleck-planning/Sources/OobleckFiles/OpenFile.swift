import Foundation
import OobleckValues

/// An open file descriptor with whole reads and writes, closed when the last reference goes.
///
/// The one way to open a file. It never blocks, and opens regular files only: a FIFO, a device or a
/// socket is refused at once, by name. Files of users fail as `.inputData`, files of the program as
/// `.storage`; both messages name the path and the reason.
public final class OpenFile {
    /// What a file is opened for.
    public enum Purpose: Sendable {
        /// Reading a file of a user.
        case readInput
        /// Reading a file of this program.
        case readBack
        /// Writing a new file, or over an old one, with these permissions.
        case replace(permissions: UInt32)
        /// Adding to the end of a file, which is created when it is missing.
        case append
    }

    /// The name that the file was opened by.
    public let path: String
    private let descriptor: Int32
    private let code: OobleckError.Code

    /// Opens the file.
    ///
    /// Throws `.inputData` for ``Purpose/readInput`` and `.storage` for the others.
    public init(_ path: String, for purpose: Purpose) throws {
        self.path = path
        let flags: Int32
        var newPermissions: UInt32 = 0o644
        switch purpose {
        case .readInput: (code, flags) = (.inputData, O_RDONLY)
        case .readBack: (code, flags) = (.storage, O_RDONLY)
        case .replace(let permissions):
            (code, flags) = (.storage, O_WRONLY | O_CREAT | O_TRUNC)
            newPermissions = permissions
        case .append: (code, flags) = (.storage, O_WRONLY | O_CREAT | O_APPEND)
        }
        // A FIFO would block until its other end is opened; regular files ignore O_NONBLOCK.
        descriptor = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, newPermissions)
        guard descriptor >= 0 else {
            throw OobleckError(code, FileObstacle.opening(path, reason: errno))
        }
        let mode = try status().st_mode
        // Devices may be written to. The reader of a FIFO could block or end this process.
        let isRead = flags & O_ACCMODE == O_RDONLY
        if isRead || mode & S_IFMT == S_IFIFO, let obstacle = FileObstacle.kind(path, mode: mode) {
            throw OobleckError(code, obstacle)
        }
    }

    deinit { close(descriptor) }

    /// Bytes of the file as it is now.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func size() throws -> Int { Int(try status().st_size) }

    /// The identity of the file's present state.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func identity() throws -> FileIdentity { FileIdentity(try status()) }

    /// Maps the first `count` bytes for reading; of none, a buffer without memory.
    ///
    /// The caller unmaps them. They outlast this object.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func mapped(count: Int) throws -> UnsafeRawBufferPointer {
        guard count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let memory = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let memory, memory != MAP_FAILED else {
            throw OobleckError(code, "cannot map \(path): \(systemReason())")
        }
        return UnsafeRawBufferPointer(start: memory, count: count)
    }

    /// The permission bits of the file.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func permissions() throws -> UInt32 { try status().st_mode & 0o7777 }

    /// Whether the file belongs to the user of this process.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func isOurs() throws -> Bool { try status().st_uid == geteuid() }

    private func status() throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw OobleckError(code, "cannot examine \(path): \(systemReason())")
        }
        return status
    }

    /// Reads from `offset` to the end, or nothing when the file ends before.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func rest(from offset: Int) throws -> [UInt8] {
        try read(at: offset, count: max(0, try size() - offset))
    }

    /// Reads exactly `count` bytes that start at `offset`.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func read(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let rest = UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]
                )
                let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
                if got < 0 && errno == EINTR { continue }
                guard got >= 0 else {
                    throw OobleckError(code, "cannot read \(path): \(systemReason())")
                }
                guard got > 0 else {
                    throw OobleckError(
                        code,
                        "\(path) ends at byte \(offset + filled); it should have \(offset + count)"
                    )
                }
                filled += got
            }
        }
    }

    /// Writes all of `bytes` at the current end.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let got = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                throw OobleckError(code, "cannot write \(path): \(systemReason())")
            }
            written += got
        }
    }

    /// Writes all of `bytes` at the current end; throws `.storage`.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Cuts the file off at `size` bytes; the next write follows there.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw OobleckError(code, "cannot truncate \(path): \(systemReason())")
        }
        // Pipes have no place to go to.
        guard lseek(descriptor, off_t(size), SEEK_SET) >= 0 || errno == ESPIPE else {
            throw OobleckError(code, "cannot seek in \(path): \(systemReason())")
        }
    }

    /// Makes later reads come from the device instead of the cache, where the system supports it.
    public func forgetCached() { posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

    /// Returns once everything written is on the device.
    ///
    /// - Throws: The error of ``Purpose``: `.inputData` or `.storage`.
    public func synchronize() throws {
        // Pipes and terminals cannot be synchronised, and need not be.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw OobleckError(code, "cannot synchronise \(path): \(systemReason())")
        }
    }
}

/// What the system says of the last call that failed.
public func systemReason() -> String { String(cString: strerror(errno)) }
