import Foundation
import OobleckCore

/// A file system in memory that is full as soon as a checkpoint is written to it.
struct SmallDisk {
    let path: String
    private static let bytes = 64 << 10

    /// Throws one line where mounting is not permitted.
    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(Self.bytes)") == 0 else {
            throw OobleckError(
                .storage,
                "cannot mount a small disk: \(String(cString: strerror(errno)))"
            )
        }
    }

    /// Why it cannot be had here; nothing when it can.
    static var obstacle: String? {
        geteuid() == 0 ? nil : "mounting a small disk needs root"
    }

    /// Takes the file system away; its folder goes with the drill's.
    func remove() { umount2(path, Int32(MNT_DETACH)) }
}
