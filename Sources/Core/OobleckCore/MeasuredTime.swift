/// Validity of a measured time.
///
/// A clock may be read at a bad moment, a program may have a bug, a profile may come from anywhere.
/// Ratios and deadlines are derived from measured times, so each is checked where it is used. A
/// zero, negative or infinite time is no measurement and is ignored.
extension Seconds {
    /// The most milliseconds that an interface is given: what 32 bits hold, 24 days.
    private static let mostMilliseconds = Int(Int32.max)

    /// This time limited to the bounds; NaN becomes the lower one.
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
    /// The sum of sizes, limited to the largest integer; negative ones are ignored.
    package static func total(_ sizes: some Sequence<ByteCount>) -> ByteCount {
        ByteCount(
            sizes.reduce(0) { sum, size in
                let (total, overflows) = sum.addingReportingOverflow(max(0, size.value))
                return overflows ? Int.max : total
            }
        )
    }
}
