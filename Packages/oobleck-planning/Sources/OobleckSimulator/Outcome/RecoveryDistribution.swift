public import OobleckValues

/// How long recoveries took, from a loss to the next training.
public struct RecoveryDistribution: Hashable, Sendable, Codable {
    /// One point of the distribution.
    public struct Quantile: Hashable, Sendable, Codable {
        /// So many of a hundred recoveries took no longer.
        public let percent: Int
        /// As long, in seconds.
        public let seconds: Double
    }

    /// The points that are told.
    public static let percents = [0, 10, 25, 50, 75, 90, 99, 100]

    /// Recoveries of all worlds.
    public let count: Int
    /// In ascending order; none without recoveries.
    public let quantiles: [Quantile]

    /// The distribution of these times, in any order.
    init(_ times: [SimulatedTime]) {
        let sorted = times.sorted()
        count = sorted.count
        quantiles =
            sorted.isEmpty
            ? []
            : Self.percents.map { percent in
                // The nearest of those that there are.
                let index = (percent * (sorted.count - 1) + 50) / 100
                return Quantile(percent: percent, seconds: sorted[index].seconds)
            }
    }

    /// One of ``percents``; `nil` without recoveries.
    public func quantile(_ percent: Int) -> Seconds? {
        quantiles.first { $0.percent == percent }.map { Seconds($0.seconds) }
    }
}
