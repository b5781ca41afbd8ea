import OobleckCore

/// What no policy can beat: not any the clairvoyant, and none that keeps the batch and runs 1F1B the
/// other.
public struct Bound: ResiliencePolicy {
    /// How much is given for free.
    public enum Kind: Hashable, Sendable {
        /// Every change is free and loses nothing; steps are the fastest that the living nodes, or
        /// fewer, can take with 1F1B and the whole batch.
        ///
        /// What drops a part of the batch can divide the rest more evenly, and what reroutes work
        /// fills bubbles: both can get on faster than this.
        case zeroCost
        /// Besides, all is known ahead, so that every node computes all the time: no bubbles, no
        /// whole microbatches.
        case clairvoyant
    }

    private let table: StepTable
    private let kind: Kind
    private var steps = CountMemo<SimulatedTime?>()

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
        let samples = table.model.samplesPerStep
        guard !view.slowFactors.isEmpty else {
            return step(view.alive.count).map { Training(step: $0, samples: samples) }
        }
        var best: (time: Double, training: Training)?
        for factor in Set(view.slowFactors.values).union([1]).sorted() {
            var idle = NodeSet()
            for (node, its) in view.slowFactors where its > factor { idle.insert(node) }
            guard let step = step(view.alive.count - idle.count) else { continue }
            let time = factor * step.seconds
            guard time < best?.time ?? .infinity else { continue }
            best = (time, Training(step: step, samples: samples, idle: idle))
        }
        return best?.training
    }

    private mutating func step(_ nodes: Int) -> SimulatedTime? {
        let (table, kind) = (table, kind)
        return steps.value(nodes) {
            guard let fastest = table.fastestStep(nodes: nodes) else { return nil }
            guard kind == .clairvoyant else { return fastest }
            // A node gives 1 / (n w) microbatches a second in a pipeline of n nodes and slowest
            // stage w.
            let work =
                table.templates.templates.map { Double($0.nodes) * $0.slowestStage.value }
                .min() ?? 0
            let fluid = Double(table.model.microbatches) * work / Double(nodes)
            return min(fastest, SimulatedTime(Seconds(fluid)))
        }
    }
}
