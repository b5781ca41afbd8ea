/// A mean over trials with its 95 % confidence interval.
public struct SimulationEstimate: Hashable, Sendable, Codable {
    /// The mean.
    public let mean: Double
    /// Half of the interval's width; `nil` with one trial, which says nothing about the others.
    public let margin: Double?
    /// Trials.
    public let trials: Int

    /// The estimate of these values, of which there must be one.
    public init(_ values: [Double]) {
        precondition(!values.isEmpty, "an estimate needs a trial")
        trials = values.count
        let mean = values.reduce(0, +) / Double(trials)
        self.mean = mean
        guard trials > 1 else {
            margin = nil
            return
        }
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(trials - 1)
        margin = Self.student(freedom: trials - 1) * (variance / Double(trials)).squareRoot()
    }

    /// The 0.975 quantile of Student's distribution, by Cornish and Fisher's expansion; within 1 %
    /// from three degrees of freedom on, exact for one and two.
    static func student(freedom: Int) -> Double {
        switch freedom {
        case 1: return 12.706_204_736
        case 2: return 4.302_652_73
        default:
            let z = 1.959_963_985
            let n = Double(freedom)
            let first = (z * z * z + z) / 4
            let second = (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / 96
            let seventh = 3 * z * z * z * z * z * z * z
            let third = (seventh + 19 * z * z * z * z * z + 17 * z * z * z - 15 * z) / 384
            return z + first / n + second / (n * n) + third / (n * n * n)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case mean
        case margin = "ci95"
        case trials
    }
}
