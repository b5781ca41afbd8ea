import OobleckPaperSimulator
import OobleckSimulator

/// A number printed in the paper, with ours beside it.
public struct PublishedValue: Hashable, Sendable {
    /// Where it is printed, as `table 2`.
    public let source: String
    /// What it is of.
    public let model: String
    /// Whose it is.
    public let policy: String
    /// Under which failures: a time between them, or a trace.
    public let failures: String
    /// Ours, in paper-compatible mode.
    public let ours: Double
    /// In the proceedings.
    public let proceedings: Double
    /// In the corrected version on arXiv.
    public let corrected: Double
    /// Ours with the simulator's mistakes set right.
    public let withoutMistakes: Double

    /// The decimals that the paper prints, at most.
    private static let unit = 0.01

    /// Whether ours is the number of the proceedings to its last printed digit, rounded or cut off.
    public var isMet: Bool { abs(ours - proceedings) < Self.unit }

    /// A number with ours beside it.
    public init(
        source: String,
        model: String,
        policy: String,
        failures: String,
        ours: Double,
        proceedings: Double,
        corrected: Double,
        withoutMistakes: Double
    ) {
        self.source = source
        self.model = model
        self.policy = policy
        self.failures = failures
        self.ours = ours
        self.proceedings = proceedings
        self.corrected = corrected
        self.withoutMistakes = withoutMistakes
    }
}

extension PublishedValue {
    /// All throughputs that the paper prints: tables 2 and 4, and figure 10 where there are traces.
    static func throughputs(_ results: PaperResults) -> [PublishedValue] {
        let tables: [(String, [PublishedTables.Row])] = [
            ("table 2", PublishedTables.throughput),
            ("table 4", PublishedTables.withoutCheckpoints),
            ("figure 10", results.traces.spot.isEmpty ? [] : PublishedTables.spot),
        ]
        return tables.flatMap { source, rows in
            rows.map { row in
                PublishedValue(
                    source: source,
                    model: row.model.rawValue,
                    policy: PaperFigures.titles[row.policy] ?? row.policy.rawValue,
                    failures: row.period,
                    ours: results.throughput(row.model, row.policy, row.period),
                    proceedings: row.proceedings,
                    corrected: row.corrected,
                    withoutMistakes: results.throughput(
                        row.model,
                        row.policy,
                        row.period,
                        isCorrected: true
                    )
                )
            }
        }
    }

    /// Figures 1 and 11: the share of the time that is effective, ours with each second counted once.
    ///
    /// The printed ones are read off by eye, and are shares of sums that count some seconds twice.
    static func effectiveShares(_ results: PaperResults) -> [PublishedValue] {
        PublishedTables.effectiveShares.map { row in
            func share(_ isCorrected: Bool) -> Double {
                let result = results.result(
                    row.model,
                    row.policy,
                    row.period,
                    isCorrected: isCorrected
                )
                guard let result, result.duration > 0 else { return 0 }
                return result.breakdown.effective / result.duration
            }
            return PublishedValue(
                source: "figures 1 and 11",
                model: row.model.rawValue,
                policy: PaperFigures.titles[row.policy] ?? row.policy.rawValue,
                failures: row.period,
                ours: share(false),
                proceedings: row.proceedings,
                corrected: row.corrected,
                withoutMistakes: share(true)
            )
        }
    }
}

/// A planning time printed in table 3, with ours beside it.
public struct PublishedPlanningTime: Hashable, Sendable {
    /// Nodes of the template.
    public let nodes: Int
    /// Devices of each.
    public let devices: Int
    /// Layers of the model.
    public let layers: Int
    /// As printed, in seconds.
    public let published: Double
    /// Ours on this machine, in seconds.
    public let ours: Double

    /// A planning time with ours beside it.
    public init(nodes: Int, devices: Int, layers: Int, published: Double, ours: Double) {
        self.nodes = nodes
        self.devices = devices
        self.layers = layers
        self.published = published
        self.ours = ours
    }
}
