import Foundation

/// What tells whether a file was replaced or written to.
package struct FileMark: Equatable {
    private let device: UInt64
    private let file: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    /// `nil` where there is no file.
    package init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        file = UInt64(status.st_ino)
        size = Int64(status.st_size)
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }

    /// Whether this is the same file, whatever was written to it.
    package func isSameFile(as other: FileMark) -> Bool {
        (device, file) == (other.device, other.file)
    }
}
