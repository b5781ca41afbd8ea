import OobleckCore

/// The pipelines of a plan before nodes are named: sizes, microbatches and predicted times.
public struct Instantiation: Hashable, Sendable {
    /// Nodes of each pipeline, ascending.
    public let nodeCounts: [Int]
    /// Microbatches of each pipeline.
    public let microbatches: [Int]
    /// Time of each pipeline with its microbatches.
    public let pipelineTimes: [Seconds]
    /// Time of the gradient synchronisation.
    public let synchronization: Seconds

    /// Predicted step time: the slowest pipeline plus the synchronisation.
    public var step: Seconds { (pipelineTimes.max() ?? .zero) + synchronization }
}

/// Chooses how many pipelines of each template run and how many microbatches each gets, so that
/// the predicted step time is the exact minimum (DESIGN, section 3.3).
///
/// For each count of pipelines p the synchronisation is fixed, and the least time of the slowest
/// pipeline is found by bisection over the times that some template takes with some number of
/// microbatches: a time X is enough if p templates whose sizes sum to N, each with as many
/// microbatches as it finishes within X, hold the global batch, which a knapsack over (pipelines,
/// nodes) answers. With t templates and M microbatches the knapsack costs O(p N t), and there are
/// O(log(t M)) of them for each p that can still improve.
public struct Instantiator: Sendable {
    /// Templates, by node count ascending.
    public let templates: [PipelineTemplate]
    /// Microbatches of one step over all pipelines.
    public let microbatches: Int

    private let firstLayer: LayerProfile
    /// For each template, the times with one microbatch, with two and so on; nondecreasing.
    private let times: [[Seconds]]
    /// All those times, ascending.
    private let thresholds: [Seconds]

    /// An instantiator over these templates.
    ///
    /// Throws ``OobleckError`` if there is nothing to distribute or the profile has no layers.
    public init(
        templates: [PipelineTemplate],
        profile: ModelProfile,
        costModel: CostModel,
        microbatches: Int
    ) throws {
        guard microbatches > 0 else {
            throw OobleckError(
                .usage,
                "microbatches of a step are \(microbatches); there must be at least 1"
            )
        }
        guard let firstLayer = profile.layers.first else {
            throw OobleckError(.inputData, "profile has no layers; it needs at least one")
        }
        self.templates = templates.sorted { $0.nodes < $1.nodes }
        self.microbatches = microbatches
        self.firstLayer = firstLayer
        switch costModel {
        case .sosp23, .sosp23Artifact:
            times = self.templates.map { template in
                let path = CriticalPath(template.stages)
                return (1...microbatches).map { pipelineTime(path, microbatches: $0) }
            }
        }
        thresholds = Set(times.joined()).sorted()
    }

    /// What the paper charges for the gradient synchronisation: the all-reduce of layer 0 among as
    /// many nodes as there are pipelines.
    public func synchronization(pipelines: Int) -> Seconds {
        firstLayer.allReduceTime(amongNodes: pipelines)
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
        var cache: [Int: [Int]] = [:]
        /// Microbatches that all pipelines together finish within a threshold, by their count.
        func capacity(_ threshold: Int, pipelines count: Int) -> Int {
            if let known = cache[threshold] { return known[count] }
            let packing = knapsack(threshold, nodes: nodes, mostPipelines: most)
            let capacities = (0...most).map { packing.capacity(pipelines: $0, nodes: nodes) }
            cache[threshold] = capacities
            return capacities[count]
        }
        var found: (step: Seconds, threshold: Int, pipelines: Int)?
        for count in pipelines.lowerBound...most {
            let synchronization = synchronization(pipelines: count)
            let useful =
                found.map { found in
                    thresholds.partitionIndex { $0 + synchronization >= found.step }
                } ?? thresholds.count
            guard useful > 0, capacity(useful - 1, pipelines: count) >= microbatches else {
                continue
            }
            var low = 0
            var high = useful - 1
            while low < high {
                let middle = (low + high) / 2
                if capacity(middle, pipelines: count) >= microbatches {
                    high = middle
                } else {
                    low = middle + 1
                }
            }
            found = (thresholds[high] + synchronization, high, count)
        }
        guard let found else { return nil }
        let packing = knapsack(found.threshold, nodes: nodes, mostPipelines: found.pipelines)
        return apportion(packing.choice(pipelines: found.pipelines, nodes: nodes).sorted())
    }

    private func knapsack(_ threshold: Int, nodes: Int, mostPipelines: Int) -> Knapsack {
        let items = templates.indices.map { index in
            let within = times[index].partitionIndex { $0 > thresholds[threshold] }
            return (size: templates[index].nodes, value: within)
        }
        return Knapsack(items: items, nodes: nodes, mostPipelines: mostPipelines)
    }

    /// Gives each pipeline one microbatch and each further one to the pipeline that finishes it
    /// first, which minimises the time of the slowest.
    ///
    /// O(M p).
    private func apportion(_ chosen: [Int]) -> Instantiation {
        var counts = chosen.map { _ in 1 }
        for _ in chosen.count..<max(chosen.count, microbatches) {
            var best = 0
            for place in chosen.indices.dropFirst() {
                let time = times[chosen[place]][counts[place]]
                let bestTime = times[chosen[best]][counts[best]]
                if time < bestTime || (time == bestTime && counts[place] < counts[best]) {
                    best = place
                }
            }
            counts[best] += 1
        }
        return Instantiation(
            nodeCounts: chosen.map { templates[$0].nodes },
            microbatches: counts,
            pipelineTimes: zip(chosen, counts).map { times[$0][$1 - 1] },
            synchronization: synchronization(pipelines: chosen.count)
        )
    }
}

/// The most value of exactly p items, repeats allowed, whose sizes sum to exactly n, for all p, n.
private struct Knapsack {
    private var best: [Int]
    private var item: [Int]
    private let stride: Int
    private let items: [(size: Int, value: Int)]

    /// Items of no value cannot be used.
    init(items: [(size: Int, value: Int)], nodes: Int, mostPipelines: Int) {
        self.items = items
        stride = nodes + 1
        best = [Int](repeating: -1, count: (mostPipelines + 1) * stride)
        item = best
        best[0] = 0
        for count in 1...mostPipelines {
            for (index, candidate) in items.enumerated()
            where candidate.value > 0 && candidate.size <= nodes {
                for total in candidate.size...nodes {
                    let rest = best[(count - 1) * stride + total - candidate.size]
                    let here = count * stride + total
                    if rest >= 0, rest + candidate.value > best[here] {
                        best[here] = rest + candidate.value
                        item[here] = index
                    }
                }
            }
        }
    }

    /// The most value, or -1 if no such items exist.
    func capacity(pipelines: Int, nodes: Int) -> Int { best[pipelines * stride + nodes] }

    /// The indices of the items that give it.
    func choice(pipelines: Int, nodes: Int) -> [Int] {
        var chosen: [Int] = []
        var total = nodes
        for count in Swift.stride(from: pipelines, to: 0, by: -1) {
            let index = item[count * stride + total]
            chosen.append(index)
            total -= items[index].size
        }
        return chosen
    }
}

extension Array {
    /// The first index whose element satisfies the predicate, in an array where all elements that
    /// do stand behind all that do not.
    ///
    /// O(log n).
    fileprivate func partitionIndex(where predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
