import OobleckCore

/// Finds the exact minimum of a cost model's T over all divisions of the layers into stages.
///
/// Once the time W of the slowest stage is fixed, T is a sum over the stages: with `after` stages
/// behind the slowest one, k = S - 1 - after, and DESIGN's T becomes
///
///     sosp23:           sum of w before k + 2 (sum of w from k on) + (4 S - 2 - after) W
///     sosp23-artifact:  sum of w before k + 2 (sum of w from k on) + (3 S - after) W, 2 W for S = 1
///
/// so that one dynamic programme over (stages to go, first layer, devices to go) finds the minimum
/// for that W and all S and k: stages after the slowest have w < W, those before it w <= W, which
/// makes it the rightmost on a tie. Trying every W that some stage has gives the minimum of all. A
/// W is passed over where a lower bound shows that it cannot win. Counting stages from the end
/// makes the microbatches in flight at a stage, S - s, equal to the stages to go.
///
/// Stages fill the nodes in order. O(L^2 log G) values of W times O(S L D * L log G) for D devices.
struct TemplateSearch {
    let costs: StageCosts
    let costModel: CostModel
    let nodes: Int

    private var layerCount: Int { costs.layerCount }
    private var deviceCount: Int { nodes * costs.devicesPerNode }
    private var greatestStageCount: Int { min(layerCount, deviceCount) }

    /// The best template, or `nil` if no division fits.
    func template() -> PipelineTemplate? {
        guard nodes > 0, nodes <= layerCount else { return nil }
        var best: (time: Double, table: SearchTable, stageCount: Int)?
        for slowest in slowestCandidates() {
            if let best, lowerBound(slowest: slowest) > best.time { break }
            let table = table(slowest: slowest)
            for stageCount in nodes...greatestStageCount {
                let sum = table.headSum[table.index(stageCount, 0, deviceCount)]
                let time = sum + common(stageCount: stageCount, slowest: slowest)
                if time < best?.time ?? .infinity { best = (time, table, stageCount) }
            }
        }
        guard let best else { return nil }
        let stages = stages(of: best.table, stageCount: best.stageCount)
        let iteration = iterationTime(stages: stages, costModel: costModel)
        return PipelineTemplate(nodes: nodes, iteration: iteration, stages: stages)
    }

    /// Whether any division fits, without looking for the best one.
    func isFeasible() -> Bool {
        guard nodes > 0, nodes <= layerCount else { return false }
        let table = table(slowest: .infinity)
        return (nodes...greatestStageCount).contains { stageCount in
            table.tailSum[table.index(stageCount, 0, deviceCount)] < .infinity
        }
    }

    // MARK: The slowest stage

    /// The times that the slowest stage can have, ascending.
    private func slowestCandidates() -> [Double] {
        var works: Set<Double> = []
        for widthIndex in costs.widths.indices {
            for first in 0..<layerCount {
                for end in (first + 1)...layerCount {
                    works.insert(costs.work(first..<end, widthIndex: widthIndex))
                }
            }
        }
        // The slowest stage takes at least an even share of all work (less a margin for rounding).
        let share = costs.work(0..<layerCount, widthIndex: 0) / Double(deviceCount)
        return works.filter { $0 >= share * (1 - 1e-9) }.sorted()
    }

    /// What T is at least, whatever the division, lowered by a margin for rounding.
    ///
    /// T1 is at least the least work of all layers, T3 at least W, and T2 at least what it is at
    /// k = 0 with the fewest stages.
    private func lowerBound(slowest: Double) -> Double {
        let leastWork = (0..<layerCount).reduce(0.0) { sum, layer in
            let works = costs.widths.indices.map {
                costs.work(layer..<layer + 1, widthIndex: $0)
            }
            return sum + (works.min() ?? 0)
        }
        let slots =
            switch costModel {
            case .sosp23: 3 * nodes - 1
            case .sosp23Artifact: nodes == 1 ? 2 : 2 * nodes + 1
            }
        return (leastWork + Double(slots + 1) * slowest) * (1 - 1e-9)
    }

    /// The part of T2 that depends on S alone.
    private func common(stageCount: Int, slowest: Double) -> Double {
        switch costModel {
        case .sosp23: Double(4 * stageCount) * slowest
        case .sosp23Artifact: Double(stageCount == 1 ? 2 : 3 * stageCount) * slowest
        }
    }

    /// The part of T2 that depends on the count of stages after the slowest.
    private func correction(after: Int, slowest: Double) -> Double {
        switch costModel {
        case .sosp23: -Double(2 + after) * slowest
        case .sosp23Artifact: -Double(after) * slowest
        }
    }

    // MARK: The dynamic programme for one time of the slowest stage

