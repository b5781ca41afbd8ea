import Foundation

/// What this program has used of a processor: with one thread the time that passes on an idle
/// machine, and nearly the same on a busy one.
enum ProcessorTime {
    /// Seconds since the program began.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
    }
}
