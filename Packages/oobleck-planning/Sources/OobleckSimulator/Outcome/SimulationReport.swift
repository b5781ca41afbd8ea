public import OobleckValues

/// What `oobleck simulate` prints of our own model.
public struct SimulationReport: Sendable, Codable {
    /// What came of one policy.
    public struct Row: Sendable, Codable {
        /// The policy's name.
        public let policy: String
        /// Why it cannot run the model, if so.
        public let obstacle: String?
        /// Why its samples are not those of the other policies, and what of the world it does nothing
        /// about, if so.
        public let caveat: String?
        /// Samples of steps that count, per second of wall clock.
        public let goodput: SimulationEstimate
        /// Tokens of the same.
        public let tokenGoodput: SimulationEstimate
        /// The same samples, less those of the first policy in the same worlds.
        public let goodputDifference: SimulationEstimate?
        /// Samples of steps that count, in one world.
        public let samples: SimulationEstimate
        /// Useful time over all time of the nodes; both terms are in ``nodeSeconds``.
        public let effectiveTimeRatio: SimulationEstimate
        /// Steps that had to be done again, in one world.
        public let lostSteps: SimulationEstimate
        /// From a loss to the next training: the median and the 99th percentile of all worlds.
        public let recoveryMedian: Seconds?
        /// See ``recoveryMedian``.
        public let recovery99: Seconds?
        /// How long recoveries took, of all worlds.
        public let recoveries: RecoveryDistribution
        /// Events handled in one world.
        public let events: SimulationEstimate
        /// Dollars in one world.
        public let dollars: SimulationEstimate
        /// Samples for one dollar.
        public let samplesPerDollar: SimulationEstimate
        /// Seconds of all nodes by activity, on average over the worlds; under `total` their sum.
        public let nodeSeconds: [String: Double]

        private enum CodingKeys: String, CodingKey {
            case policy
            case obstacle
            case caveat
            case goodput = "goodput_samples_per_second"
            case tokenGoodput = "goodput_tokens_per_second"
            case goodputDifference = "goodput_difference_to_first"
            case samples
            case effectiveTimeRatio = "effective_time_ratio"
            case lostSteps = "lost_steps"
            case recoveryMedian = "recovery_seconds_median"
            case recovery99 = "recovery_seconds_p99"
            case recoveries = "recovery_seconds"
            case events
            case dollars
            case samplesPerDollar = "samples_per_dollar"
            case nodeSeconds = "node_seconds"
        }
    }

    /// The model's name.
    public let model: String
    /// The most nodes there are at once.
    public let nodes: Int
    /// Wall clock of one world.
    public let duration: Seconds
    /// Worlds.
    public let trials: Int
    /// Seed of chance; `nil` for a given world.
    public let seed: UInt64?
    /// Moments of loss in one world.
    public let losses: SimulationEstimate
    /// How the trace was read, or that there are no failures; `nil` where nothing is to be said.
    public let note: String?
    /// The policies, in the order asked for.
    public let policies: [Row]

    private enum CodingKeys: String, CodingKey {
        case model
        case nodes
        case duration = "duration_seconds"
        case trials
        case seed
        case losses
        case note
        case policies
    }

    /// The report of an experiment that was run.
    public init(
        _ experiment: SimulationExperiment,
        _ results: [PolicyOutcomes],
        note: String? = nil
    ) {
        self.note = note
        model = experiment.model.profile.model
        let first = results.first
        trials = first?.outcomes.count ?? 0
        duration = Seconds(first?.outcomes.first?.duration.seconds ?? 0)
        switch experiment.source {
        case .history(let history):
            nodes = history.mostNodes
            seed = nil
        case .chance(_, let count, _):
            nodes = count
            seed = experiment.seed
        }
        losses = first?.estimate { Double($0.losses) } ?? SimulationEstimate([0])
        policies = results.enumerated().map { index, result in
            Self.row(result, first: index > 0 ? first : nil, experiment.source)
        }
    }

    private static func row(
        _ result: PolicyOutcomes,
        first: PolicyOutcomes?,
        _ source: SimulationExperiment.Source
    ) -> Row {
        let caveats = [
            result.policy.caveat,
            result.policy.disregards(
                slowNodes: source.hasSlowNodes,
                notices: source.hasNotices
            ),
        ]
        .compactMap(\.self)
        let recoveries = RecoveryDistribution(result.outcomes.flatMap(\.recoveries))
        let worlds = Double(max(1, result.outcomes.count))
        let seconds = { (nanoseconds: Int128) in Double(nanoseconds) / 1e9 / worlds }
        let total = result.outcomes.reduce(Int128(0)) { $0 + $1.time.total }
        let time = NodeActivity.allCases.map { activity in
            let sum = result.outcomes.reduce(Int128(0)) { $0 + $1.time[activity] }
            return ("\(activity)", seconds(sum))
        }
        return Row(
            policy: result.policy.rawValue,
            obstacle: result.obstacle,
            caveat: caveats.isEmpty ? nil : caveats.joined(separator: "; "),
            goodput: result.estimate(\.goodput),
            tokenGoodput: result.estimate(\.tokenGoodput),
            goodputDifference: first.map { result.difference(to: $0, \.goodput) },
            samples: result.estimate(\.samples),
            effectiveTimeRatio: result.estimate(\.effectiveTimeRatio),
            lostSteps: result.estimate { Double($0.lostSteps) },
            recoveryMedian: recoveries.quantile(50),
            recovery99: recoveries.quantile(99),
            recoveries: recoveries,
            events: result.estimate { Double($0.events) },
            dollars: result.estimate(\.cost),
            samplesPerDollar: result.estimate(\.samplesPerDollar),
            nodeSeconds: Dictionary(
                uniqueKeysWithValues: time + [("total", seconds(total))]
            )
        )
    }
}
