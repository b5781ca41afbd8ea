import OobleckValues

/// Finds the exact minimum of a cost model's T over all divisions of the layers into stages.
///
/// Every division has a slowest stage with some W. Best first: each W that a stage has gets a lower
/// bound of T (``SearchBounds``); the W with the least one is solved exactly (``SearchTable``). Then
/// ranges of those W whose bound is below the best T so far are bounded by one table for the whole
/// range, and halved, the least bound first, until they cannot win or are one W, which is solved
/// exactly. Where the memory refuses a table's division, one that counts stages takes its place:
/// exact in memory, so that it bounds well where memory binds.
///
/// Every bound is lowered by a margin for rounding, so no W that could win by rounding is
/// discarded. Every T that is compared is ``iterationTime(stages:costModel:)`` of real stages. On a
/// tie the smaller W wins.
struct TemplateSearch {
    /// How much work was done so far.
    private(set) var count = SearchCount()

    private let costs: StageCosts
    private let costModel: CostModel
    private let effort: SearchEffort
    private let stages: SearchStages
    private let prices: SearchPrices
    private let bounds: SearchBounds
    private var table: SearchTable
    private var memory: SearchMemory

    /// A search for the templates of up to `mostNodes` nodes; what they share is computed here.
    init(costs: StageCosts, costModel: CostModel, mostNodes: Int, effort: SearchEffort) {
        self.costs = costs
        self.costModel = costModel
        self.effort = effort
        stages = SearchStages(costs: costs)
        prices = SearchPrices(costModel)
        bounds = SearchBounds(
            stages: stages,
            least: Self.share(costs, nodes: min(mostNodes, costs.layerCount))
        )
        table = SearchTable(stages: stages, prices: prices)
        memory = SearchMemory(stages: stages)
    }

    /// A possible W, with the least bound of T of the stages that have it.
    private struct Slowest {
        let work: Double
        var bound: Double
    }

    private struct Best {
        var time = Double.infinity
        var slowest = Double.infinity
        var division: [SearchChoice] = []

        /// Bounds above this cannot win, not even by rounding.
        var limit: Double { time * (1 + TemplateSearch.margin) }
    }

    /// Far above what rounding does to sums of a model's layers, relatively.
    private static let margin = 1e-10

    /// The slowest stage takes at least an even share of all work, less a margin for rounding.
    ///
    /// For g devices speed a stage up g times at most.
    private static func share(_ costs: StageCosts, nodes: Int) -> Double {
        guard nodes > 0 else { return 0 }
        let devices = Double(nodes * costs.devicesPerNode)
        return costs.work(0..<costs.layerCount, widthIndex: 0) / devices * (1 - margin)
    }

    /// The best template, or `nil` if no division fits.
    mutating func template(nodes: Int) -> PipelineTemplate? {
        guard nodes > 0, costs.fewestStages(nodes: nodes) <= costs.layerCount else { return nil }
        var best = Best()
        if costs.deviceMemory != nil {
            guard let division = memory.division(nodes: nodes, count: &count) else { return nil }
            consider(division, &best)
        }
        if nodes == 1, costs.widths.last == costs.devicesPerNode {
            // A single stage on all devices, which the artifact's T treats apart.
            let widest = costs.widths.count - 1
            consider([SearchChoice(end: costs.layerCount, widthIndex: widest)], &best)
        }
        var slowest = slowest(nodes: nodes)
        if let first = slowest.indices.min(by: { slowest[$0].bound < slowest[$1].bound }) {
            solve(slowest.remove(at: first).work, nodes, &best)
        }
        explore(slowest, nodes, &best)
        guard !best.division.isEmpty else { return nil }
        let stages = stageTemplates(best.division)
        let iteration = iterationTime(stages: stages, costModel: costModel)
        return PipelineTemplate(nodes: nodes, iteration: iteration, stages: stages)
    }

    /// The best template by the makespan of the schedule, or `nil` if no division fits.
    mutating func scheduleTemplate(nodes: Int) -> PipelineTemplate? {
        guard let start = template(nodes: nodes) else { return nil }
        var search = ScheduleSearch(
            costs: costs,
            stages: stages,
            nodes: nodes,
            start: start,
            stepLimit: effort.templateSteps
        )
        let stages = stageTemplates(search.division(), hasHandovers: true)
        count.states += search.count.states
        count.steps += search.count.steps
        return PipelineTemplate(
            nodes: nodes,
            iteration: iterationTime(stages: stages, costModel: .schedule),
            leastIteration: search.least.map { Seconds($0) },
            stages: stages
        )
    }

