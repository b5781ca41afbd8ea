/// Whether p pipelines over exactly N nodes finish all microbatches within a time, and with which
/// templates.
struct PipelinePacking {
    let times: TemplateTimes
    /// N.
    let nodes: Int

    /// The least time of the slowest pipeline with that many pipelines, if at most `limit`.
    ///
    /// Begins at the least time of the linear program, and looks upward in steps that double.
    func leastTime(pipelines: Int, limit: Double) -> Double? {
        func isPossible(_ time: Double) -> Bool {
            items(pipelines: pipelines, counts: times.counts(within: time)) != nil
        }
        func isEnough(_ time: Double) -> Bool {
            choice(pipelines: pipelines, within: time) != nil
        }
        guard isPossible(limit) else { return nil }
        var high = times.least(above: -1, to: limit, isEnough: isPossible)
        guard !isEnough(high) else { return high }
        var low = high
        var step = 1
        repeat {
            low = high
            guard let next = times.threshold(above: low, step: step, atMost: limit) else {
                return nil
            }
            high = next
            step *= 2
        } while !isEnough(high)
        return times.least(above: low, to: high, isEnough: isEnough)
    }

    /// The templates, by index, of p pipelines that sum to N and finish the most within the time.
    ///
    /// `nil` if none finish all microbatches.
    func choice(pipelines: Int, within time: Double) -> [Int]? {
        let counts = times.counts(within: time)
        guard let items = items(pipelines: pipelines, counts: counts) else { return nil }
        let knapsack = Knapsack(
            items: items.map { (size: times.sizes[$0], value: counts[$0]) },
            nodes: nodes,
            pipelines: pipelines
        )
        guard knapsack.capacity >= times.microbatches else { return nil }
        return knapsack.choice().map { items[$0] }
    }

    /// The templates that a choice may use, or `nil` if the linear program says that there is none.
    ///
    /// Between neighbours a and b of the upper hull around N / p, p pipelines finish at most
    /// p (v_a + slope (N / p - a)) microbatches, less what each template lies below that line. A
    /// template that lies further below it than this bound lies above M is in no choice. Compared
    /// as integers, multiplied by b - a.
    private func items(pipelines: Int, counts: [Int]) -> [Int]? {
        let sizes = times.sizes
        let usable = sizes.indices.filter { counts[$0] > 0 }
        guard let first = usable.first, let last = usable.last,
            sizes[first] * pipelines <= nodes, nodes <= sizes[last] * pipelines
        else { return nil }
        let (left, right) = hullNeighbours(usable, counts, pipelines)
        let width = max(1, sizes[right] - sizes[left])
        let rise = counts[right] - counts[left]
        func line(_ size: Int) -> Int { counts[left] * width + rise * (size - sizes[left]) }
        let bound = pipelines * (counts[left] * width - rise * sizes[left]) + rise * nodes
        let slack = bound - times.microbatches * width
        guard slack >= 0 else { return nil }
        return usable.filter { line(sizes[$0]) - counts[$0] * width <= slack }
    }

    /// The corners of the upper hull of (size, microbatches) on both sides of N / p.
    private func hullNeighbours(_ usable: [Int], _ counts: [Int], _ pipelines: Int) -> (Int, Int) {
        let sizes = times.sizes
        var hull: [Int] = []
        for item in usable {
            while hull.count >= 2 {
                let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
                let isBelow =
                    (counts[b] - counts[a]) * (sizes[item] - sizes[a])
                    <= (counts[item] - counts[a]) * (sizes[b] - sizes[a])
                guard isBelow else { break }
                hull.removeLast()
            }
            hull.append(item)
        }
        let right = hull.firstIndex { sizes[$0] * pipelines >= nodes } ?? hull.count - 1
        return right == 0 ? (hull[0], hull[min(1, hull.count - 1)]) : (hull[right - 1], hull[right])
    }
}

/// The most value of exactly p items, repeats allowed, whose sizes sum to exactly n.
private struct Knapsack {
    private var best: [Int32]
    private var item: [Int16]
    private let stride: Int
    private let pipelines: Int
    private let items: [(size: Int, value: Int)]

    init(items: [(size: Int, value: Int)], nodes: Int, pipelines: Int) {
        self.items = items
        self.pipelines = pipelines
        stride = nodes + 1
        var best = [Int32](repeating: -1, count: (pipelines + 1) * stride)
        var item = [Int16](repeating: -1, count: best.count)
        best[0] = 0
        let least = items.map(\.size).min() ?? 0
        let most = items.map(\.size).max() ?? 0
        for count in Swift.stride(from: 1, through: pipelines, by: 1) {
            // Sums that the pipelines before can reach, and from which those after reach N.
            let before = (count - 1) * least...(count - 1) * most
            let after = pipelines - count
            let row = count * stride
            for (index, candidate) in items.enumerated() {
                let from = max(before.lowerBound + candidate.size, nodes - after * most)
                let to = min(before.upperBound + candidate.size, nodes - after * least)
                guard from <= to else { continue }
                for total in max(from, candidate.size)...max(to, candidate.size) {
                    let rest = best[row - stride + total - candidate.size]
                    let value = rest + Int32(candidate.value)
                    if rest >= 0, value > best[row + total] {
                        best[row + total] = value
                        item[row + total] = Int16(index)
                    }
                }
            }
        }
        self.best = best
        self.item = item
    }

    /// The most value, or -1 if no such items exist.
    var capacity: Int { Int(best[pipelines * stride + stride - 1]) }

    /// The indices of the items that give it.
    func choice() -> [Int] {
        var chosen: [Int] = []
        var total = stride - 1
        for count in Swift.stride(from: pipelines, to: 0, by: -1) {
            let index = Int(item[count * stride + total])
            chosen.append(index)
            total -= items[index].size
        }
        return chosen
    }
}