    private func table(slowest: Double) -> SearchTable {
        var table = SearchTable(
            stages: greatestStageCount,
            layers: layerCount,
            devices: deviceCount
        )
        table.tailSum[table.index(0, layerCount, 0)] = 0
        for stagesLeft in 1...greatestStageCount {
            let mostDevices = min(stagesLeft * costs.devicesPerNode, deviceCount)
            for devicesLeft in stagesLeft...mostDevices {
                for first in 0...(layerCount - stagesLeft) {
                    relax(&table, stagesLeft, first, devicesLeft, slowest)
                }
            }
        }
        return table
    }

    /// Tries every stage that starts at layer `first` with so many stages and devices to go.
    private func relax(
        _ table: inout SearchTable,
        _ stagesLeft: Int,
        _ first: Int,
        _ devicesLeft: Int,
        _ slowest: Double
    ) {
        let here = table.index(stagesLeft, first, devicesLeft)
        let restOfNode = devicesLeft % costs.devicesPerNode
        let room = restOfNode == 0 ? costs.devicesPerNode : restOfNode
        for (widthIndex, width) in costs.widths.enumerated()
        where width <= room && devicesLeft - width >= stagesLeft - 1 {
            for end in (first + 1)...(layerCount - stagesLeft + 1) {
                let work = costs.work(first..<end, widthIndex: widthIndex)
                // Both only grow with the stage.
                guard work <= slowest,
                    costs.fits(first..<end, devices: width, microbatchesInFlight: stagesLeft)
                else { break }
                let next = table.index(stagesLeft - 1, end, devicesLeft - width)
                let tail = table.tailSum[next]
                if work < slowest {
                    table.improveTail(here, 2 * work + tail, end: end, width: width)
                } else {
                    let extra = correction(after: stagesLeft - 1, slowest: slowest)
                    let sum = 2 * work + extra + tail
                    table.improveHead(here, sum, end: end, width: width, isSlowest: true)
                }
                let sum = work + table.headSum[next]
                table.improveHead(here, sum, end: end, width: width, isSlowest: false)
            }
        }
    }

    /// Follows the best choices from the first stage on.
    private func stages(of table: SearchTable, stageCount: Int) -> [StageTemplate] {
        var stages: [StageTemplate] = []
        var first = 0
        var devicesLeft = deviceCount
        var isHead = true
        for stagesLeft in stride(from: stageCount, to: 0, by: -1) {
            let here = table.index(stagesLeft, first, devicesLeft)
            let choice = isHead ? table.headChoice[here] : table.tailChoice[here]
            let layers = first..<choice.end
            stages.append(
                StageTemplate(
                    firstLayer: first,
                    endLayer: choice.end,
                    node: (deviceCount - devicesLeft) / costs.devicesPerNode,
                    devices: choice.width,
                    forward: costs.forward(layers, devices: choice.width),
                    backward: costs.backward(layers, devices: choice.width)
                )
            )
            first = choice.end
            devicesLeft -= choice.width
            if choice.isSlowest { isHead = false }
        }
        precondition(first == layerCount && devicesLeft == 0, "the search covers all it has")
        return stages
    }
}

/// The least sums by (stages to go, first layer, devices to go), and the stages that give them.
private struct SearchTable {
    struct Choice {
        var end = 0
        var width = 0
        var isSlowest = false
    }

    /// All stages to go come after the slowest one.
    var tailSum: [Double]
    var tailChoice: [Choice]
    /// The slowest stage is still to come.
    var headSum: [Double]
    var headChoice: [Choice]
    private let layerStride: Int
    private let stageStride: Int

    init(stages: Int, layers: Int, devices: Int) {
        layerStride = devices + 1
        stageStride = (layers + 1) * layerStride
        let count = (stages + 1) * stageStride
        tailSum = [Double](repeating: .infinity, count: count)
        tailChoice = [Choice](repeating: Choice(), count: count)
        headSum = tailSum
        headChoice = tailChoice
    }

    func index(_ stagesLeft: Int, _ first: Int, _ devicesLeft: Int) -> Int {
        stagesLeft * stageStride + first * layerStride + devicesLeft
    }

    mutating func improveTail(_ index: Int, _ sum: Double, end: Int, width: Int) {
        guard sum < tailSum[index] else { return }
        tailSum[index] = sum
        tailChoice[index] = Choice(end: end, width: width)
    }

    mutating func improveHead(
        _ index: Int,
        _ sum: Double,
        end: Int,
        width: Int,
        isSlowest: Bool
    ) {
        guard sum < headSum[index] else { return }
        headSum[index] = sum
        headChoice[index] = Choice(end: end, width: width, isSlowest: isSlowest)
    }
}
