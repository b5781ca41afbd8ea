import OobleckPaperSimulator
import OobleckSimulator

/// Numbers as printed in the paper: Jang et al., SOSP 2023, and its corrected version on arXiv (v2).
enum PublishedTables {
    /// A throughput in samples per second.
    struct Row: Sendable {
        let model: PaperModel
        let policy: PaperPolicy
        /// Time between failures, as `6h`.
        let period: String
        /// In the proceedings.
        let proceedings: Double
        /// On arXiv.
        let corrected: Double

        init(
            _ model: PaperModel,
            _ policy: PaperPolicy,
            _ period: String,
            _ proceedings: Double,
            _ corrected: Double
        ) {
            self.model = model
            self.policy = policy
            self.period = period
            self.proceedings = proceedings
            self.corrected = corrected
        }
    }

    /// Table 2.
    static let throughput: [Row] = [
        Row(.bertLarge, .bamboo, "6h", 77.04, 77.04),
        Row(.bertLarge, .bamboo, "1h", 75.6, 75.6),
        Row(.bertLarge, .bamboo, "10m", 69.84, 69.84),
        Row(.bertLarge, .varuna, "6h", 260.11, 259.57),
        Row(.bertLarge, .varuna, "1h", 246.03, 245.39),
        Row(.bertLarge, .varuna, "10m", 173.52, 168.15),
        Row(.bertLarge, .oobleck, "6h", 287.1, 287.1),
        Row(.bertLarge, .oobleck, "1h", 286.28, 286.28),
        Row(.bertLarge, .oobleck, "10m", 282.11, 282.11),
        Row(.gpt2, .bamboo, "6h", 17.47, 17.47),
        Row(.gpt2, .bamboo, "1h", 17.13, 17.13),
        Row(.gpt2, .bamboo, "10m", 16.01, 16.01),
        Row(.gpt2, .varuna, "6h", 86.51, 86.42),
        Row(.gpt2, .varuna, "1h", 85.17, 83.94),
        Row(.gpt2, .varuna, "10m", 76.39, 69.67),
        Row(.gpt2, .oobleck, "6h", 85.59, 85.59),
        Row(.gpt2, .oobleck, "1h", 85.42, 85.42),
        Row(.gpt2, .oobleck, "10m", 84.8, 84.8),
        Row(.gpt3Medium, .varuna, "6h", 29.5, 29.52),
        Row(.gpt3Medium, .varuna, "1h", 28.49, 27.61),
        Row(.gpt3Medium, .varuna, "10m", 20.19, 20.71),
        Row(.gpt3Medium, .oobleck, "6h", 29.3, 29.3),
        Row(.gpt3Medium, .oobleck, "1h", 29.21, 29.21),
        Row(.gpt3Medium, .oobleck, "10m", 28.7, 28.7),
        Row(.gpt3With2700M, .varuna, "6h", 7.27, 7.27),
        Row(.gpt3With2700M, .varuna, "1h", 6.53, 6.41),
        Row(.gpt3With2700M, .varuna, "10m", 1.76, 0.36),
        Row(.gpt3With2700M, .oobleck, "6h", 7.29, 7.29),
        Row(.gpt3With2700M, .oobleck, "1h", 7.23, 7.23),
        Row(.gpt3With2700M, .oobleck, "10m", 6.89, 6.89),
        Row(.gpt3With6700M, .varuna, "6h", 4.14, 4.02),
        Row(.gpt3With6700M, .varuna, "1h", 2.69, 2.91),
        Row(.gpt3With6700M, .varuna, "10m", 0.26, 0.12),
        Row(.gpt3With6700M, .oobleck, "6h", 4.33, 4.33),
        Row(.gpt3With6700M, .oobleck, "1h", 4.22, 4.22),
        Row(.gpt3With6700M, .oobleck, "10m", 3.55, 3.55),
    ]

    /// Figures 1 and 11, read off by eye: the share of the time that is effective.
    static let effectiveShares: [Row] = [
        Row(.bertLarge, .bamboo, "6h", 0.28, 0.2), Row(.bertLarge, .bamboo, "10m", 0.15, 0.15),
        Row(.bertLarge, .varuna, "6h", 0.94, 0.94), Row(.bertLarge, .varuna, "10m", 0.54, 0.66),
        Row(.bertLarge, .oobleck, "6h", 1, 1), Row(.bertLarge, .oobleck, "10m", 0.96, 0.96),
        Row(.gpt3With6700M, .varuna, "6h", 0.8, 0.82),
        Row(.gpt3With6700M, .varuna, "10m", 0.27, 0.06),
        Row(.gpt3With6700M, .oobleck, "6h", 0.99, 0.99),
        Row(.gpt3With6700M, .oobleck, "10m", 0.76, 0.76),
    ]

