import Foundation

/// What tells one state of a file from another without reading it.
///
/// Two states of equal size within one tick of the file system's clock (some milliseconds) look the
/// same.
public struct FileIdentity: Hashable, Sendable, Codable {
    /// Bytes of the file.
    public let size: Int
    /// The time of the last change of its content, in nanoseconds since 1970.
    public let modifiedNanoseconds: Int
    /// The number of the file in its file system.
    public let inode: Int

    /// The identity with these parts.
    public init(size: Int, modifiedNanoseconds: Int, inode: Int) {
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
        self.inode = inode
    }

    init(_ status: stat) {
        self.init(
            size: Int(status.st_size),
            modifiedNanoseconds: Int(status.st_mtim.tv_sec) &* 1_000_000_000
                &+ Int(status.st_mtim.tv_nsec),
            inode: Int(truncatingIfNeeded: status.st_ino)
        )
    }
}
