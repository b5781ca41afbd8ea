import OobleckRecording
import Synchronization

/// Passes notices on to a receiver that exists only after their source does.
final class NoticeRelay: Sendable {
    private let receiver = Mutex<(@Sendable (RunNotice) -> Void)?>(nil)

    func open(_ receiver: @escaping @Sendable (RunNotice) -> Void) {
        self.receiver.withLock { $0 = receiver }
    }

    func pass(_ notice: RunNotice) {
        let receiver = receiver.withLock { $0 }
        receiver?(notice)
    }
}
