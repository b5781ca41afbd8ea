public import OobleckValues

/// The pipelines of a plan before nodes are named: sizes, microbatches and predicted times.
public struct Instantiation: Hashable, Sendable {
    /// Nodes of each pipeline, ascending.
    public let nodeCounts: [Int]
    /// Microbatches of each pipeline.
    public let microbatches: [Int]
    /// Time of each pipeline with its microbatches.
    public let pipelineTimes: [Seconds]
    /// Time of the gradient synchronisation after the slowest pipeline's end.
    public let synchronization: Seconds
    /// How much longer the step takes because nodes share cores (`SharedCores`).
    public internal(set) var contention = Seconds.zero
    /// The cores that the nodes share; `nil` where each has its own.
    package internal(set) var sharedCores: SharedCores?
    /// Whether the step time is proved to be the least; if not, `OverlapSearch` reached its bound.
    public internal(set) var isProved = true

    /// Predicted step time: the slowest pipeline plus the synchronisation, and what sharing cores adds.
    public var step: Seconds { (pipelineTimes.max() ?? .zero) + synchronization + contention }
}

/// Chooses how many pipelines of each template run and how many microbatches each gets, so that
/// the predicted step time is the exact minimum (`Documentation/Planner.md`, P8 to P10).
///
/// The published cost models charge a synchronisation that depends only on the count of pipelines.
/// `schedule` charges what remains after the end of the slowest pipeline
/// (`GradientSynchronization`), which has a lower bound of that form. So the same search gives a
/// lower bound, which is usually reached. `OverlapSearch` searches the remaining gap.
///
/// A time X is enough for p pipelines if there are p templates whose sizes sum to N, and which
/// together finish the global batch within X. Without the condition that counts are integers this
/// is a linear program over (pipelines, nodes). The upper hull of (size, microbatches) solves it in
/// O(t log M): it gives a lower bound of X for p, and rejects most p at once. The rest is a
/// knapsack over the templates that the slack of the linear program allows (`PipelinePacking`).
public struct Instantiator: Sendable {
    /// Templates, by node count ascending.
    public let templates: [PipelineTemplate]
    /// Microbatches of one step over all pipelines.
    public let microbatches: Int
    /// How far the search under `schedule` goes; the others always end.
    public let effort: SearchEffort
    /// What times of pipelines are computed by.
    public let costModel: CostModel

    /// The most microbatches that are planned for: far above any batch, and soon counted one by one.
    private static let mostMicrobatches = 1_000_000

    let times: TemplateTimes
    /// The cores that all nodes share; `nil` where each has its own.
    let cores: SharedCores?
    private let firstLayer: LayerProfile
    private let layers: [LayerProfile]
    /// Only under `schedule`.
    private let overlap: GradientSynchronization?

    /// An instantiator over these templates, for nodes that share `cores` cores; `nil` gives each
    /// its own.
    ///
    /// Throws ``OobleckError`` if there is nothing to distribute, or more than a million microbatches,
    /// or the profile has no layers.
    public init(
        templates: [PipelineTemplate],
        profile: ModelProfile,
        costModel: CostModel,
        microbatches: Int,
        effort: SearchEffort = .bounded,
        cores: Double? = nil
    ) throws {
        self.effort = effort
        self.costModel = costModel
        self.cores = cores.flatMap { SharedCores($0) }
        layers = profile.layers
        guard microbatches > 0 else {
            throw OobleckError(
                .usage,
                "microbatches of a step are \(microbatches); there must be at least 1"
            )
        }
        guard microbatches <= Self.mostMicrobatches else {
            throw OobleckError(
                .usage,
                "microbatches of a step are \(microbatches); "
                    + "there may be \(Self.mostMicrobatches) at most"
            )
        }
        guard let firstLayer = profile.layers.first else {
            throw OobleckError(.inputData, "profile has no layers; it needs at least one")
        }
        self.templates = templates.sorted { $0.nodes < $1.nodes }
        self.microbatches = microbatches
        self.firstLayer = firstLayer
        times = TemplateTimes(
            self.templates,
            microbatches: microbatches,
            costModel: costModel
        )
        overlap =
            costModel == .schedule
            ? GradientSynchronization(self.templates, profile: profile) : nil
    }

    /// The least time of the synchronisation of `pipelines` pipelines after their end: under the
    /// published cost models exactly the all-reduce of layer 0 among as many nodes.
    func leastSynchronization(pipelines: Int) -> Seconds {
        overlap?.least(pipelines: pipelines) ?? firstLayer.allReduceTime(amongNodes: pipelines)
    }

    /// The time of the synchronisation of pipelines of one template after their end, each with
    /// `microbatches` microbatches.
    public func synchronization(
        of template: PipelineTemplate,
        microbatches: Int,
        pipelines: Int
    ) -> Seconds {
        guard let overlap, let index = templates.firstIndex(where: { $0.nodes == template.nodes })
        else { return leastSynchronization(pipelines: pipelines) }
        return overlap.remaining([
            GradientSynchronization.Group(
                template: index,
                microbatches: microbatches,
                pipelines: pipelines
            )
        ])
    }

    /// The plan with the least step time over exactly `nodes` nodes with at least
    /// `minimumPipelines` pipelines, or `nil` if there is none.
    ///
    /// The fewest pipelines on a tie.
    public func instantiation(nodes: Int, minimumPipelines: Int = 1) -> Instantiation? {
        fastest(nodes: nodes, pipelines: max(1, minimumPipelines)...Int.max)
    }

    /// The same with exactly `pipelines` pipelines.
    public func instantiation(nodes: Int, pipelines: Int) -> Instantiation? {
        guard pipelines > 0 else { return nil }
        return fastest(nodes: nodes, pipelines: pipelines...pipelines)
    }

