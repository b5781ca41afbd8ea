import Foundation

/// How much room a file system has.
package enum DiskSpace {
    /// Bytes that still fit on the file system of `path`; `nil` where that is not known.
    package static func free(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
        return Int(clamping: UInt64(status.f_bavail)) &* Int(clamping: UInt64(status.f_frsize))
    }

    /// Whether two files are on one file system.
    package static func isShared(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(one, &first) == 0 && stat(other, &second) == 0
            && first.st_dev == second.st_dev
    }

    /// Whether nothing more fits on the file system of `path`.
    package static func isExhausted(at path: String) -> Bool { free(at: path) == 0 }
}
