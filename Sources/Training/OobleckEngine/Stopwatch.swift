import OobleckClock
import OobleckCore

/// Measures how long something took.
struct Stopwatch {
    private let start = MonotonicTime.now

    /// Time since this value was made.
    var elapsed: Seconds { MonotonicTime.now - start }
}
