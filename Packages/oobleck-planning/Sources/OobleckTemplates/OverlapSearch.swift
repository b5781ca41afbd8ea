import OobleckValues

/// Finds the pipelines and microbatches with the least step time under cost model `schedule`, where
/// the synchronisation depends on all of them.
///
/// For each count of pipelines the packing gives the least time of the slowest one. Adding the
/// least synchronisation of that count gives a lower bound of the step, which the packing's choice
/// usually reaches. Where it does not, all multisets of (template, microbatches) below the best
/// step are tried in order, up to the limit of the effort.
struct OverlapSearch {
    /// Far above what rounding does to sums of a model's layers, relatively.
    private static let margin = 1e-12

    private let instantiator: Instantiator
    private let nodes: Int
    private(set) var best: Instantiation?
    /// Steps of trying, of all counts of pipelines together.
    private let workLimit: Int
    private var work = 0
    private var chosen: [Int] = []
    private var counts: [Int] = []

    init(_ instantiator: Instantiator, nodes: Int) {
        self.instantiator = instantiator
        self.nodes = nodes
        workLimit = instantiator.effort.instantiationSteps
    }

    /// Considers all instantiations with these numbers of pipelines.
    mutating func run(_ pipelines: ClosedRange<Int>) {
        let packing = PipelinePacking(times: instantiator.times, nodes: nodes)
        var open: [Int] = []
        for count in Instantiator.order(pipelines) {
            let limit = limit(count)
            guard let threshold = packing.leastTime(pipelines: count, limit: limit),
                let templates = packing.choice(pipelines: count, within: threshold)
            else { continue }
            let found = instantiator.apportion(templates.sorted())
            consider(found)
            let bound = threshold + instantiator.leastSynchronization(pipelines: count).value
            if found.step.value * (1 - Self.margin) > bound { open.append(count) }
        }
        for count in Set(open).sorted() {
            let limit = limit(count) * (1 - Self.margin)
            extend(from: 0, nodes, instantiator.microbatches, pipelinesLeft: count, limit: limit)
        }
        if work > workLimit { best?.isProved = false }
    }

    private func limit(_ pipelines: Int) -> Double {
        instantiator.limit(
            pipelines: pipelines,
            best: best.map { ($0.step.value, $0.nodeCounts.count) }
        )
    }

    /// The fewest pipelines on a tie.
    private mutating func consider(_ found: Instantiation) {
        guard let best else {
            self.best = found
            return
        }
        let (key, other) = (
            (found.step.value, found.nodeCounts.count), (best.step.value, best.nodeCounts.count)
        )
        if key < other { self.best = found }
    }

    /// Completes ``chosen`` and ``counts`` by pipelines of templates from the given one on.
    private mutating func extend(
        from template: Int,
        _ nodesLeft: Int,
        _ microbatchesLeft: Int,
        pipelinesLeft: Int,
        limit: Double
    ) {
        work += 1
        guard work <= workLimit else { return }
        let templates = instantiator.templates
        if pipelinesLeft == 0 {
            guard nodesLeft == 0, microbatchesLeft == 0 else { return }
            let found = instantiator.instantiation(chosen, counts)
            work += zip(chosen, counts).reduce(0) { $0 + templates[$1.0].stages.count * $1.1 }
            return consider(found)
        }
        for index in template..<max(template, templates.count) {
            let size = templates[index].nodes
            // Those to come are no smaller.
            guard size * pipelinesLeft <= nodesLeft else { break }
            let isSame = chosen.last == index
            let most = min(
                instantiator.times.count(index, within: limit),
                microbatchesLeft - pipelinesLeft + 1,
                isSame ? counts[counts.count - 1] : .max
            )
            for count in stride(from: most, to: 0, by: -1) {
                chosen.append(index)
                counts.append(count)
                extend(
                    from: index,
                    nodesLeft - size,
                    microbatchesLeft - count,
                    pipelinesLeft: pipelinesLeft - 1,
                    limit: limit
                )
                chosen.removeLast()
                counts.removeLast()
            }
        }
    }
}

extension Instantiator {
    /// The least step time where the synchronisation overlaps with the backward passes.
    func fastestOverlapped(nodes: Int, counts: ClosedRange<Int>) -> Instantiation? {
        var search = OverlapSearch(self, nodes: nodes)
        search.run(counts)
        return search.best
    }
}
