import Foundation
import OobleckClock
import Synchronization

/// Two members of a group in one process, which wait for each other.
package enum TwoThreads {
    /// The results of the body for ranks 0 and 1, which run beside each other however busy the shared
    /// thread pools are: one on the caller's thread, one on a thread of its own.
    ///
    /// Throws what a body throws; the body must end by itself.
    package static func run<Result: Sendable>(
        _ body: @escaping @Sendable (_ rank: Int) throws -> Result
    ) throws -> [Result] {
        let other = Mutex<Swift.Result<Result, any Error>?>(nil)
        let done = DispatchSemaphore(value: 0)
        try SystemThread.start(stackBytes: 8 << 20) {
            let outcome = Swift.Result { try body(1) }
            other.withLock { $0 = outcome }
            done.signal()
        }
        let mine = Swift.Result { try body(0) }
        done.wait()
        guard let outcome = other.withLock({ $0 }) else {
            preconditionFailure("a thread that signals has an outcome")
        }
        return [try mine.get(), try outcome.get()]
    }
}
