extension Seconds {
    /// The longest valid measurement: eleven days.
    public static let longestMeasured: Seconds = 1e6

    /// This time if it can have been measured, more than nothing and ``longestMeasured`` at most;
    /// else `nil`.
    public var measured: Seconds? {
        value > 0 && value <= Self.longestMeasured.value ? self : nil
    }
}
