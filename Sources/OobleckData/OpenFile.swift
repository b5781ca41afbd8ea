import Foundation
import OobleckCore

/// An open file descriptor with whole reads and writes, closed when the last reference goes.
///
/// Files that people give us fail as `.inputData`, files that we keep fail as `.storage`; both
/// messages name the path and the system's reason.
package final class OpenFile {
    /// What a file is opened for.
    package enum Purpose: Sendable {
        /// Reading a file that somebody gave us.
        case readInput
        /// Reading a file that we wrote.
        case readBack
        /// Writing a new file, or over an old one, with these permissions.
        case replace(permissions: UInt32)
        /// Adding to the end of a file, which is created when it is missing.
        case append
    }

    package let path: String
    private let descriptor: Int32
    private let code: OobleckError.Code

    package init(_ path: String, for purpose: Purpose) throws {
        self.path = path
        switch purpose {
        case .readInput:
            code = .inputData
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
        case .readBack:
            code = .storage
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
        case .replace(let permissions):
            code = .storage
            descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, permissions)
        case .append:
            code = .storage
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else {
            throw OobleckError(code, "cannot open \(path): \(systemReason())")
        }
    }

    deinit { close(descriptor) }

    /// Bytes of a regular file; anything else is refused.
    package func regularSize() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw OobleckError(code, "cannot examine \(path): \(systemReason())")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw OobleckError(code, "\(path) is not a regular file")
        }
        return Int(status.st_size)
    }

    /// The permission bits of the file.
    package func permissions() throws -> UInt32 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw OobleckError(code, "cannot examine \(path): \(systemReason())")
        }
        return status.st_mode & 0o7777
    }

    /// Reads exactly `count` bytes that start at `offset`.
    package func read(at offset: Int, count: Int) throws -> [UInt8] {
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
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
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

    package func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Cuts the file off at `size` bytes.
    package func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw OobleckError(code, "cannot truncate \(path): \(systemReason())")
        }
    }

    /// Has what is on the device be read from there again, not from memory, where the system can.
    package func forgetCached() { posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

    /// Returns once everything written is on the device.
    package func synchronize() throws {
        // Pipes and terminals cannot be synchronised, and need not be.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
            throw OobleckError(code, "cannot synchronise \(path): \(systemReason())")
        }
    }
}

/// What the system says of the last call that failed.
package func systemReason() -> String { String(cString: strerror(errno)) }
