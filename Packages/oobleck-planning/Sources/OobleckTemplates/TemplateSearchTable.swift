/// Dynamic programme over (first layer, devices to go) for a slowest stage with W in a range.
///
/// Stages before the slowest have w <= the greatest W, those after it w < the greatest W; each
/// costs what ``SearchPrices`` says at the least W. So the sum is a lower bound of T for every W in
/// the range, and T itself where the range is one W. Stages fill the nodes in order.
///
/// The microbatches in flight at a stage are the stages to go. One device a node: the devices to
/// go. Otherwise `countsStages` adds a dimension, the stages to go beyond one for each node to go;
/// without it the memory is checked for that one only: a weaker condition, so still a lower bound.
///
/// O(D L) states for D devices and L layers and O(L log G) steps each; only layers that the front
/// and the back both reach are visited, few when W is near the least possible.
struct SearchTable {
    /// Least sums where all stages to go come after the slowest one.
    private var after: [Double] = []
    /// Least sums where the slowest one is still to come.
    private var before: [Double] = []
    /// The layers that each row holds sums for, and whose sums may be finite; no others are read.
    private var rows: [Range<Int>] = []

    private let stages: SearchStages
    private let prices: SearchPrices
    private var query = Query(least: 0, greatest: 0, nodes: 0, extraStages: nil)

    /// What a solution is for.
    struct Query {
        /// The range of W.
        var least: Double
        var greatest: Double
        var nodes: Int
        /// The most stages beyond one for each node, or `nil` without counting stages.
        var extraStages: Int?
    }

    /// The least sum and a division that has it.
    struct Solution {
        let sum: Double
        let division: [SearchChoice]
    }

    init(stages: SearchStages, prices: SearchPrices) {
        self.stages = stages
        self.prices = prices
    }

    /// The least sum, or `nil` if there is no division.
    mutating func solve(_ query: Query, count: inout SearchCount) -> Solution? {
        self.query = query
        count.tables += 1
        let devices = query.nodes * stages.devicesPerNode
        let rowCount = ((query.extraStages ?? 0) + 1) * (devices + 1)
        let size = rowCount * (stages.layerCount + 1)
        if after.count < size {
            after = [Double](repeating: .infinity, count: size)
            before = after
        }
        rows = [Range<Int>](repeating: 0..<0, count: rowCount)
        rows[0] = stages.layerCount..<stages.layerCount + 1
        after[stages.layerCount] = 0
        before[stages.layerCount] = .infinity
        let latest = latestFirst(devices: devices)
        for extra in 0...(query.extraStages ?? 0) {
            for devicesLeft in 1...devices where latest[devicesLeft] >= 0 {
                fill(extra, devicesLeft, latest: latest[devicesLeft], count: &count)
            }
        }
        var best: (sum: Double, extra: Int)?
        for extra in 0...(query.extraStages ?? 0) {
            let row = row(extra, devices)
            guard rows[row].contains(0) else { continue }
            let sum = before[row * (stages.layerCount + 1)]
            if sum < best?.sum ?? .infinity { best = (sum, extra) }
        }
        guard let best else { return nil }
        return Solution(sum: best.sum, division: division(extra: best.extra, devices: devices))
    }

    private func row(_ extra: Int, _ devicesLeft: Int) -> Int {
        extra * (query.nodes * stages.devicesPerNode + 1) + devicesLeft
    }

    /// Devices that the node being filled still has.
    private func room(_ devicesLeft: Int) -> Int {
        let rest = devicesLeft % stages.devicesPerNode
        return rest == 0 ? stages.devicesPerNode : rest
    }

    /// The row after a stage, or `nil` if it would need a stage that there is not.
    private func nextRow(_ extra: Int, _ devicesLeft: Int, width: Int) -> Int? {
        let next = devicesLeft - width
        guard query.extraStages != nil else { return next }
        // A stage that ends its node is the one stage of that node to go.
        if next % stages.devicesPerNode == 0 { return row(extra, next) }
        return extra > 0 ? row(extra - 1, next) : nil
    }

    /// The latest layer that the stages to go can begin at, by devices to go; -1: no division.
    private func latestFirst(devices: Int) -> [Int] {
        let layerCount = stages.layerCount
        let farthest = stages.widths.indices.map { widthIndex in
            var end = 0
            return (0..<layerCount).map { first in
                end = max(end, stages.reach(widthIndex, first, limit: query.greatest))
                return end
            }
        }
        var latest = [Int](repeating: -1, count: devices + 1)
        latest[devices] = 0
        for devicesLeft in stride(from: devices, to: 0, by: -1) {
            let nodesLeft = (devicesLeft - 1) / stages.devicesPerNode + 1
            latest[devicesLeft] = min(latest[devicesLeft], layerCount - nodesLeft)
            let first = latest[devicesLeft]
            guard first >= 0 else { continue }
            for (widthIndex, width) in stages.widths.enumerated() where width <= room(devicesLeft) {
                let next = devicesLeft - width
                latest[next] = max(latest[next], farthest[widthIndex][first])
            }
        }
        return latest
    }