    /// The W that some division may have, ascending, with the least bound of their stages.
    private mutating func slowest(nodes: Int) -> [Slowest] {
        let share = Self.share(costs, nodes: nodes)
        let mostStages = min(costs.layerCount, nodes * costs.devicesPerNode)
        var result: [Slowest] = []
        for candidate in bounds.candidates where candidate.work >= share {
            count.bounds += 1
            let bound = candidate.bound(prices, leastStages: nodes, mostStages: mostStages)
            guard bound < .infinity else { continue }
            if let last = result.indices.last, result[last].work == candidate.work {
                result[last].bound = min(result[last].bound, bound)
            } else {
                result.append(Slowest(work: candidate.work, bound: bound))
            }
        }
        return result
    }

    /// Considers all divisions with one of the W that could still win, the least bound first.
    private mutating func explore(_ slowest: [Slowest], _ nodes: Int, _ best: inout Best) {
        var open: [(bound: Double, range: [Slowest])] = []
        if let bound = bound(slowest, nodes, &best) { open.append((bound, slowest)) }
        while let next = open.indices.min(by: { open[$0].bound < open[$1].bound }) {
            let (bound, range) = open.remove(at: next)
            guard bound <= best.limit else { return }
            let left = range.filter { $0.bound <= best.limit }
            for half in [left[..<(left.count / 2)], left[(left.count / 2)...]] {
                if let bound = self.bound(Array(half), nodes, &best) {
                    open.append((bound, Array(half)))
                }
            }
        }
    }

    /// What T is at least with one of the W, or `nil` if that cannot win or is settled.
    private mutating func bound(_ range: [Slowest], _ nodes: Int, _ best: inout Best) -> Double? {
        let left = range.filter { $0.bound <= best.limit }
        guard let first = left.first, let last = left.last else { return nil }
        if left.count == 1 {
            solve(first.work, nodes, &best)
            return nil
        }
        var query = SearchTable.Query(
            least: first.work,
            greatest: last.work,
            nodes: nodes,
            extraStages: nil
        )
        guard var solution = table.solve(query, count: &count), solution.sum <= best.limit else {
            return nil
        }
        if !stages.fits(solution.division) {
            query.extraStages = mostStages(first.work, nodes, best) - nodes
            guard let counted = table.solve(query, count: &count), counted.sum <= best.limit else {
                return nil
            }
            solution = counted
        }
        if stages.fits(solution.division) { consider(solution.division, &best) }
        return solution.sum
    }

    /// Considers all divisions with one W.
    private mutating func solve(_ slowest: Double, _ nodes: Int, _ best: inout Best) {
        var query = SearchTable.Query(
            least: slowest,
            greatest: slowest,
            nodes: nodes,
            extraStages: nil
        )
        guard let solution = table.solve(query, count: &count), solution.sum <= best.limit else {
            return
        }
        if stages.fits(solution.division) { return consider(solution.division, &best) }
        query.extraStages = mostStages(slowest, nodes, best) - nodes
        guard let solution = table.solve(query, count: &count) else { return }
        consider(solution.division, &best)
    }

    /// With more stages, T would exceed the best.
    ///
    /// sosp23: T >= T1 + (3 S - 1) W + W; artifact: T >= T1 + (2 S + 1) W + W; T1 >= the least work.
    private func mostStages(_ slowest: Double, _ nodes: Int, _ best: Best) -> Int {
        let most = min(costs.layerCount, nodes * costs.devicesPerNode)
        let rest = best.limit - (stages.leastWorkBefore.last ?? 0) * (1 - Self.margin)
        let count: Double
        switch costModel {
        case .sosp23, .schedule: count = rest / (3 * slowest)
        case .sosp23Artifact: count = rest / (2 * slowest) - 1
        }
        guard count < Double(most) else { return most }
        return max(nodes, Int(count) + 1)
    }

    private func consider(_ division: [SearchChoice], _ best: inout Best) {
        guard stages.fits(division) else { return }
        let stages = stageTemplates(division)
        let time = iterationTime(stages: stages, costModel: costModel).value
        let slowest = CriticalPath(stages).slowest
        guard (time, slowest) < (best.time, best.slowest) else { return }
        best = Best(time: time, slowest: slowest, division: division)
    }

    private func stageTemplates(
        _ division: [SearchChoice],
        hasHandovers: Bool = false
    ) -> [StageTemplate] {
        var first = 0
        var usedDevices = 0
        return division.map { choice in
            let layers = first..<choice.end
            let devices = costs.widths[choice.widthIndex]
            defer {
                first = choice.end
                usedDevices += devices
            }
            return StageTemplate(
                firstLayer: first,
                endLayer: choice.end,
                node: usedDevices / costs.devicesPerNode,
                devices: devices,
                forward: costs.forward(layers, devices: devices),
                backward: costs.backward(layers, devices: devices),
                handover: hasHandovers
                    ? costs.handover(before: choice.end, devicesUsed: usedDevices + devices) : .free
            )
        }
    }
}
