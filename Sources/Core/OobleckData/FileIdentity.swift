import Foundation

/// What tells one state of a file from another without reading it.
///
/// Two states of equal size within one tick of the file system's clock (some milliseconds) look the
/// same.
struct FileIdentity: Hashable, Sendable, Codable {
    let size: Int
    /// The time of the last change of its content, in nanoseconds since 1970.
    let modifiedNanoseconds: Int
    let inode: Int

    init(size: Int, modifiedNanoseconds: Int, inode: Int) {
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
