import Foundation
import OobleckValues

/// A file that appears under its name all at once: written beside, synchronised, then renamed.
///
/// A reader of the name sees the old file or the new one, never a part. A file that is not
/// published leaves nothing behind.
public final class AtomicFile {
    /// The name that the file will have.
    public let path: String
    private let temporaryPath: String
    private let file: OpenFile
    private var isPublished = false

    /// Starts a file that will be `path`.
    ///
    /// There is one writer of a path at a time.
    ///
    /// - Throws: ``OobleckError/Code/storage``.
    public init(_ path: String, permissions: UInt32 = 0o644) throws {
        self.path = path
        let url = URL(fileURLWithPath: path)
        temporaryPath =
            url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).partial").path
        file = try OpenFile(temporaryPath, for: .replace(permissions: permissions))
    }

    deinit {
        if !isPublished { unlink(temporaryPath) }
    }

    /// Appends bytes; throws ``OobleckError/Code/storage``.
    public func write(_ bytes: UnsafeRawBufferPointer) throws { try file.write(bytes) }

    /// Appends bytes; throws ``OobleckError/Code/storage``.
    public func write(_ bytes: [UInt8]) throws { try file.write(bytes) }

    /// Gives the file its name.
    ///
    /// Without `durably`, it survives the end of this process, but not a loss of power.
    ///
    /// - Throws: ``OobleckError/Code/storage``.
    public func publish(durably: Bool = true) throws {
        precondition(!isPublished, "\(path) is published twice")
        if durably { try file.synchronize() }
        guard rename(temporaryPath, path) == 0 else {
            throw OobleckError(.storage, "cannot write \(path): \(systemReason())")
        }
        isPublished = true
        if durably {
            try Self.synchronizeDirectory(
                URL(fileURLWithPath: path).deletingLastPathComponent().path
            )
        }
    }

    /// Writes a whole file at once.
    ///
    /// - Throws: ``OobleckError/Code/storage``.
    public static func write(
        _ bytes: [UInt8],
        to path: String,
        permissions: UInt32 = 0o644,
        durably: Bool = true
    ) throws {
        let file = try AtomicFile(path, permissions: permissions)
        try file.write(bytes)
        try file.publish(durably: durably)
    }

    /// Returns once the names in a directory are on the device.
    ///
    /// - Throws: ``OobleckError/Code/storage``.
    public static func synchronizeDirectory(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw OobleckError(.storage, "cannot open \(path): \(systemReason())")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw OobleckError(.storage, "cannot synchronise \(path): \(systemReason())")
        }
    }
}
