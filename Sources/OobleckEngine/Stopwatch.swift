import OobleckCore

/// Measures how long something took.
struct Stopwatch {
    private let start = ContinuousClock.now

    /// Time since this value was made.
    var elapsed: Seconds {
        let duration = ContinuousClock.now - start
        let (whole, fraction) = duration.components
        return Seconds(Double(whole) + Double(fraction) * 1e-18)
    }
}
