public import OobleckValues

/// A point or a length of simulated time in whole nanoseconds, so that sums are exact.
public struct SimulatedTime: Hashable, Comparable, Sendable, AdditiveArithmetic {
    /// The number of nanoseconds.
    public var nanoseconds: Int

    /// No time at all.
    public static let zero = SimulatedTime(nanoseconds: 0)
    /// Longer than any simulation: 146 years.
    public static let never = SimulatedTime(nanoseconds: Int.max / 2)

    /// A time of so many nanoseconds.
    public init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// The nearest time to a number of seconds; ``never`` for all that is longer.
    public init(_ seconds: Seconds) {
        let nanoseconds = (seconds.value * 1e9).rounded()
        let isRepresentable = nanoseconds < Double(Int.max / 2)
        self.nanoseconds = isRepresentable ? Int(nanoseconds) : Self.never.nanoseconds
    }

    /// The time in seconds.
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    /// Whether the left one is less.
    public static func < (left: SimulatedTime, right: SimulatedTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The sum.
    public static func + (left: SimulatedTime, right: SimulatedTime) -> SimulatedTime {
        SimulatedTime(nanoseconds: left.nanoseconds + right.nanoseconds)
    }

    /// The difference.
    public static func - (left: SimulatedTime, right: SimulatedTime) -> SimulatedTime {
        SimulatedTime(nanoseconds: left.nanoseconds - right.nanoseconds)
    }

    /// The time that `count` repetitions take.
    public static func * (count: Int, time: SimulatedTime) -> SimulatedTime {
        SimulatedTime(nanoseconds: count * time.nanoseconds)
    }
}
