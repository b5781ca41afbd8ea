import Foundation
import OobleckCore
import SwiftOverlayShims

/// Time since some moment before the start.
///
/// It is never set back, and all processes of one machine read the same value.
package enum MonotonicTime {
    package static var now: Seconds { read(CLOCK_MONOTONIC) }
}

/// Seconds since 1970 by the system's clock; for display only, because it can be set back.
package enum CalendarTime {
    package static var now: Seconds { read(CLOCK_REALTIME) }
}

private func read(_ clock: clockid_t) -> Seconds {
    var time = timespec()
    clock_gettime(clock, &time)
    return Seconds(Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
}

extension Duration {
    /// The same length of time, for the standard library.
    ///
    /// At least zero and at most 31 years, so that an unbounded time cannot overflow.
    package init(_ time: Seconds) {
        self = .nanoseconds(Int64(time.bounded(by: 0...1e9).value * 1e9))
    }
}
