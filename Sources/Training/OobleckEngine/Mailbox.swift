import Foundation
import OobleckCore

/// Messages from the coordinator on their way from the control connection to the training thread,
/// in order.
///
/// Bounded by the protocol: a worker is sent at most a few messages a step.
final class Mailbox: @unchecked Sendable {
    // Guarded by `condition`.
    private var messages: [CoordinatorMessage] = []
    private var isClosed = false
    private let condition = NSCondition()

    func put(_ message: CoordinatorMessage) {
        condition.withLock {
            messages.append(message)
            condition.signal()
        }
    }

    /// No message follows; a waiting thread gets `nil` once all are taken.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    /// The next message; blocks until there is one.
    ///
    /// `nil` when the mailbox is closed: the control connection bounds this wait, since it closes
    /// the mailbox when the coordinator falls silent.
    func take() -> CoordinatorMessage? {
        condition.withLock {
            while messages.isEmpty && !isClosed { condition.wait() }
            return messages.isEmpty ? nil : messages.removeFirst()
        }
    }
}