    /// The plan with exactly these pipelines, in this order, or `nil` if a size has no template or
    /// there are more pipelines than microbatches.
    public func instantiation(nodeCounts: [Int]) -> Instantiation? {
        let chosen = nodeCounts.compactMap { size in
            templates.firstIndex { $0.nodes == size }
        }
        guard !chosen.isEmpty, chosen.count == nodeCounts.count, chosen.count <= microbatches else {
            return nil
        }
        return apportion(chosen)
    }

    private func fastest(nodes: Int, pipelines: ClosedRange<Int>) -> Instantiation? {
        guard let least = templates.first?.nodes, nodes >= least else { return nil }
        let most = min(nodes / least, microbatches, pipelines.upperBound)
        guard pipelines.lowerBound <= most else { return nil }
        let counts = pipelines.lowerBound...most
        if sharesCores(nodes: nodes) { return fastestShared(nodes: nodes, counts: counts) }
        return isOverlapped
            ? fastestOverlapped(nodes: nodes, counts: counts)
            : fastestAlone(nodes: nodes, counts: counts)
    }

    /// Whether the cost model hides sums behind passes.
    var isOverlapped: Bool { overlap != nil }

    /// Whether `nodes` nodes must take turns on the cores.
    private func sharesCores(nodes: Int) -> Bool {
        guard let cores, let template = templates.first else { return false }
        let devices = template.stages.reduce(0) { $0 + $1.devices } / template.nodes
        return cores.areShared(devices: nodes * devices)
    }

    /// The best over the counts of pipelines, each device with a core of its own.
    func fastestAlone(nodes: Int, counts: ClosedRange<Int>) -> Instantiation? {
        let search = PipelinePacking(times: times, nodes: nodes)
        var found: (step: Double, threshold: Double, pipelines: Int)?
        for count in Self.order(counts) where count != found?.pipelines {
            let limit = limit(pipelines: count, best: found.map { ($0.step, $0.pipelines) })
            guard let threshold = search.leastTime(pipelines: count, limit: limit) else { continue }
            let step = threshold + leastSynchronization(pipelines: count).value
            found = (step, threshold, count)
        }
        guard let found else { return nil }
        let chosen = search.choice(pipelines: found.pipelines, within: found.threshold)
        return chosen.map { apportion($0.sorted()) }
    }

    /// A coarse pass first: a good step time early rejects most other counts at once.
    static func order(_ counts: ClosedRange<Int>) -> [Int] {
        let stride = max(1, (counts.upperBound - counts.lowerBound) / 16)
        let coarse = Swift.stride(from: counts.lowerBound, through: counts.upperBound, by: stride)
        return Array(coarse) + Array(counts)
    }

    /// The greatest time of the slowest pipeline with which this number of pipelines could be
    /// better than the best: faster, or as fast with fewer pipelines.
    func limit(pipelines: Int, best: (step: Double, pipelines: Int)?) -> Double {
        guard let best else { return times.greatest }
        let synchronization = leastSynchronization(pipelines: pipelines).value
        var limit = best.step - synchronization
        let isBetter = { (threshold: Double) in
            let step = threshold + synchronization
            return pipelines < best.pipelines ? step <= best.step : step < best.step
        }
        guard !isBetter(limit) else { return limit }
        // Bisected, because rounding of the sum may hide many steps of the threshold where the
        // synchronization is much larger than the passes.
        var better = limit - 4 * max(best.step, synchronization).ulp
        guard isBetter(better) else { return limit.nextDown }
        while better.nextUp < limit {
            let middle = better + (limit - better) / 2
            guard better < middle, middle < limit else { break }
            if isBetter(middle) { better = middle } else { limit = middle }
        }
        return better
    }

    /// Gives each pipeline one microbatch and each further one to the pipeline that finishes it
    /// first, which minimises the time of the slowest.
    ///
    /// Pipelines of one template take turns, so that only one of each is looked at: O(M t + p).
    func apportion(_ chosen: [Int]) -> Instantiation {
        var counts = chosen.map { _ in 1 }
        let classes = Dictionary(grouping: chosen.indices) { chosen[$0] }.values
            .sorted { $0[0] < $1[0] }
        var turns = classes.map { _ in 0 }
        for _ in chosen.count..<max(chosen.count, microbatches) {
            var best = (time: Double.infinity, count: Int.max, index: 0)
            for (index, members) in classes.enumerated() {
                let place = members[turns[index]]
                let time = times.time(chosen[place], counts[place] + 1)
                if (time, counts[place]) < (best.time, best.count) {
                    best = (time, counts[place], index)
                }
            }
            counts[classes[best.index][turns[best.index]]] += 1
            turns[best.index] = (turns[best.index] + 1) % classes[best.index].count
        }
        return instantiation(chosen, counts)
    }

    /// Pipelines of these templates, by index ascending, with these microbatches.
    func instantiation(_ chosen: [Int], _ counts: [Int]) -> Instantiation {
        var found = Instantiation(
            nodeCounts: chosen.map { templates[$0].nodes },
            microbatches: counts,
            pipelineTimes: zip(chosen, counts).map { Seconds(times.time($0, $1)) },
            synchronization: overlap?.remaining(GradientSynchronization.groups(chosen, counts))
                ?? leastSynchronization(pipelines: chosen.count)
        )
        guard let cores, sharesCores(nodes: found.nodeCounts.reduce(0, +)) else { return found }
        let work =
            SharedCores.passes(zip(chosen, counts).map { (templates[$0], $1) })
            + SharedCores.sums(layers, pipelines: chosen.count)
        found.contention = cores.excess(work: work, alone: found.step)
        found.sharedCores = cores
        return found
    }
}
