import OobleckCore

/// What no policy can beat: not even the clairvoyant, or no policy of 1F1B the other.
public struct Bound: ResiliencePolicy {
    /// How much is given for free.
    public enum Kind: Hashable, Sendable {
        /// Every change is free and loses nothing; training is the fastest that the living nodes, or
        /// fewer, can do with 1F1B. Rerouting fills bubbles of 1F1B, and can be faster.
        case zeroCost
        /// Besides, all is known ahead, so that every node computes all the time: no bubbles, no
        /// whole microbatches.
        case clairvoyant
    }

    private let table: StepTable
    private let kind: Kind
    private var steps = CountMemo<StepTable.Pace?>()

    /// A bound for a model on a cluster.
    public init(_ table: StepTable, _ kind: Kind) {
        self.table = table
        self.kind = kind
    }

    /// See ``ResiliencePolicy``.
    public var waitsForSteps: Bool { false }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        if case .changed(let joined, _, let slow) = event, joined.isEmpty, slow.isEmpty {
            return nil
        }
        return PolicyAnswer(.nothingEver, [], then: training(view))
    }

    /// With all nodes, or without those that are too slow: whichever is fastest.
    private mutating func training(_ view: ClusterView) -> Training? {
        guard !view.slowFactors.isEmpty else {
            return pace(view.alive.count).map { training($0) }
        }
        var best: (pace: StepTable.Pace, training: Training)?
        for factor in Set(view.slowFactors.values).union([1]).sorted() {
            var idle = NodeSet()
            for (node, its) in view.slowFactors where its > factor { idle.insert(node) }
            guard let pace = pace(view.alive.count - idle.count) else { continue }
            var slowed = pace
            slowed.step = SimulatedTime(Seconds(factor * pace.step.seconds))
            if let best, !slowed.isFaster(than: best.pace) { continue }
            best = (slowed, training(pace, idle: idle))
        }
        return best?.training
    }

    private func training(_ pace: StepTable.Pace, idle: NodeSet = NodeSet()) -> Training {
        Training(
            step: pace.step,
            samples: pace.microbatches * table.model.profile.microbatchSize,
            idle: idle
        )
    }

    private mutating func pace(_ nodes: Int) -> StepTable.Pace? {
        let (table, kind) = (table, kind)
        return steps.value(nodes) {
            guard let fastest = table.fastestPace(nodes: nodes) else { return nil }
            guard kind == .clairvoyant else { return fastest }
            // A node gives 1 / (n w) microbatches a second in a pipeline of n nodes and slowest
            // stage w.
            let work =
                table.templates.templates.map { Double($0.nodes) * $0.slowestStage.value }
                .min() ?? 0
            let fluid = StepTable.Pace(
                step: SimulatedTime(
                    Seconds(Double(table.model.microbatches) * work / Double(nodes))
                ),
                microbatches: table.model.microbatches
            )
            return fluid.isFaster(than: fastest) ? fluid : fastest
        }
    }
}
