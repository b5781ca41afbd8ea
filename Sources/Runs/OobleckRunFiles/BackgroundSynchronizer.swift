import Dispatch
import OobleckCore
import OobleckData
import Synchronization

/// Brings a file's lines to the device without anyone waiting for it: a commit must not take as
/// long as the disk.
///
/// After a failure, the next call tries again and throws when that fails, too.
final class BackgroundSynchronizer: @unchecked Sendable {
    // The file is only synchronised here, which may run beside its writes.
    private let file: OpenFile
    private let queue = DispatchQueue(label: "oobleck.synchronize")
    private let failure = Mutex<OobleckError?>(nil)

    init(_ file: OpenFile) { self.file = file }

    /// Starts to synchronise what is written so far.
    func start() { queue.async { self.synchronize() } }

    /// Throws while what was written before is not on the device and cannot be brought there.
    func requireHealth() throws {
        guard failure.withLock({ $0 }) != nil else { return }
        try finish()
    }

    /// Returns once everything written so far is on the device.
    func finish() throws {
        queue.sync { self.synchronize() }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private func synchronize() {
        do {
            try file.synchronize()
            failure.withLock { $0 = nil }
        } catch let error as OobleckError {
            failure.withLock { $0 = error }
        } catch {
            let reason = fileReason(error)
            failure.withLock { $0 = OobleckError(.storage, "cannot synchronise: \(reason)") }
        }
    }
}
