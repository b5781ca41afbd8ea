import Foundation

/// A small file system in memory, of one test, that can be filled up.
package final class SmallDisk {
    package let path: String

    /// Whether one can be had here: mounting needs root.
    package static let isAvailable: Bool = {
        do {
            _ = try SmallDisk(kilobytes: 64)
            return true
        } catch {
            return false
        }
    }()

    package init(kilobytes: Int) throws {
        path = NSTemporaryDirectory() + "oobleck-disk-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(kilobytes)k") == 0 else {
            let reason = errno
            rmdir(path)
            throw POSIXError(POSIXErrorCode(rawValue: reason) ?? .EPERM)
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    private var filler: String { path + "/.filler" }

    /// Leaves no byte.
    package func fill() {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let block = [UInt8](repeating: 1, count: 512)
        while write(file, block, block.count) > 0 {}
        close(file)
    }

    /// Gives the space back.
    package func empty() { unlink(filler) }
}
