import OobleckRecording
import Synchronization

/// Passes updates on to a receiver that exists only after their source does.
final class UpdateRelay: Sendable {
    private let receiver = Mutex<(@Sendable (RunUpdate) -> Void)?>(nil)

    func open(_ receiver: @escaping @Sendable (RunUpdate) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    func pass(_ update: RunUpdate) {
        let receiver = receiver.withLock { $0 }
        receiver?(update)
    }
}
