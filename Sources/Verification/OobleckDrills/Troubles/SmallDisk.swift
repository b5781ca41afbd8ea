import Foundation
import OobleckCore

/// A small file system in memory: full as soon as a checkpoint is written to it, or when it is filled.
struct SmallDisk {
    let path: String

    /// Throws one line where mounting is not permitted.
    init(_ path: String, _ bytes: Int = 64 << 10) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else {
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

    // Not a run's, and so not in the way of one that looks into its folder.
    private var filler: String { path + "/logs/filler" }

    /// Leaves no space.
    func fill() {
        let file = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let block = [UInt8](repeating: 1, count: 4096)
        while write(file, block, block.count) > 0 {}
        close(file)
    }

    /// Gives the space back.
    func empty() { unlink(filler) }

    /// Leaves what is on the disk in its folder, and takes the disk away.
    func keepContents() throws {
        let manager = FileManager.default
        let copy = path + ".kept"
        try manager.copyItem(atPath: path, toPath: copy)
        remove()
        try manager.removeItem(atPath: path)
        try manager.moveItem(atPath: copy, toPath: path)
    }

    /// Takes the file system away; its folder goes with the drill's.
    func remove() { umount2(path, Int32(MNT_DETACH)) }
}
