import Dispatch
import OobleckCore
import OobleckData
import Synchronization

/// Brings a file's lines to the device without anyone waiting for it: a commit must not take as
/// long as the disk.
///
/// A failure is thrown by the next call.
final class BackgroundSynchronizer: @unchecked Sendable {
    // The file is only synchronised here, which may run beside its writes.
    private let file: OpenFile
    private let queue = DispatchQueue(label: "oobleck.synchronize")
    private let failure = Mutex<OobleckError?>(nil)

    init(_ file: OpenFile) { self.file = file }

    /// Starts to synchronise what is written so far.
    func start() throws {
        try check()
        queue.async { self.synchronize() }
    }

    /// Returns once everything written so far is on the device.
    func finish() throws {
        queue.sync { self.synchronize() }
        try check()
    }

    private func synchronize() {
        do {
            try file.synchronize()
        } catch let error as OobleckError {
            failure.withLock { $0 = error }
        } catch {
            failure.withLock { $0 = OobleckError(.storage, "cannot synchronise: \(error)") }
        }
    }

    private func check() throws {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
