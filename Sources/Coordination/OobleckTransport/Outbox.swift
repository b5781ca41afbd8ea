import Foundation
import OobleckClock
import OobleckCoordination
import OobleckCore
import Synchronization

/// What waits to be sent to one peer, in order.
///
/// Adding never blocks, so that a peer that does not drain holds up no other.
package final class Outbox<Element: Sendable>: Sendable {
    /// What is to be sent; ends after the last element once closed.
    package let elements: AsyncStream<Element>
    /// Ends when the outbox closes, whether or not the elements were taken.
    let closing: AsyncStream<Never>
    private let counts = Mutex((added: 0, written: 0))
    private let reason = Mutex<OobleckError?>(nil)
    private let continuation: AsyncStream<Element>.Continuation
    private let closingContinuation: AsyncStream<Never>.Continuation

    package init() {
        (elements, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(CoordinatorInstance.mostMessages)
        )
        (closing, closingContinuation) = AsyncStream.makeStream()
    }

    /// Adds an element.
    ///
    /// False when the peer let too many wait: it is to be given up.
    package func add(_ element: Element) -> Bool {
        counts.withLock { $0.added += 1 }
        return switch continuation.yield(element) {
        case .dropped: false
        case .enqueued, .terminated: true
        @unknown default: false
        }
    }

    /// An element was written to the peer's stream.
    func noteWritten() { counts.withLock { $0.written += 1 } }

    /// Waits until all that was added is written, at most for a second.
    ///
    /// Only for staged failures, which need to know how far things have come.
    func waitUntilWritten() {
        let deadline = MonotonicTime.now + 1
        while counts.withLock({ $0.written < $0.added }), MonotonicTime.now < deadline {
            usleep(1000)
        }
    }

    /// Why the peer's stream ends without an answer, if it does.
    var dropReason: OobleckError? { reason.withLock { $0 } }

    /// No more elements follow; with an error the stream ends in it.
    package func close(because error: OobleckError? = nil) {
        if let error { reason.withLock { $0 = error } }
        continuation.finish()
        closingContinuation.finish()
    }

    /// Returns once the outbox is closed.
    func waitUntilClosed() async { for await _ in closing {} }
}