    /// Figure 10, by the name of the trace: means over whole runs, as far as they are known.
    ///
    /// Those of Varuna on arXiv are read off by eye.
    static let spot: [Row] = [
        Row(.bertLarge, .bamboo, "scale_p3-trace.csv", 63.62, 63.62),
        Row(.bertLarge, .varuna, "scale_p3-trace.csv", 187.69, 214),
        Row(.bertLarge, .oobleck, "scale_p3-trace.csv", 221.40, 221.40),
        Row(.bertLarge, .bamboo, "scale_gcp-trace.csv", 68.03, 68.03),
        Row(.bertLarge, .varuna, "scale_gcp-trace.csv", 215.74, 214),
        Row(.bertLarge, .oobleck, "scale_gcp-trace.csv", 243.68, 243.68),
        Row(.gpt3With2700M, .varuna, "scale_p3-trace.csv", 0.597, 2.4),
        Row(.gpt3With2700M, .oobleck, "scale_p3-trace.csv", 5.417, 5.417),
    ]

    /// Table 4.
    static let withoutCheckpoints: [Row] = [
        Row(.bertLarge, .varuna, "6h", 260.11, 259.57),
        Row(.bertLarge, .varuna, "1h", 246.03, 245.39),
        Row(.bertLarge, .varuna, "10m", 173.52, 168.15),
        Row(.gpt3With6700M, .varuna, "6h", 4.14, 4.02),
        Row(.gpt3With6700M, .varuna, "1h", 2.69, 2.91),
        Row(.gpt3With6700M, .varuna, "10m", 0.26, 0.12),
        Row(.bertLarge, .varunaWithoutOverhead, "6h", 275.88, 275.27),
        Row(.bertLarge, .varunaWithoutOverhead, "1h", 273.85, 270.81),
        Row(.bertLarge, .varunaWithoutOverhead, "10m", 264.16, 245.78),
        Row(.gpt3With6700M, .varunaWithoutOverhead, "6h", 4.61, 4.57),
        Row(.gpt3With6700M, .varunaWithoutOverhead, "1h", 4.29, 4.00),
        Row(.gpt3With6700M, .varunaWithoutOverhead, "10m", 1.98, 0.36),
        Row(.bertLarge, .oobleck, "6h", 287.10, 287.10),
        Row(.bertLarge, .oobleck, "1h", 286.28, 286.28),
        Row(.bertLarge, .oobleck, "10m", 282.11, 282.11),
        Row(.gpt3With6700M, .oobleck, "6h", 4.33, 4.33),
        Row(.gpt3With6700M, .oobleck, "1h", 4.22, 4.22),
        Row(.gpt3With6700M, .oobleck, "10m", 3.55, 3.55),
    ]

    /// Table 3: nodes, devices of each, layers, and seconds of planning one template.
    static let planning: [(nodes: Int, devices: Int, layers: Int, seconds: Double)] = [
        (8, 1, 24, 0.28),
        (8, 1, 32, 0.71),
        (8, 1, 64, 9.65),
        (8, 1, 96, 68.5),
        (8, 4, 24, 0.41),
        (8, 4, 32, 1.15),
        (8, 4, 64, 11.58),
        (8, 4, 96, 74.56),
        (8, 8, 24, 0.54),
        (8, 8, 32, 1.5),
        (8, 8, 64, 20.98),
        (8, 8, 96, 109.76),
        (16, 1, 24, 3.37),
        (16, 1, 32, 7.45),
        (16, 1, 64, 66.35),
        (16, 1, 96, 540.36),
        (16, 4, 24, 4.56),
        (16, 4, 32, 10.41),
        (16, 4, 64, 108.1),
        (16, 4, 96, 649.67),
        (16, 8, 24, 4.9),
        (16, 8, 32, 11.78),
        (16, 8, 64, 176.04),
        (16, 8, 96, 1213.63),
        (24, 1, 24, 11.35),
        (24, 1, 32, 30.11),
        (24, 1, 64, 262.47),
        (24, 1, 96, 1477.54),
        (24, 4, 24, 14.78),
        (24, 4, 32, 45.8),
        (24, 4, 64, 472.53),
        (24, 4, 96, 2153.84),
        (24, 8, 24, 15.59),
        (24, 8, 32, 49.25),
        (24, 8, 64, 520.08),
        (24, 8, 96, 3297.92),
    ]

    /// A row of a table.
    static func value(
        _ table: [Row],
        _ model: PaperModel,
        _ policy: PaperPolicy,
        _ period: String
    ) -> Row? {
        table.first { $0.model == model && $0.policy == policy && $0.period == period }
    }
}