    private mutating func fill(
        _ extra: Int,
        _ devicesLeft: Int,
        latest: Int,
        count: inout SearchCount
    ) {
        let nodesLeft = (devicesLeft - 1) / stages.devicesPerNode + 1
        let used = query.nodes * stages.devicesPerNode - devicesLeft
        // Each node begun has a stage, and each stage a layer.
        let earliest = (used + stages.devicesPerNode - 1) / stages.devicesPerNode
        let row = row(extra, devicesLeft)
        guard earliest <= latest else { return }
        let base = row * (stages.layerCount + 1)
        for first in earliest...latest {
            after[base + first] = .infinity
            before[base + first] = .infinity
        }
        count.states += latest - earliest + 1
        for (widthIndex, width) in stages.widths.enumerated() where width <= room(devicesLeft) {
            guard let next = nextRow(extra, devicesLeft, width: width), !rows[next].isEmpty else {
                continue
            }
            count.steps += relax(
                Relaxation(
                    firsts: earliest...latest,
                    base: base,
                    widthIndex: widthIndex,
                    ends: rows[next],
                    nextBase: next * (stages.layerCount + 1),
                    inFlight: Int32(nodesLeft + extra)
                )
            )
        }
        guard
            let low = (earliest...latest).first(where: { isFinite(base + $0) }),
            let high = (earliest...latest).last(where: { isFinite(base + $0) })
        else { return }
        rows[row] = low..<high + 1
    }

    private func isFinite(_ index: Int) -> Bool {
        after[index] < .infinity || before[index] < .infinity
    }

    /// All stages of one width from one row to another.
    private struct Relaxation {
        let firsts: ClosedRange<Int>
        let base: Int
        let widthIndex: Int
        let ends: Range<Int>
        let nextBase: Int
        let inFlight: Int32
    }

    /// The steps tried.
    private mutating func relax(_ relaxation: Relaxation) -> Int {
        let (least, greatest) = (query.least, query.greatest)
        let beforePrice = prices.before * least
        let slowestPrice = prices.slowest * least
        let afterPrice = prices.after * least
        let mostInFlight = stages.mostInFlight
        var steps = 0
        for first in relaxation.firsts {
            let stageRow = stages.row(relaxation.widthIndex, first)
            let here = relaxation.base + first
            var leastAfter = after[here]
            var leastBefore = before[here]
            var end = max(first + 1, relaxation.ends.lowerBound)
            while end < relaxation.ends.upperBound {
                let work = stages.works[stageRow + end]
                // Both only grow with the stage.
                guard work <= greatest else { break }
                if let mostInFlight, mostInFlight[stageRow + end] < relaxation.inFlight { break }
                let tail = after[relaxation.nextBase + end]
                let head = before[relaxation.nextBase + end]
                if work < greatest {
                    leastAfter = min(leastAfter, 2 * work + afterPrice + tail)
                }
                if work >= least {
                    leastBefore = min(leastBefore, 2 * work + slowestPrice + tail)
                }
                leastBefore = min(leastBefore, work + beforePrice + head)
                steps += 1
                end += 1
            }
            after[here] = leastAfter
            before[here] = leastBefore
        }
        return steps
    }

    /// Follows the sums from the first stage on: the first stage that gives each.
    private func division(extra: Int, devices: Int) -> [SearchChoice] {
        var division: [SearchChoice] = []
        var (first, devicesLeft, row) = (0, devices, row(extra, devices))
        var isBefore = true
        while devicesLeft > 0 {
            let step = step(first, devicesLeft, row, isBefore: isBefore)
            division.append(step.choice)
            first = step.choice.end
            devicesLeft -= stages.widths[step.choice.widthIndex]
            row = step.row
            isBefore = step.isBefore
        }
        precondition(first == stages.layerCount, "a division covers all layers")
        return division
    }

    private typealias Step = (choice: SearchChoice, row: Int, isBefore: Bool)

    private func step(_ first: Int, _ devicesLeft: Int, _ row: Int, isBefore: Bool) -> Step {
        let stride = stages.layerCount + 1
        let sum = (isBefore ? before : after)[row * stride + first]
        let extra = row / (query.nodes * stages.devicesPerNode + 1)
        let inFlight = (devicesLeft - 1) / stages.devicesPerNode + 1 + extra
        for (widthIndex, width) in stages.widths.enumerated() where width <= room(devicesLeft) {
            guard let next = nextRow(extra, devicesLeft, width: width) else { continue }
            let stageRow = stages.row(widthIndex, first)
            for end in rows[next] where end > first {
                let work = stages.works[stageRow + end]
                guard work <= query.greatest else { break }
                if let most = stages.mostInFlight, most[stageRow + end] < inFlight { break }
                let tail = after[next * stride + end]
                let choice = SearchChoice(end: end, widthIndex: widthIndex)
                if !isBefore {
                    let isTail = work < query.greatest
                    if isTail, 2 * work + prices.after * query.least + tail == sum {
                        return (choice, next, false)
                    }
                    continue
                }
                let isSlowest = work >= query.least
                if isSlowest, 2 * work + prices.slowest * query.least + tail == sum {
                    return (choice, next, false)
                }
                if work + prices.before * query.least + before[next * stride + end] == sum {
                    return (choice, next, true)
                }
            }
        }
        preconditionFailure("every finite sum comes from a stage")
    }
}
