import Foundation
import OobleckCore

/// The time that ``Coordinator`` is given: nobody sets it back, and all processes of one machine
/// read the same.
package enum MonotonicTime {
    package static var now: Seconds {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Seconds(Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
    }
}

extension Duration {
    /// The same length of time, for the standard library.
    init(_ time: Seconds) { self = .nanoseconds(Int64(time.value * 1e9)) }
}
