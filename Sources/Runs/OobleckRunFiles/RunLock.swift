import Foundation
import OobleckCore
import OobleckData

/// The exclusive right to write a run directory, held until the process ends or it is released.
///
/// The system drops the lock with the process, however it dies, so no stale lock needs cleaning.
package final class RunLock: Sendable {
    // The descriptor never changes; `flock` calls on it are atomic in the kernel.
    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock of the run in `directory`, and writes our process id for others to name.
    ///
    /// Throws `.usage` when another process has it.
    static func take(directory: String) throws -> RunLock {
        let path = directory + "/lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else {
            throw OobleckError(.storage, "cannot open \(path): \(systemReason())")
        }
        let lock = RunLock(descriptor: descriptor)
        // Somebody who looks whether the run is alive holds a shared lock for an instant.
        for attempt in 1...20 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { break }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw OobleckError(.storage, "cannot lock \(path): \(systemReason())")
            }
            guard attempt < 20, holder(descriptor) == nil || attempt < 5 else {
                let owner = holder(descriptor).map { " (pid \($0))" } ?? ""
                throw OobleckError(
                    .usage,
                    "\(directory) is in use by another run\(owner); "
                        + "wait for it or choose another --run-dir"
                )
            }
            usleep(5_000)
        }
        let text = "\(getpid())\n"
        guard ftruncate(descriptor, 0) == 0,
            pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count
        else {
            throw OobleckError(.storage, "cannot write \(path): \(systemReason())")
        }
        return lock
    }

    /// Lets others take it; what still refers to it must write nothing more.
    func release() { flock(descriptor, LOCK_UN) }

    /// Whether a process holds the lock of the run in `directory`.
    static func isHeld(directory: String) -> Bool {
        let descriptor = open(directory + "/lock", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    private static func holder(_ descriptor: Int32) -> Int? {
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let text = String(decoding: buffer.prefix(count), as: UTF8.self)
        return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
