import OobleckCore

/// What no policy that keeps the batch can beat.
public struct Bound: ResiliencePolicy {
    /// How much is given for free.
    public enum Kind: Hashable, Sendable {
        /// Every change is free and loses nothing; steps are the fastest that the living nodes, or
        /// fewer, can take.
        case zeroCost
        /// Besides, all is known ahead, so that every node computes all the time: no bubbles, no
        /// whole microbatches.
        case clairvoyant
    }

    private let table: StepTable
    private let kind: Kind

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
    private func training(_ view: ClusterView) -> Training? {
        var best: (time: Double, training: Training)?
        for factor in Set(view.slowFactors.values).union([1]).sorted() {
            let idle = Set(view.slowFactors.filter { $0.value > factor }.keys)
            guard let step = step(view.alive.count - idle.count) else { continue }
            let time = factor * step.seconds
            guard time < best?.time ?? .infinity else { continue }
            let samples = table.model.samplesPerStep
            best = (time, Training(step: step, samples: samples, idle: idle))
        }
        return best?.training
    }

    private func step(_ nodes: Int) -> SimulatedTime? {
        guard let fastest = table.fastestStep(nodes: nodes) else { return nil }
        guard kind == .clairvoyant else { return fastest }
        // A node gives 1 / (n w) microbatches a second in a pipeline of n nodes and slowest stage w.
        let work =
            table.templates.templates.map { template in
                let slowest =
                    template.stages.map { $0.forward.value + $0.backward.value }.max() ?? 0
                return Double(template.nodes) * slowest
            }
            .min() ?? 0
        let fluid = Double(table.model.microbatches) * work / Double(nodes)
        return min(fastest, SimulatedTime(Seconds(fluid)))
    }
}
