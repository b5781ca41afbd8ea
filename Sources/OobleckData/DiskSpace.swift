import Foundation

/// How much room a file system has.
package enum DiskSpace {
    /// Whether nothing more fits on the file system of `path`.
    package static func isExhausted(at path: String) -> Bool {
        var status = statvfs()
        return statvfs(path, &status) == 0 && status.f_blocks > 0 && status.f_bavail == 0
    }
}
