import OobleckTemplates
import OobleckValues

/// What no policy can beat.
public struct BoundPolicy: ResiliencePolicy {
    /// How much is given for free.
    public enum Kind: Hashable, Sendable {
        /// Every change is free and loses nothing, and slow nodes are as fast as others; steps
        /// bring the most samples a second that any of the policies gets from the living nodes, or
        /// fewer.
        case zeroCost
        /// Besides, all is known ahead, so that every node computes all the time: no bubbles, no
        /// whole microbatches.
        case clairvoyant
    }

    private let table: StepTable
    private let kind: Kind
    private var rates = CountMemo<StepRate?>()

    /// A bound for a model on a cluster.
    public init(_ table: StepTable, _ kind: Kind) {
        self.table = table
        self.kind = kind
    }

    /// See ``ResiliencePolicy``.
    public var waitsForSteps: Bool { false }

    /// See ``ResiliencePolicy``.
    public mutating func answer(_ event: PolicyEvent, _ view: ClusterView) -> PolicyAnswer? {
        if case .changed(let joined, _, _) = event, joined.isEmpty { return nil }
        return PolicyAnswer(.nothingEver, [], then: training(view))
    }

    private mutating func training(_ view: ClusterView) -> PolicyAnswer.Training? {
        rate(view.alive.count).map { PolicyAnswer.Training(step: $0.step, samples: $0.samples) }
    }

    /// Slow nodes cost nothing.
    public func step(of training: PolicyAnswer.Training, slow: [Int: Double]) -> SimulatedTime? {
        training.step
    }

    private mutating func rate(_ nodes: Int) -> StepRate? {
        let (table, kind) = (table, kind)
        return rates.value(nodes) {
            guard let fastest = table.fastestRate(nodes: nodes) else { return nil }
            guard kind == .clairvoyant else { return fastest }
            // A node gives 1 / (n w) microbatches a second in a pipeline of n nodes and slowest
            // stage w.
            let work =
                table.templates.templates.map { Double($0.nodes) * $0.slowestStage.value }
                .min() ?? 0
            let fluid = Double(table.model.microbatches) * work / Double(nodes)
            let all = StepRate(
                step: SimulatedTime(Seconds(fluid)),
                samples: table.model.samplesPerStep
            )
            return max(fastest, all)
        }
    }
}
