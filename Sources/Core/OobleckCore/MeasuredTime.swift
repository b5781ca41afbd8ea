/// What may be believed of a time that something measured.
///
/// A clock may be read at a bad moment, a program may have a bug, a profile may come from anywhere.
/// Ratios and deadlines are made from such times, so that each has to be checked where it is used:
/// a time of nothing, a negative one or one without bound is no measurement, and counts for nothing.
extension Seconds {
    /// The longest time that a measurement is believed to have taken: eleven days.
    package static let longestMeasured: Seconds = 1e6

    /// The most milliseconds that an interface is given: what 32 bits hold, 24 days.
    private static let mostMilliseconds = Int(Int32.max)

    /// This time if it can have been measured, more than nothing and ``longestMeasured`` at most;
    /// else `nil`.
    package var measured: Seconds? {
        value > 0 && value <= Self.longestMeasured.value ? self : nil
    }

    /// This time within the bounds; what is not a number is the lower one.
    package func bounded(by bounds: ClosedRange<Seconds>) -> Seconds {
        value.isNaN ? bounds.lowerBound : min(max(self, bounds.lowerBound), bounds.upperBound)
    }

    /// Whole milliseconds for an interface that counts in them: at least 1, so that a time that is
    /// not a number never means no wait at all, and so few that nothing made from them overflows.
    package var milliseconds: Int {
        let count = (value * 1000).rounded(.up)
        guard count < Double(Self.mostMilliseconds) else { return Self.mostMilliseconds }
        return count >= 1 ? Int(count) : 1
    }
}

extension ByteCount {
    /// The sum of sizes, the most that fits where it is larger; negative ones count for nothing.
    package static func total(_ sizes: some Sequence<ByteCount>) -> ByteCount {
        ByteCount(
            sizes.reduce(0) { sum, size in
                let (total, overflows) = sum.addingReportingOverflow(max(0, size.value))
                return overflows ? Int.max : total
            }
        )
    }
}
