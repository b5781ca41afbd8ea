import Foundation
import OobleckCore

extension TimedEvent {
    /// The time of day for people, where this program runs, to the millisecond.
    package var localTime: String {
        var seconds = time_t(time.value)
        var parts = tm()
        localtime_r(&seconds, &parts)
        let milliseconds = Int((time.value * 1000).rounded()) % 1000
        return String(
            format: "%02d:%02d:%02d.%03d",
            parts.tm_hour,
            parts.tm_min,
            parts.tm_sec,
            milliseconds
        )
    }
}
